import type { ProtocolWorker } from '../protocol-worker-role.ts'
import type { ClientSession } from './client-session.ts'

/** Tells the kernel what it may do with the bytes of a client without asking. */
export function setClientFlags({ kernel, options }: ProtocolWorker, session: ClientSession): void {
  const { layout, words } = kernel
  const { echo, verbose, pedantic, noResponders } = session.options
  const { hasHeaders, granted } = session
  const { record } = session.connection
  let flags = 0
  if (echo) flags |= layout.FLAG_ECHO
  if (hasHeaders) flags |= layout.FLAG_HEADERS
  if (noResponders && hasHeaders) flags |= layout.FLAG_NO_RESPONDERS
  // By default, as for nats-server: many clients do not say anything about it.
  if (pedantic) flags |= layout.FLAG_PEDANTIC
  const isSlow = verbose || options.trace || !session.login.isAuthenticated
  if (isSlow) flags |= layout.FLAG_SLOW_PATH
  if (granted?.grant.trace !== undefined) flags |= layout.FLAG_TRACES_PARENTS
  const flagsAt = (record + layout.CONNECTION_FLAGS) >> 2
  words[flagsAt] = flags | (words[flagsAt]! & layout.FLAG_AWAITING_SUB)
  const payloadMax = granted?.grant.maxPayload ?? options.maxPayload
  words[(record + layout.CONNECTION_PAYLOAD_MAX) >> 2] = payloadMax
  words[(record + layout.CONNECTION_CONTROL_LINE_MAX) >> 2] = options.maxControlLine
}
