import { type OptionField, unmarshalOptions } from './go-unmarshal.ts'

/** Bodies of requests that are no options of an endpoint; Go's error texts. */
type Refused = { readonly ok: false; readonly error: string }

const KICK: ReadonlyMap<string, OptionField> = new Map([['cid', { type: 'uint64', path: '' }]])
const CONNS: ReadonlyMap<string, OptionField> = new Map([['acc', { type: 'string', path: '' }]])
const NSUBS: ReadonlyMap<string, OptionField> = new Map([
  ['acc', { type: 'string', path: '' }],
  ['subject', { type: 'string', path: '' }],
  // Base 64: Go's []byte.
  ['queue', { type: 'string', path: '' }],
])

/** Of KICK and LDM. */
export function readKickRequest(
  body: Uint8Array,
): { readonly ok: true; readonly cid: number } | Refused {
  const read = unmarshalOptions(body, 'server.KickClientReq', KICK)
  return read.ok ? { ok: true, cid: Number(read.values['cid'] ?? 0) } : read
}

/** Of an account's CONNS; the account may be named once more. */
export function readConnsRequest(
  body: Uint8Array,
  account: string,
): { readonly ok: true; readonly account: string } | Refused {
  if (body.length === 0) return { ok: true, account }
  const read = unmarshalOptions(body, 'server.accNumConnsReq', CONNS)
  return read.ok ? { ok: true, account: String(read.values['acc'] ?? account) } : read
}

/** Which subscriptions are counted; queue '' = all. */
export interface SubscriberQuery {
  readonly account: string
  readonly subject: string
  readonly queue: string
}

export function readCountRequest(
  body: Uint8Array,
): { readonly ok: true; readonly query: SubscriberQuery } | Refused {
  const read = unmarshalOptions(body, 'server.accNumSubsReq', NSUBS)
  if (!read.ok) return read
  const { acc = '', subject = '', queue = '' } = read.values
  const query = {
    account: String(acc),
    subject: String(subject),
    queue: Buffer.from(String(queue), 'base64').toString(),
  }
  return { ok: true, query }
}
