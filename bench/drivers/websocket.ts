import {
  encodeFrameHeader,
  FRAME_HEADER_BYTES_MAX,
  isControl,
  OPCODE_BINARY,
  readFrameHeader,
} from '../../src/protocol/websocket/frame-header.ts'

const HEAD_END = '\r\n\r\n'
const SWITCHED = 'HTTP/1.1 101 '
/** Any sixteen bytes: servers look at the length alone. */
const KEY = Buffer.alloc(16).toString('base64')
/** Servers unmask whatever the key; with this one, there is nothing to mask here. */
const MASK = 0

/** The client's side of a WebSocket, without compression, for messages of one kind. */
export class Websocket {
  /** Until the answer to the request is there. */
  #isSwitched = false
  #answer = ''
  /** What has come of a header that a chunk ends in. */
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES_MAX)
  #headerBytes = 0
  /** Of the frame under way, not yet come. */
  #payloadLeft = 0
  #isMessageOpen = false

  /** Stands in front of everything else. */
  static request(host: string, port: number): string {
    const lines = ['GET / HTTP/1.1', `Host: ${host}:${port}`, 'Upgrade: websocket']
    lines.push('Connection: Upgrade', `Sec-WebSocket-Key: ${KEY}`, 'Sec-WebSocket-Version: 13')
    return `${lines.join('\r\n')}${HEAD_END}`
  }

  /** Stands in front of so many bytes, which are sent as they are. */
  static frameHeader(payloadBytes: number): Uint8Array {
    return encodeFrameHeader({ opcode: OPCODE_BINARY, payloadBytes, mask: MASK })
  }

  /**
   * Moves the payloads among the first `count` bytes to the beginning, and returns their length.
   *
   * @throws Error when the server refuses, closes, or sends what is no frame for a client
   */
  unframe(bytes: Buffer, count: number): number {
    let at = this.#isSwitched ? 0 : this.#readAnswer(bytes, count)
    let kept = 0
    while (at < count) {
      if (this.#payloadLeft === 0) {
        at = this.#readHeader(bytes, at, count)
        continue
      }
      const part = Math.min(this.#payloadLeft, count - at)
      bytes.copyWithin(kept, at, at + part)
      kept += part
      at += part
      this.#payloadLeft -= part
    }
    return kept
  }

  /** Returns where the first frame begins. */
  #readAnswer(bytes: Buffer, count: number): number {
    const before = this.#answer.length
    this.#answer += bytes.toString('latin1', 0, count)
    const end = this.#answer.indexOf(HEAD_END)
    if (end === -1) return count
    if (!this.#answer.startsWith(SWITCHED)) {
      throw new Error(`no websocket: ${this.#answer.slice(0, this.#answer.indexOf('\r\n'))}`)
    }
    this.#isSwitched = true
    return end + HEAD_END.length - before
  }

  /** Returns where the header's payload begins; the end when the header goes on behind it. */
  #readHeader(bytes: Buffer, at: number, count: number): number {
    const before = this.#headerBytes
    const part = bytes.copy(this.#header, before, at, count)
    this.#headerBytes += part
    const isMessageOpen = this.#isMessageOpen
    const rules = { compress: false, masking: 'forbidden', isMessageOpen } as const
    const header = readFrameHeader(this.#header, 0, this.#headerBytes, rules)
    if (header === undefined) return count
    if ('violation' in header) throw new Error(`no websocket frame: ${header.violation}`)
    if (isControl(header.opcode)) throw new Error(`websocket frame with opcode ${header.opcode}`)
    this.#headerBytes = 0
    this.#isMessageOpen = !header.isFinal
    this.#payloadLeft = header.payloadBytes
    return at + header.headerBytes - before
  }
}
