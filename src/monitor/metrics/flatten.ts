import type { JsonObject, JsonValue } from '../endpoints/json-value.ts'
import { gauge, type MetricFamily } from './family.ts'

/** prometheus-nats-exporter leaves these out. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'leaf',
  'trusted_operators_claim',
  'cluster_tls_timeout',
  'cluster_cluster_port',
  'cluster_auth_timeout',
  'gateway_port',
  'gateway_auth_timeout',
  'gateway_tls_timeout',
  'gateway_connect_retries',
])
/** Texts that are told of: as the label `value`, times as Unix milliseconds. */
const TEXTS: ReadonlySet<string> = new Set([
  'server_id',
  'server_name',
  'version',
  'domain',
  'leader',
  'name',
  'start',
  'config_load_time',
])
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/

/**
 * Every number of an endpoint's answer, members of members included, as prometheus-nats-exporter
 * names it: `gnatsd_<endpoint>_<path to the member>`. All are gauges there.
 */
export function flatten(endpoint: string, serverId: string, answer: JsonObject): MetricFamily[] {
  const families = new Map<string, MetricFamily>()
  for (const { path, value } of membersOf(answer, [])) {
    const member = memberName(path)
    const name = `gnatsd_${endpoint}_${member}`
    if (families.has(name) || !METRIC_NAME.test(name)) continue
    const family = familyOf(name, member, serverId, path.at(-1)!, value)
    if (family !== undefined) families.set(name, family)
  }
  return [...families.values()]
}

function familyOf(
  name: string,
  member: string,
  serverId: string,
  key: string,
  value: JsonValue,
): MetricFamily | undefined {
  const labels = { server_id: serverId }
  if (typeof value === 'number' || typeof value === 'bigint') {
    return gauge(name, member, Number(value), labels)
  }
  if (typeof value !== 'string' || !TEXTS.has(key)) return undefined
  if (TIME.test(value)) return gauge(name, member, Math.floor(Date.parse(value)), labels)
  return gauge(name, member, 1, { ...labels, value })
}

/** `http_req_stats` and `/varz` are `http_req_stats_varz`. */
function memberName(path: readonly string[]): string {
  return path.join('_').replaceAll('/', '_').replace(/_+/g, '_').replace(/^_|_$/g, '')
}

function* membersOf(
  object: JsonObject | ReadonlyMap<string, JsonValue>,
  before: readonly string[],
): Iterable<{ path: readonly string[]; value: JsonValue }> {
  const members = object instanceof Map ? object : Object.entries(object)
  for (const [key, value] of members) {
    const path = [...before, key]
    if (value === undefined || value === null || Array.isArray(value)) continue
    if (LEFT_OUT.has(memberName(path))) continue
    if (typeof value === 'object') {
      yield* membersOf(value as JsonObject | ReadonlyMap<string, JsonValue>, path)
    } else {
      yield { path, value }
    }
  }
}
