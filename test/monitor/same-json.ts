import assert from 'node:assert/strict'

/** Members whose values are each server's own, by name: only their type is compared. */
const OWN_VALUES: ReadonlySet<string> = new Set(
  (
    'server_id version go port now start uptime idle mem gomaxprocs cpu last_activity stop rtt pending_bytes cid id ' +
    'config_load_time config_digest update_time http_port num_cache num_inserts num_removes ' +
    'num_matches num_subscriptions cache_hit_rate max_fanout avg_fanout tls_cert_not_after cmdline memstats'
  ).split(' '),
)

/**
 * The same for one endpoint. nats-server's totals of what it has sent include headers that it puts
 * in itself, and count a delivery in another account to the publisher's.
 */
const OWN_VALUES_OF: Readonly<Record<string, ReadonlySet<string>>> = {
  varz: new Set(['out_bytes', 'out_client_bytes', 'subscriptions']),
  accstatz: new Set(['sent']),
  accountz: new Set(['subscriptions']),
}

/** Lists that nats-server makes from maps, in any order. */
const UNORDERED_LISTS: ReadonlySet<string> = new Set([
  'subscriptions_list',
  'subscriptions_list_detail',
  'account_statz',
  'accounts',
  'imports',
  'exports',
  'leafs',
])

type Json = null | boolean | number | string | readonly Json[] | JsonMembers
interface JsonMembers {
  readonly [key: string]: Json
}

/**
 * What is to be the same: names, order and types of all members, and the values that do not depend
 * on who says them. Times and durations are compared by their form.
 */
export function comparable(value: Json, path: string, name = ''): Json {
  const endpoint = path.split('?', 1)[0]!
  if (OWN_VALUES.has(name) || OWN_VALUES_OF[endpoint]?.has(name)) return formOf(value)
  if (typeof value === 'string') return value.replace(OWN_PARTS, '$1…')
  if (Array.isArray(value)) {
    const list = value.map((each: Json) => comparable(each, path))
    const isUnordered = name === 'connections' ? UNORDERED_SORT.test(path) : true
    if (!isUnordered || !(name === 'connections' || UNORDERED_LISTS.has(name))) return list
    return list.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value)
  const isCounted = name !== 'http_req_stats' && !isImported(value as JsonMembers)
  return Object.fromEntries(
    members.map(([key, member]) => [
      key,
      isCounted || typeof member !== 'number' ? comparable(member, path, key) : 'number',
    ]),
  )
}

/** Orders by which several connections are equal, or that time decides. */
const UNORDERED_SORT = /sort=(pending|rtt|last|idle)$/

/** nats-server counts at a subscription of its own what comes by a stream import. */
function isImported({ subject }: JsonMembers): boolean {
  return subject === 'p.s.x'
}

/** What is drawn by lot, and a compression that depends on the round-trip time. */
const OWN_PARTS = /^(\$LDS\.|s2_).*/

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/
const UPTIME = /^((\d+d)?(\d+h)?\d+m)?\d+s$/
const DURATION = /^[\d.]+(ns|µs|ms|s)$/

function formOf(value: Json): string {
  if (typeof value !== 'string') return Array.isArray(value) ? 'list' : typeof value
  if (TIME.test(value)) return 'time'
  return UPTIME.test(value) || DURATION.test(value) ? 'duration' : 'text'
}

/** Order of members counts, too, which deepEqual does not look at. */
export function assertSameJson(actual: Json, expected: Json, message: string): void {
  const [ours, theirs] = [actual, expected].map((value) => JSON.stringify(value, null, 1))
  assert.equal(ours, theirs, message)
}
