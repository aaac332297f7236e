import { isIP, isIPv4 } from 'node:net'
import { goQuote } from '../protocol/go-quote.ts'

/**
 * What the first bytes of a connection say by the PROXY protocol, version 1 (text) or 2 (binary):
 * haproxy.org/download/2.8/doc/proxy-protocol.txt.
 *
 * `address`: that is where the client is. `local`: the proxy speaks for itself, or does not know
 * (LOCAL, UNKNOWN, unspecified). `none`: there is no header. `invalid`: there is one, or a part of
 * one, with which nothing can be done; `why` is nats-server's text.
 */
export type ProxyHeader =
  | { readonly kind: 'address'; readonly address: string; readonly port: number }
  | { readonly kind: 'local' | 'none' }
  | { readonly kind: 'invalid'; readonly why: string }

/** A header, and what came after it; of `none` that is all there was. */
export interface ReadHeader {
  readonly header: ProxyHeader
  readonly rest: Uint8Array
}

const V1_PREFIX = Buffer.from('PROXY ')
/** With CR LF. */
const V1_LINE_BYTES_MAX = 107
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
/** Both versions can be told apart, and from all else, by so many bytes. */
const VERSION_BYTES = 6
/** Signature, version and command, family and protocol, length of what follows. */
const V2_HEADER_BYTES = 16
const V2_VERSION = 2
const V2_LOCAL = 0
const V2_PROXY = 1
const V2_STREAM = 1
const INVALID = 'invalid PROXY protocol header'
const UNSUPPORTED = 'unsupported PROXY protocol feature'

/** Families of version 2 that have addresses: source, destination, and a port for each. */
const V2_FAMILIES: Readonly<Record<number, { readonly name: string; readonly ipBytes: number }>> = {
  1: { name: 'IPv4', ipBytes: 4 },
  2: { name: 'IPv6', ipBytes: 16 },
}
const V2_UNSPECIFIED = 0

/** A header that is known, and how long it is; it may have come only in part. */
interface FoundHeader {
  readonly header: ProxyHeader
  readonly bytes: number
}

/**
 * Reads a PROXY header from pieces of any size. Keeps 107 bytes at most, whatever comes: what may
 * follow the addresses of version 2 is passed over.
 */
export class ProxyHeaderReader {
  readonly #head = Buffer.alloc(V1_LINE_BYTES_MAX)
  /** Read so far, also of what is not kept. */
  #bytes = 0
  #found: FoundHeader | undefined

  /** Whether anything has come. */
  get isEmpty(): boolean {
    return this.#bytes === 0
  }

  /** Whether enough has come to tell the version. */
  get knowsVersion(): boolean {
    return this.#bytes >= VERSION_BYTES
  }

  /** @returns undefined as long as more is needed; then it must not be called again */
  take(piece: Uint8Array): ReadHeader | undefined {
    const before = this.#bytes
    this.#bytes += piece.length
    if (this.#found === undefined) {
      const room = this.#head.subarray(Math.min(before, this.#head.length))
      room.set(piece.subarray(0, room.length))
      this.#found = findHeader(this.#kept)
    }
    if (this.#found === undefined) return undefined
    const { header, bytes } = this.#found
    if (header.kind === 'none') {
      return { header, rest: Buffer.concat([this.#head.subarray(0, before), piece]) }
    }
    if (header.kind === 'invalid') return { header, rest: NOTHING }
    return this.#bytes < bytes ? undefined : { header, rest: piece.subarray(bytes - before) }
  }

  /**
   * Nothing more comes. Must not be called when the header was read.
   *
   * @param cause why; by default the end of the connection
   */
  fail(cause?: string): ProxyHeader {
    const { what, isBegun } = missingPart(this.#kept, this.#bytes)
    return invalid(`${what}: ${cause ?? (isBegun ? 'unexpected EOF' : 'EOF')}`)
  }

  get #kept(): Buffer {
    return this.#head.subarray(0, Math.min(this.#bytes, this.#head.length))
  }
}

const NOTHING = new Uint8Array(0)

function invalid(why: string): ProxyHeader {
  return { kind: 'invalid', why }
}

/** @param head up to 107 bytes, which are enough for every answer but undefined */
function findHeader(head: Buffer): FoundHeader | undefined {
  if (head.length < VERSION_BYTES) return undefined
  if (startsLike(head, V1_PREFIX)) return findV1(head)
  if (startsLike(head, V2_SIGNATURE)) return findV2(head)
  return { header: { kind: 'none' }, bytes: 0 }
}

function startsLike(head: Buffer, signature: Buffer): boolean {
  return head.subarray(0, VERSION_BYTES).equals(signature.subarray(0, VERSION_BYTES))
}

/** Which part of a header nats-server would be reading, and whether that has begun to come. */
function missingPart(head: Buffer, bytes: number): { what: string; isBegun: boolean } {
  if (bytes < VERSION_BYTES) {
    return { what: 'failed to read protocol version', isBegun: bytes > 0 }
  }
  if (startsLike(head, V1_PREFIX)) return { what: 'failed to read v1 line', isBegun: false }
  if (bytes < V2_SIGNATURE.length) {
    return { what: 'failed to read v2 signature', isBegun: bytes > VERSION_BYTES }
  }
  if (bytes < V2_HEADER_BYTES) {
    return { what: 'failed to read v2 header', isBegun: bytes > V2_SIGNATURE.length }
  }
  const { command, family } = v2Fields(head)
  if (command === V2_LOCAL) {
    return { what: 'failed to discard LOCAL command address data', isBegun: false }
  }
  const name = V2_FAMILIES[family]?.name
  if (name === undefined) {
    return { what: 'failed to discard UNSPEC address address data', isBegun: false }
  }
  return { what: `failed to read ${name} address data`, isBegun: bytes > V2_HEADER_BYTES }
}

// ── version 1 ───────────────────────────────────────────────────────────────────────────────

function findV1(head: Buffer): FoundHeader | undefined {
  const end = head.indexOf('\r\n', VERSION_BYTES)
  if (end >= 0) {
    return { header: readV1(head.subarray(VERSION_BYTES, end)), bytes: end + 2 }
  }
  if (head.length < V1_LINE_BYTES_MAX) return undefined
  return { header: invalid(`${INVALID}: v1 line too long`), bytes: 0 }
}

/** Go's unicode.IsSpace, over bytes of UTF-8 that are taken as latin1, so that none is lost. */
const BLANK =
  /[\t-\r ]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80/

/** @param line between `PROXY ` and the end of the line */
function readV1(line: Buffer): ProxyHeader {
  const words = line.toString('latin1').split(BLANK).filter(Boolean)
  if (words[0] === 'UNKNOWN') return { kind: 'local' }
  if (words.length !== 5) return invalid(`${INVALID}: invalid v1 format`)
  const [family, source, destination, sourcePort, destinationPort] = words as Five
  if (!isGoAddress(source) || !isGoAddress(destination)) {
    return invalid(`${INVALID}: invalid address`)
  }
  const badSource = portFault(sourcePort)
  if (badSource !== undefined) return invalid(`invalid source port: ${badSource}`)
  const badDestination = portFault(destinationPort)
  if (badDestination !== undefined) return invalid(`invalid dest port: ${badDestination}`)
  const sixes = [source, destination].filter((address) => address.includes(':')).length
  if (family === 'TCP4') {
    if (sixes > 0) return invalid(`${INVALID}: TCP4 with IPv6 address`)
  } else if (family === 'TCP6') {
    if (sixes < 2) return invalid(`${INVALID}: TCP6 with IPv4 address`)
  } else {
    return invalid(`${INVALID}: invalid protocol ${printable(family)}`)
  }
  return { kind: 'address', address: addressText(source), port: Number(sourcePort) }
}

type Five = [string, string, string, string, string]

/** Zones are none of an address's here. */
function isGoAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%')
}

const PORT_MAX = 0xffff

/** What Go's strconv.ParseUint says of a text that is no port. */
function portFault(text: string): string | undefined {
  let port = 0
  for (const digit of text) {
    const value = digit >= '0' && digit <= '9' ? Number(digit) : undefined
    if (value !== undefined) port = port * 10 + value
    if (value !== undefined && port <= PORT_MAX) continue
    const why = value === undefined ? 'invalid syntax' : 'value out of range'
    return `strconv.ParseUint: parsing ${goQuote(Buffer.from(text, 'latin1'))}: ${why}`
  }
  return undefined
}

/** As nats-server shows it, but nothing a terminal would act upon. */
function printable(word: string): string {
  return goQuote(Buffer.from(word, 'latin1')).slice(1, -1)
}

// ── version 2 ───────────────────────────────────────────────────────────────────────────────

function findV2(head: Buffer): FoundHeader | undefined {
  if (head.length < V2_SIGNATURE.length) return undefined
  if (!head.subarray(0, V2_SIGNATURE.length).equals(V2_SIGNATURE)) {
    return { header: invalid(`${INVALID}: invalid signature`), bytes: 0 }
  }
  if (head.length < V2_HEADER_BYTES) return undefined
  const { command, family, more } = v2Fields(head)
  const bytes = V2_HEADER_BYTES + more
  const why = v2Fault(head)
  if (why !== undefined) return { header: invalid(why), bytes }
  const { ipBytes } = V2_FAMILIES[family] ?? { ipBytes: 0 }
  if (command === V2_LOCAL || ipBytes === 0) return { header: { kind: 'local' }, bytes }
  const portAt = V2_HEADER_BYTES + 2 * ipBytes
  if (head.length < portAt + 2) return undefined
  const address = ipText(head.subarray(V2_HEADER_BYTES, V2_HEADER_BYTES + ipBytes))
  return { header: { kind: 'address', address, port: head.readUInt16BE(portAt) }, bytes }
}

/** @param head 16 bytes at least */
function v2Fields(head: Buffer) {
  return {
    version: head[12]! >> 4,
    command: head[12]! & 0xf,
    family: head[13]! >> 4,
    protocol: head[13]! & 0xf,
    /** Bytes of addresses and whatever else follows. */
    more: head.readUInt16BE(14),
  }
}

function v2Fault(head: Buffer): string | undefined {
  const { version, command, family, protocol, more } = v2Fields(head)
  if (version !== V2_VERSION) return `${INVALID}: invalid version 0x${hexByte(version << 4)}`
  if (command === V2_LOCAL) return undefined
  if (command !== V2_PROXY) return `unknown PROXY protocol command: 0x${hexByte(command)}`
  if (protocol !== V2_STREAM) return `${UNSUPPORTED}: only STREAM protocol supported`
  if (family === V2_UNSPECIFIED) return undefined
  const known = V2_FAMILIES[family]
  if (known === undefined) {
    return `${UNSUPPORTED}: unsupported address family 0x${hexByte(family << 4)}`
  }
  const { name, ipBytes } = known
  if (more < 2 * ipBytes + 4) return `${name} address data too short: ${more} bytes`
  return undefined
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0')
}

// ── addresses as Go writes them ─────────────────────────────────────────────────────────────

const IPV4_IN_IPV6 = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/

/** @param ip 4 or 16 bytes */
function ipText(ip: Buffer): string {
  if (ip.length === 4) return ip.join('.')
  return addressText(ip.toString('hex').replace(/(....)(?!$)/g, '$1:'))
}

/** The shortest form; IPv4 in the form of IPv6 is IPv4. */
function addressText(address: string): string {
  if (isIPv4(address)) return address
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [, high, low] = IPV4_IN_IPV6.exec(short) ?? []
  if (high === undefined || low === undefined) return short
  const bytes = [high, low].flatMap((word) => {
    const value = Number.parseInt(word, 16)
    return [value >> 8, value & 0xff]
  })
  return bytes.join('.')
}
