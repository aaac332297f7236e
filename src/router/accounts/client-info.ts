import { type GoJsonObject, type GoJsonValue, goJsonObject } from '../../protocol/go-json.ts'
import { decodeGoJson, type GoDecoded, type GoFields } from '../../protocol/go-json-decode.ts'

/**
 * Who a connection is, for others: nats-server's ClientInfo in events.go. Members that are empty or
 * 0 are not written. Plain data.
 */
export interface ClientInfo {
  /** RFC 3339, see goTime. */
  readonly start?: string | undefined
  readonly host?: string | undefined
  readonly id?: number | undefined
  readonly account?: string | undefined
  /** Account a chained request came through last. */
  readonly service?: string | undefined
  readonly user?: string | undefined
  readonly name?: string | undefined
  readonly lang?: string | undefined
  readonly version?: string | undefined
  /** Nanoseconds; 0 = not known. */
  readonly rttNs?: number | undefined
  /** Name of the server, of a leaf node that of the peer. */
  readonly server?: string | undefined
  readonly cluster?: string | undefined
  readonly alternates?: readonly string[] | undefined
  readonly stop?: string | undefined
  readonly jwt?: string | undefined
  readonly issuerKey?: string | undefined
  readonly nameTag?: string | undefined
  readonly tags?: readonly string[] | undefined
  /** `Client`, `Leafnode`, … */
  readonly kind?: string | undefined
  /** `nats`, `websocket`, `mqtt`. */
  readonly clientType?: string | undefined
  readonly mqttClient?: string | undefined
  readonly nonce?: string | undefined
  readonly reply?: string | undefined
}

/** In the order of the Go struct, which is the order of the JSON. */
const FIELDS = {
  start: { json: 'start', type: 'string' },
  host: { json: 'host', type: 'string' },
  id: { json: 'id', type: 'uint64' },
  account: { json: 'acc', type: 'string' },
  service: { json: 'svc', type: 'string' },
  user: { json: 'user', type: 'string' },
  name: { json: 'name', type: 'string' },
  lang: { json: 'lang', type: 'string' },
  version: { json: 'ver', type: 'string' },
  rttNs: { json: 'rtt', type: 'int' },
  server: { json: 'server', type: 'string' },
  cluster: { json: 'cluster', type: 'string' },
  alternates: { json: 'alts', type: 'strings' },
  stop: { json: 'stop', type: 'string' },
  jwt: { json: 'jwt', type: 'string' },
  issuerKey: { json: 'issuer_key', type: 'string' },
  nameTag: { json: 'name_tag', type: 'string' },
  tags: { json: 'tags', type: 'strings' },
  kind: { json: 'kind', type: 'string' },
  clientType: { json: 'client_type', type: 'string' },
  mqttClient: { json: 'client_id', type: 'string' },
  nonce: { json: 'nonce', type: 'string' },
  reply: { json: 'reply', type: 'string' },
} as const satisfies GoFields & Record<keyof ClientInfo, unknown>

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/

function isEmpty(value: GoJsonValue | undefined): boolean {
  return (
    value === undefined ||
    value === '' ||
    value === 0 ||
    (Array.isArray(value) && value.length === 0)
  )
}

function entriesOf(info: ClientInfo): [string, GoJsonValue | undefined][] {
  const entries: [string, GoJsonValue | undefined][] = []
  for (const [member, { json }] of Object.entries(FIELDS)) {
    const value: GoJsonValue | undefined = info[member as keyof ClientInfo]
    if (!isEmpty(value)) entries.push([json, value])
  }
  return entries
}

export function encodeClientInfo(info: ClientInfo): string {
  return goJsonObject(entriesOf(info))
}

/** As part of something larger. */
export function clientInfoJson(info: ClientInfo): GoJsonObject {
  return Object.fromEntries(entriesOf(info))
}

/** @returns undefined for what Go would not take as a ClientInfo */
export function decodeClientInfo(text: string | Uint8Array): ClientInfo | undefined {
  const decoded = decodeGoJson(text, FIELDS)
  if (!decoded.ok) return undefined
  const info: GoDecoded<typeof FIELDS> = decoded.value
  const times = [info.start, info.stop]
  return times.every((time) => time === undefined || RFC_3339.test(time)) ? info : undefined
}

/** What every exporter is told of who asks: account and round-trip time. */
export function anonymous({ account, rttNs }: ClientInfo): ClientInfo {
  return { account, rttNs }
}
