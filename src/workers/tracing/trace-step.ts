import type { Kernel } from '../../kernel/kernel.ts'
import { TRACE_DEST_HEADER, TRACE_DISABLED } from '../../monitor/trace/trace-headers.ts'
import { setHeader } from '../../router/accounts/message-headers.ts'
import type { Requester } from '../accounts/service-imports.ts'
import type { InternalClient } from '../messages/internal-client.ts'
import type { MessagePlace } from '../messages/message-place.ts'
import { type ActiveTrace, NO_QUEUES } from './active-trace.ts'

/** See publishParts: it came through a service import. */
const TRUST_IMPORTED = 2

/** What crossing into another account by a service import means for a trace. */
export interface TraceStep {
  /** Undefined: the message goes on, but not the trace. */
  readonly active: ActiveTrace | undefined
  /** Destination header of the message in that account. */
  readonly dest: string
  /** The message was for the trace alone, which ends here. */
  readonly isLast: boolean
  /** The message is through. */
  end(): void
}

/** The export does not allow traces. */
export function stepUntraced({ trace }: ActiveTrace): TraceStep {
  return { active: undefined, dest: TRACE_DISABLED, isLast: trace.isOnly, end() {} }
}

/**
 * @param account name of the exporter
 * @param dest where events of further servers come to there
 * @param close called if there will be none
 */
export function stepInto(
  active: ActiveTrace,
  account: string,
  dest: string,
  close: () => void,
): TraceStep {
  const before = { dest: active.dest, account: active.account, hops: active.trace.hops }
  active.dest = dest
  active.account = account
  const end = () => {
    active.dest = before.dest
    active.account = before.account
    if (active.trace.hops === before.hops) close()
  }
  return { active, dest, isLast: false, end }
}

export function withTraceDest(headers: Uint8Array, dest: string): Uint8Array {
  return setHeader(headers, TRACE_DEST_HEADER, dest)
}

/** The same requester, of a message that is traced or not. */
export function withTrace(requester: Requester, active: ActiveTrace | undefined): Requester {
  return { clientInfo: () => requester.clientInfo(), isLeaf: requester.isLeaf, active }
}

/**
 * Publishes a request in the exporter's account.
 *
 * @returns whether anybody got it, or would have; undefined: it is not to be traced now
 */
export function publishTraced(
  { exports, layout }: Kernel,
  active: ActiveTrace,
  client: InternalClient,
  message: MessagePlace,
  onImports: (sent: MessagePlace) => boolean,
): boolean | undefined {
  const delivery = active.publish(client.record, message, NO_QUEUES, TRUST_IMPORTED)
  // No room in a lane: it goes on untraced, unless it was for the trace alone.
  if (delivery === undefined) return active.trace.isOnly ? false : undefined
  const wasDelivered = exports.delivered.value > 0
  const hasImports = exports.status.value === layout.STATUS_IMPORTS
  delivery.tellPlain()
  const isForwarded = hasImports && onImports(message)
  delivery.tellGroups()
  delivery.sendToLinks()
  return wasDelivered || isForwarded
}
