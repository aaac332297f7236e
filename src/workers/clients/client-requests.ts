/** Requests of a client that nobody in its account listens for, or services of other accounts. */
import { noResponders } from '../../protocol/headers.ts'
import type { ProtocolWorker } from '../protocol-worker-role.ts'
import type { ActiveTrace } from '../tracing/active-trace.ts'
import { withTrace } from '../tracing/trace-step.ts'
import type { ClientSession } from './client-session.ts'

/** Nobody got the message that the kernel has just published, and its sender wants to know. */
export function answerNoResponders({ kernel }: ProtocolWorker, session: ClientSession): void {
  const { exports, bytes } = kernel
  const subjectAt = exports.subject.value
  const replyAt = exports.reply.value
  const subject = bytes.subarray(subjectAt, subjectAt + exports.subjectBytes.value)
  const reply = bytes.subarray(replyAt, replyAt + exports.replyBytes.value)
  tellNoResponders(session, subject, reply)
}

/**
 * The account of the message that the kernel has just published imports services for it.
 *
 * @param active the request is traced
 */
export function forwardToServices(
  { services }: ProtocolWorker,
  session: ClientSession,
  active: ActiveTrace | undefined,
): void {
  const undelivered = services.forward(active === undefined ? session : withTrace(session, active))
  if (undelivered === undefined || undelivered.reply === '') return
  if (!session.options.noResponders || !session.hasHeaders) return
  const { subject, reply } = undelivered
  tellNoResponders(session, Buffer.from(subject, 'latin1'), Buffer.from(reply, 'latin1'))
}

function tellNoResponders(session: ClientSession, subject: Uint8Array, reply: Uint8Array): void {
  const { connection, subscriptions } = session
  const sid = subscriptions.sidFor(Buffer.from(reply).toString('latin1'))
  if (sid !== undefined) connection.write(noResponders(reply, sid, subject))
}
