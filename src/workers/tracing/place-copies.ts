import type { Kernel } from '../../kernel/kernel.ts'
import type { MessageArguments } from '../../protocol/arguments.ts'
import {
  bodyCopyBytes,
  copyBody,
  type MessagePlace,
  writeLatin1,
} from '../messages/message-place.ts'

/** A message in a block of its own, which is to be given back. */
export interface PlaceCopy {
  readonly place: MessagePlace
  readonly block: number
  readonly blockBytes: number
}

/** @param payload address of header block and payload */
export function placeOf(
  { subject, reply, headerSizeText, sizeText, headerBytes, totalBytes }: MessageArguments,
  payload: number,
): MessagePlace {
  // A header block of no bytes is none.
  const header = headerBytes > 0 ? headerSizeText : null
  return {
    subject: subject.from,
    subjectBytes: subject.to - subject.from,
    reply: reply?.from ?? 0,
    replyBytes: reply === null ? 0 : reply.to - reply.from,
    headerText: header?.from ?? 0,
    headerTextBytes: header === null ? 0 : header.to - header.from,
    sizeText: sizeText.from,
    sizeTextBytes: sizeText.to - sizeText.from,
    headerBytes: Math.max(0, headerBytes),
    totalBytes,
    payload,
  }
}

export function headersAt({ bytes }: Kernel, { payload, headerBytes }: MessagePlace): Uint8Array {
  return bytes.subarray(payload, payload + headerBytes)
}

/**
 * The message with another header block, and another subject if one is given (latin1).
 *
 * @returns undefined without memory
 */
export function copyWithHeaders(
  kernel: Kernel,
  from: MessagePlace,
  headers: Uint8Array,
  subject: string | undefined,
): PlaceCopy | undefined {
  const { exports, bytes } = kernel
  const subjectBytes = subject?.length ?? from.subjectBytes
  const blockBytes = subjectBytes + from.replyBytes + bodyCopyBytes(from, headers)
  const block = exports.allocate(blockBytes)
  if (block === 0) return undefined
  if (subject === undefined) exports.copy(block, from.subject, subjectBytes)
  else writeLatin1(bytes, block, subject)
  exports.copy(block + subjectBytes, from.reply, from.replyBytes)
  const place = copyBody(kernel, from, headers, block, subjectBytes, from.replyBytes)
  return { place, block, blockBytes }
}
