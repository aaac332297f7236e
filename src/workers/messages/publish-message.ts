import type { Kernel } from '../../kernel/kernel.ts'
import type { MessageArguments } from '../../protocol/arguments.ts'

const CR = 13
const LF = 10

/**
 * Whether a payload that ends before `end` is all there, with its CRLF. `broken` as soon as a byte
 * behind it is wrong: nats-server does not wait for the second one either.
 *
 * @param to address of the first byte not read yet
 */
export function payloadState(
  bytes: Uint8Array,
  end: number,
  to: number,
): 'complete' | 'incomplete' | 'broken' {
  if (to > end && bytes[end] !== CR) return 'broken'
  if (to > end + 1 && bytes[end + 1] !== LF) return 'broken'
  return to < end + 2 ? 'incomplete' : 'complete'
}

/**
 * Gives the kernel a message whose line TypeScript has parsed. The kernel's status says how it
 * went.
 *
 * @param connection record of the connection it came from
 * @param payload address of header block and payload
 * @param isTrusted the subject is taken as it is: no mapping, no permission to publish
 * @returns false when it must be tried again later
 */
export function publishMessage(
  { exports }: Kernel,
  connection: number,
  { subject, reply, queues, headerSizeText, sizeText, headerBytes, totalBytes }: MessageArguments,
  payload: number,
  isTrusted = false,
): boolean {
  // A header block of no bytes is none: nats-server delivers such a message as MSG.
  const header = headerBytes > 0 ? headerSizeText : null
  const isDone = exports.publishParts(
    connection,
    subject.from,
    subject.to - subject.from,
    reply?.from ?? 0,
    reply === null ? 0 : reply.to - reply.from,
    header?.from ?? 0,
    header === null ? 0 : header.to - header.from,
    sizeText.from,
    sizeText.to - sizeText.from,
    Math.max(0, headerBytes),
    totalBytes,
    payload,
    queues[0]?.from ?? 0,
    (queues.at(-1)?.to ?? 0) - (queues[0]?.from ?? 0),
    isTrusted ? 1 : 0,
  )
  return isDone !== 0
}
