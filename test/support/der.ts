/** The part of ASN.1's DER encoding that certificates need (ITU-T X.690). */

const INTEGER = 0x02
const BIT_STRING = 0x03
const OCTET_STRING = 0x04
const OBJECT_IDENTIFIER = 0x06
const UTF8_STRING = 0x0c
const SEQUENCE = 0x30
const SET = 0x31
const UTC_TIME = 0x17
const CONTEXT = 0x80
const CONSTRUCTED = 0x20

function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  return Buffer.concat([Buffer.from([tag]), length(content.length), content])
}

function length(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.from([bytes])
  if (bytes < 0x100) return Buffer.from([0x81, bytes])
  return Buffer.from([0x82, bytes >> 8, bytes & 0xff])
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return element(SEQUENCE, ...parts)
}

export function set(...parts: readonly Uint8Array[]): Buffer {
  return element(SET, ...parts)
}

export function boolean(value: boolean): Buffer {
  return Buffer.from([0x01, 0x01, value ? 0xff : 0x00])
}

/** @param bytes big-endian, not negative */
export function integer(bytes: Uint8Array): Buffer {
  const isNegative = (bytes[0] ?? 0) >= 0x80
  return element(INTEGER, ...(isNegative ? [Buffer.from([0])] : []), bytes)
}

export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return element(BIT_STRING, Buffer.from([unusedBits]), bytes)
}

export function octetString(bytes: Uint8Array): Buffer {
  return element(OCTET_STRING, bytes)
}

export function utf8String(text: string): Buffer {
  return element(UTF8_STRING, Buffer.from(text))
}

/** @param date 1950 to 2049 */
export function utcTime(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+/, '').replaceAll(/[-:T]/g, '').slice(2)
  return element(UTC_TIME, Buffer.from(digits, 'latin1'))
}

/** @param dotted e.g. `2.5.29.17` */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return element(OBJECT_IDENTIFIER, Buffer.from([40 * first + second, ...rest.flatMap(base128)]))
}

function base128(value: number): number[] {
  const digits = [value & 0x7f]
  for (let left = value >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80)
  return digits
}

/** `[number]` around other elements. */
export function tagged(number: number, ...parts: readonly Uint8Array[]): Buffer {
  return element(CONTEXT | CONSTRUCTED | number, ...parts)
}

/** `[number] IMPLICIT` of something that is just bytes. */
export function taggedBytes(number: number, bytes: Uint8Array): Buffer {
  return element(CONTEXT | number, bytes)
}
