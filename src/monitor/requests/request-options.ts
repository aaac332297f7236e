import {
  type OptionField,
  type OptionType,
  type OptionValues,
  type Unmarshalled,
  unmarshalOptions,
} from './go-unmarshal.ts'

/** Which servers a request is for; nats-server's EventFilterOptions. */
const FILTER = {
  server_name: 'string',
  cluster: 'string',
  host: 'string',
  exact_match: 'bool',
  tags: '[]string',
  domain: 'string',
} as const satisfies Record<string, OptionType>

/** Options of each request, by the names in nats-server's monitor.go. */
const OPTIONS: Readonly<Record<string, readonly [string, Readonly<Record<string, OptionType>>]>> = {
  STATSZ: ['StatszEventOptions', {}],
  VARZ: ['VarzEventOptions', {}],
  CONNZ: [
    'ConnzEventOptions',
    {
      sort: 'server.SortOpt',
      auth: 'bool',
      subscriptions: 'bool',
      subscriptions_detail: 'bool',
      offset: 'int',
      limit: 'int',
      cid: 'uint64',
      mqtt_client: 'string',
      state: 'server.ConnState',
      user: 'string',
      acc: 'string',
      filter_subject: 'string',
    },
  ],
  SUBSZ: [
    'SubszEventOptions',
    { offset: 'int', limit: 'int', subscriptions: 'bool', account: 'string', test: 'string' },
  ],
  ROUTEZ: ['RoutezEventOptions', { subscriptions: 'bool', subscriptions_detail: 'bool' }],
  GATEWAYZ: [
    'GatewayzEventOptions',
    {
      name: 'string',
      accounts: 'bool',
      account_name: 'string',
      subscriptions: 'bool',
      subscriptions_detail: 'bool',
    },
  ],
  LEAFZ: ['LeafzEventOptions', { subscriptions: 'bool', account: 'string' }],
  ACCOUNTZ: ['AccountzEventOptions', { account: 'string' }],
  STATZ: ['AccountStatzEventOptions', { accounts: '[]string', include_unused: 'bool' }],
  INFO: ['AccInfoEventOptions', {}],
  JSZ: [
    'JszEventOptions',
    {
      account: 'string',
      accounts: 'bool',
      streams: 'bool',
      consumer: 'bool',
      direct_consumer: 'bool',
      config: 'bool',
      leader_only: 'bool',
      offset: 'int',
      limit: 'int',
      raft: 'bool',
      stream_leader_only: 'bool',
    },
  ],
  HEALTHZ: [
    'HealthzEventOptions',
    {
      'js-enabled': 'bool',
      'js-enabled-only': 'bool',
      'js-server-only': 'bool',
      'js-meta-only': 'bool',
      account: 'string',
      stream: 'string',
      consumer: 'string',
      details: 'bool',
    },
  ],
  PROFILEZ: ['ProfilezEventOptions', { name: 'string', debug: 'int', duration: 'time.Duration' }],
  EXPVARZ: ['ExpvarzEventOptions', {}],
  IPQUEUESZ: ['IpqueueszEventOptions', { all: 'bool', filter: 'string' }],
  RAFTZ: ['RaftzEventOptions', { account: 'string', group: 'string' }],
  // Of these the struct is the filter itself.
  RELOAD: ['EventFilterOptions', {}],
  KICK: ['EventFilterOptions', {}],
  LDM: ['EventFilterOptions', {}],
}

interface Request {
  readonly struct: string
  readonly fields: ReadonlyMap<string, OptionField>
}

const REQUESTS: ReadonlyMap<string, Request> = new Map(
  Object.entries(OPTIONS).map(([name, [struct, options]]) => {
    const embedded = name === 'JSZ' ? 'JSzOptions' : struct.replace('EventOptions', 'Options')
    const filterPath = struct === 'EventFilterOptions' ? '' : 'EventFilterOptions'
    const fields = new Map<string, OptionField>()
    for (const [option, type] of Object.entries(FILTER)) {
      fields.set(option, { type, path: filterPath })
    }
    for (const [option, type] of Object.entries(options)) {
      fields.set(option, { type, path: embedded })
    }
    return [name, { struct: `server.${struct}`, fields }]
  }),
)

/**
 * Options of a request to the system account, filter included; no body says nothing.
 *
 * @param name `VARZ`, …; a key of OPTIONS
 */
export function readRequestOptions(name: string, body: Uint8Array): Unmarshalled {
  const request = REQUESTS.get(name)
  if (request === undefined) throw new TypeError(`no such request: ${name}`)
  if (body.length === 0) return { ok: true, values: {} }
  return unmarshalOptions(body, request.struct, request.fields)
}

/** What a filter looks at. */
export interface FilteredServer {
  readonly name: string
  readonly host: string
  readonly cluster: string
  readonly domain: string
  readonly tags: readonly string[]
}

/** Whether a request is for this server; the same rules as nats-server's. */
export function isMeant(options: OptionValues, server: FilteredServer): boolean {
  const { server_name: name, host, cluster, exact_match: isExact, tags, domain } = options
  const fits = (wanted: OptionValues[string] | undefined, own: string) =>
    typeof wanted !== 'string' ||
    wanted === '' ||
    (isExact === true ? own === wanted : own.includes(wanted))
  return (
    fits(name, server.name) &&
    fits(host, server.host) &&
    fits(cluster, server.cluster) &&
    (!Array.isArray(tags) || tags.every((tag) => hasTag(server.tags, tag))) &&
    (!domain || domain === server.domain)
  )
}

/** Tags are compared without case, as the JWT library's TagList does. */
function hasTag(tags: readonly string[], wanted: string): boolean {
  const folded = wanted.toLowerCase().trim()
  return tags.some((tag) => tag === folded)
}
