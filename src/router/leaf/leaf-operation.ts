import { parseLeafSub, parseLeafUnsub, type Span } from '../../protocol/arguments.ts'
import type { Verb } from '../../protocol/verbs.ts'
import type { LeafSession } from './leaf-session.ts'

/**
 * Tells a session one line that was received; messages (LMSG, HMSG) are not its business.
 *
 * @param bytes the argument is [from, to); nothing is kept of it
 * @returns a promise while the session waits for credentials or TLS: read no further until it is
 *   kept
 */
export function tellLeafSession(
  session: LeafSession,
  verb: Verb,
  bytes: Uint8Array,
  from: number,
  to: number,
): Promise<void> | undefined {
  switch (verb) {
    case 'INFO':
      return session.onInfo(bytes.subarray(from, to))
    case 'CONNECT':
      return session.onConnect(bytes.subarray(from, to))
    case 'LSUB': {
      const sub = parseLeafSub(bytes, from, to)
      if (!sub.ok) {
        session.onBadArguments(sub.why)
        return undefined
      }
      const queue = sub.queue === null ? undefined : latin1(bytes, sub.queue)
      session.onLeafSub({ subject: latin1(bytes, sub.subject), queue, weight: sub.weight })
      return undefined
    }
    case 'LUNSUB': {
      const { subject, queue } = parseLeafUnsub(bytes, from, to)
      session.onLeafUnsub(latin1(bytes, subject), queue === null ? undefined : latin1(bytes, queue))
      return undefined
    }
    case 'PING':
      session.onPing()
      return undefined
    case 'PONG':
      session.onPong()
      return undefined
    case 'ERR':
      session.onErr(latin1(bytes, { from, to }))
      return undefined
    default:
      return undefined // +OK, and gateway interest: read and ignored
  }
}

function latin1(bytes: Uint8Array, { from, to }: Span): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1')
}
