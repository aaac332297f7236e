import { createHash } from 'node:crypto'

/**
 * One attribute of a distinguished name.
 */
export interface NameAttribute {
  /** Dotted object identifier. */
  readonly type: string
  readonly value: string
}

/** What nats-server looks at in a certificate. Texts are as they stand in it, not normalized. */
export interface CertificateFields {
  /** Relative names in the order of the certificate, each with one attribute or more. */
  readonly subject: readonly (readonly NameAttribute[])[]
  readonly hasAlternativeNames: boolean
  readonly emails: readonly string[]
  readonly dnsNames: readonly string[]
  readonly uris: readonly string[]
  /** 4 or 16 bytes each. */
  readonly ips: readonly Uint8Array[]
  /** SHA-256 of the public key (SPKI), lower-case hex. */
  readonly pin: string
}

const CONTEXT_0 = 0xa0
const EXTENSIONS = 0xa3
const OCTET_STRING = 0x04
const UTF8_STRING = 0x0c
const TELETEX_STRING = 0x14
const BMP_STRING = 0x1e
/** `2.5.29.17` */
const SUBJECT_ALT_NAME = '551d11'

/** Choices of GeneralName (RFC 5280, section 4.2.1.6). */
const RFC822_NAME = 0x81
const DNS_NAME = 0x82
const UNIFORM_RESOURCE_IDENTIFIER = 0x86
const IP_ADDRESS = 0x87

interface Element {
  readonly tag: number
  readonly content: Uint8Array
  /** With tag and length. */
  readonly whole: Uint8Array
}

/**
 * Reads a certificate that OpenSSL has parsed before (RFC 5280, section 4.1). Node's own accessors
 * give subject and names as text for people, which does not lead back to the values.
 *
 * @param der e.g. `X509Certificate.raw`
 * @throws RangeError for bytes that are not DER
 */
export function readCertificate(der: Uint8Array): CertificateFields {
  const [toBeSigned] = children(first(der).content)
  const parts = children(toBeSigned!.content).filter(({ tag }) => tag !== CONTEXT_0)
  const [, , , , subject, publicKey] = parts
  const names = alternativeNames(parts.find(({ tag }) => tag === EXTENSIONS))
  const texts = (kind: number) =>
    (names ?? []).filter(({ tag }) => tag === kind).map(({ content }) => latin1(content))
  return {
    subject: children(subject!.content).map(({ content }) => children(content).map(attribute)),
    hasAlternativeNames: names !== undefined,
    emails: texts(RFC822_NAME),
    dnsNames: texts(DNS_NAME),
    uris: texts(UNIFORM_RESOURCE_IDENTIFIER),
    ips: (names ?? []).filter(({ tag }) => tag === IP_ADDRESS).map(({ content }) => content),
    pin: createHash('sha256').update(publicKey!.whole).digest('hex'),
  }
}

function alternativeNames(extensions: Element | undefined): readonly Element[] | undefined {
  if (extensions === undefined) return undefined
  for (const { content } of children(first(extensions.content).content)) {
    const [identifier, ...rest] = children(content)
    if (Buffer.from(identifier!.content).toString('hex') !== SUBJECT_ALT_NAME) continue
    const value = rest.find(({ tag }) => tag === OCTET_STRING)
    return children(first(value!.content).content)
  }
  return undefined
}

function attribute({ content }: Element): NameAttribute {
  const [type, value] = children(content)
  return { type: dotted(type!.content), value: text(value!) }
}

function text({ tag, content }: Element): string {
  if (tag === UTF8_STRING) return Buffer.from(content).toString('utf8')
  if (tag === TELETEX_STRING) return latin1(content)
  if (tag === BMP_STRING) return Buffer.from(content).swap16().toString('utf16le')
  return latin1(content)
}

function latin1(content: Uint8Array): string {
  return Buffer.from(content).toString('latin1')
}

function dotted(content: Uint8Array): string {
  const numbers: number[] = []
  let number = 0
  for (const byte of content) {
    number = number * 128 + (byte & 0x7f)
    if (byte >= 0x80) continue
    numbers.push(number)
    number = 0
  }
  const [head = 0, ...rest] = numbers
  const root = Math.min(2, Math.floor(head / 40))
  return [root, head - 40 * root, ...rest].join('.')
}

function first(der: Uint8Array): Element {
  const [element] = children(der)
  if (element === undefined) throw new RangeError('an element of DER is missing')
  return element
}

function children(der: Uint8Array): Element[] {
  const elements: Element[] = []
  let at = 0
  while (at < der.length) {
    const element = elementAt(der, at)
    elements.push(element)
    at += element.whole.length
  }
  return elements
}

function elementAt(der: Uint8Array, at: number): Element {
  const short = der[at + 1] ?? 0
  const lengthBytes = short < 0x80 ? 0 : short & 0x7f
  let length = lengthBytes === 0 ? short : 0
  for (let index = 0; index < lengthBytes; index++) {
    length = length * 256 + (der[at + 2 + index] ?? 0)
  }
  const from = at + 2 + lengthBytes
  const to = from + length
  if (to > der.length) throw new RangeError(`DER ends early: to=${to} bytes=${der.length}`)
  return { tag: der[at]!, content: der.subarray(from, to), whole: der.subarray(at, to) }
}
