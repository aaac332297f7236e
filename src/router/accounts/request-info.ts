import { anonymous, type ClientInfo, decodeClientInfo, encodeClientInfo } from './client-info.ts'
import { headerValue, setHeader } from './message-headers.ts'

/** Header of requests that service imports forward: who asks, as JSON. */
export const REQUEST_INFO_HEADER = 'Nats-Request-Info'

export interface RequestInfoInput {
  /** Everything about the connection the request came in on. */
  readonly requester: ClientInfo
  /** It came over a leaf link. What such a peer says about who asks is not believed. */
  readonly isLeaf: boolean
  /** Of the import at hand. */
  readonly share: boolean
  /** The exporter is the system account. */
  readonly isSystem: boolean
  /** The account whose import it is. */
  readonly importer: string
  /** Set if another import forwarded the request before; whether that one shares. */
  readonly previous: { readonly share: boolean } | undefined
}

function withServer(info: ClientInfo, { server, cluster, alternates }: ClientInfo): ClientInfo {
  return { ...info, server, cluster, alternates }
}

/** @param told what the header says that the request has already */
function requestInfo(input: RequestInfoInput, told: ClientInfo | undefined): ClientInfo {
  const { requester, isLeaf, share, isSystem, importer, previous } = input
  const isShared = previous?.share ?? share
  const own = isShared ? requester : anonymous(requester)
  if (previous === undefined) return !isShared && isSystem ? withServer(own, requester) : own
  if (told === undefined && !isLeaf) return !isShared && isSystem ? withServer(own, requester) : own
  const base: ClientInfo = isLeaf ? { ...own, reply: told?.reply } : (told ?? own)
  const info: ClientInfo = { ...base, service: importer }
  // From an account that does not share into one that does.
  return !isShared && (share || isSystem) ? withServer(info, requester) : info
}

/**
 * The headers a forwarded request has in the exporting account. Three forms: account and round-trip
 * time; everything, if the import shares; and for requests that were forwarded before what the
 * first import told, with the account they came through as `svc`.
 *
 * @param headers of the request, empty = none
 */
export function withRequestInfo(headers: Uint8Array, input: RequestInfoInput): Uint8Array {
  const value = headerValue(headers, REQUEST_INFO_HEADER)
  const told = value === undefined ? undefined : decodeClientInfo(value)
  return setHeader(headers, REQUEST_INFO_HEADER, encodeClientInfo(requestInfo(input, told)))
}

/**
 * What a leaf peer is sent of a request with this header: the account by the name the peer knows it
 * by.
 *
 * @param remoteName of an account that is bound to another one at a peer; undefined: not bound
 * @returns `headers` themselves if there is nothing to change
 */
export function renameRequestAccount(
  headers: Uint8Array,
  remoteName: (account: string) => string | undefined,
): Uint8Array {
  const value = headerValue(headers, REQUEST_INFO_HEADER)
  const told = value === undefined ? undefined : decodeClientInfo(value)
  const account = remoteName(told?.account ?? '')
  if (told === undefined || account === undefined || account === told.account) return headers
  return setHeader(headers, REQUEST_INFO_HEADER, encodeClientInfo({ ...told, account }))
}
