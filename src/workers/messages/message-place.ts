import type { Kernel, MessageParts } from '../../kernel/kernel.ts'

/** Digits of a size, at most. */
const SIZE_DIGITS = 10

/** The parts of one message in the kernel's memory. Addresses in bytes, 0 = not there. */
export interface MessagePlace {
  readonly subject: number
  readonly subjectBytes: number
  readonly reply: number
  /** 0 = none. */
  readonly replyBytes: number
  /** Digits of the header block's size; none if there are no headers. */
  readonly headerText: number
  readonly headerTextBytes: number
  readonly sizeText: number
  readonly sizeTextBytes: number
  readonly headerBytes: number
  /** Of headers and payload. */
  readonly totalBytes: number
  /** Headers, then payload. */
  readonly payload: number
}

/** As the kernel's functions take them. Allocates: for what is rare. */
export function partsOf(place: MessagePlace): MessageParts {
  return [
    place.subject,
    place.subjectBytes,
    place.reply,
    place.replyBytes,
    place.headerText,
    place.headerTextBytes,
    place.sizeText,
    place.sizeTextBytes,
    place.headerBytes,
    place.totalBytes,
    place.payload,
  ]
}

const SPACE = 32
const CR = 13
const LETTER_H = 72
const DIGIT_0 = 48
/** `MSG ` and `HMSG `. */
const VERB_BYTES = 4
const HEADER_VERB_BYTES = 5
const CRLF_BYTES = 2

/** A frame as the kernel writes it for a client. */
interface Frame extends MessagePlace {
  readonly sid: number
  /** Behind it. */
  readonly end: number
}

/**
 * Reads the frame at an address.
 *
 * @param bytes the kernel's memory; the frame is whole and its sid is a whole number
 */
export function readFrame(bytes: Uint8Array, at: number): Frame {
  const hasHeaders = bytes[at] === LETTER_H
  const subject = at + (hasHeaders ? HEADER_VERB_BYTES : VERB_BYTES)
  const subjectEnd = wordEnd(bytes, subject)
  const sidEnd = wordEnd(bytes, subjectEnd + 1)
  const sid = wholeNumber(bytes, subjectEnd + 1, sidEnd)
  // [reply] [header size] total size: those that are missing stay before the others.
  let reply = 0
  let replyBytes = 0
  let headerText = 0
  let headerTextBytes = 0
  let sizeText = sidEnd + 1
  let sizeEnd = wordEnd(bytes, sizeText)
  let words = 1
  while (bytes[sizeEnd] !== CR) {
    reply = headerText
    replyBytes = headerTextBytes
    headerText = sizeText
    headerTextBytes = sizeEnd - sizeText
    sizeText = sizeEnd + 1
    sizeEnd = wordEnd(bytes, sizeText)
    words++
  }
  if (!hasHeaders && words > 1) {
    reply = headerText
    replyBytes = headerTextBytes
    headerText = 0
    headerTextBytes = 0
  }
  const totalBytes = wholeNumber(bytes, sizeText, sizeEnd)
  const payload = sizeEnd + CRLF_BYTES
  return {
    subject,
    subjectBytes: subjectEnd - subject,
    reply,
    replyBytes,
    headerText,
    headerTextBytes,
    sizeText,
    sizeTextBytes: sizeEnd - sizeText,
    headerBytes: hasHeaders ? wholeNumber(bytes, headerText, headerText + headerTextBytes) : 0,
    totalBytes,
    payload,
    sid,
    end: payload + totalBytes + CRLF_BYTES,
  }
}

function wordEnd(bytes: Uint8Array, from: number): number {
  let at = from
  while (bytes[at] !== SPACE && bytes[at] !== CR) at++
  return at
}

function wholeNumber(bytes: Uint8Array, from: number, to: number): number {
  let value = 0
  for (let at = from; at < to; at++) value = value * 10 + bytes[at]! - DIGIT_0
  return value
}

/** Writes a whole number. @returns the address behind it */
export function writeWholeNumber(bytes: Uint8Array, at: number, value: number): number {
  let end = at + 1
  for (let rest = value; rest >= 10; rest = Math.trunc(rest / 10)) end++
  let rest = value
  for (let digit = end - 1; digit >= at; digit--) {
    bytes[digit] = DIGIT_0 + (rest % 10)
    rest = Math.trunc(rest / 10)
  }
  return end
}

/** Writes latin1 text; a call of Buffer costs more for short ones. @returns where it ends */
export function writeLatin1(bytes: Uint8Array, at: number, text: string): number {
  const { length } = text
  for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i)
  return at + length
}

/** Bytes at most of what copyBody writes. */
export function bodyCopyBytes(from: MessagePlace, headers: Uint8Array): number {
  return 2 * SIZE_DIGITS + headers.length + from.totalBytes - from.headerBytes
}

/**
 * Completes the copy of a message that gets another header block.
 *
 * @param block address of subject and reply of the copy, which are there already; behind them there
 *   is room for bodyCopyBytes
 */
export function copyBody(
  { exports, bytes }: Kernel,
  from: MessagePlace,
  headers: Uint8Array,
  block: number,
  subjectBytes: number,
  replyBytes: number,
): MessagePlace {
  const bodyBytes = from.totalBytes - from.headerBytes
  const totalBytes = headers.length + bodyBytes
  const reply = block + subjectBytes
  const headerText = reply + replyBytes
  const sizeText = writeWholeNumber(bytes, headerText, headers.length)
  const payload = writeWholeNumber(bytes, sizeText, totalBytes)
  bytes.set(headers, payload)
  exports.copy(payload + headers.length, from.payload + from.headerBytes, bodyBytes)
  return {
    subject: block,
    subjectBytes,
    reply: replyBytes === 0 ? 0 : reply,
    replyBytes,
    headerText,
    headerTextBytes: sizeText - headerText,
    sizeText,
    sizeTextBytes: payload - sizeText,
    headerBytes: headers.length,
    totalBytes,
    payload,
  }
}
