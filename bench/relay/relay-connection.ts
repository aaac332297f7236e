import type { Socket } from 'node:net'
import { adoptSocket } from '../../src/io/adopt-socket.ts'
import type { ByteTarget } from '../../src/io/read-by-copy.ts'

/** As the broker's. */
const READ_BYTES = 256 * 1024

const GREETING = `INFO ${JSON.stringify({
  server_id: 'RELAY',
  version: '0.0.0',
  proto: 1,
  headers: true,
  max_payload: 64 * 1024 * 1024,
})}\r\n`
const PING = Buffer.from('PING\r\n', 'latin1')
const PONG = Buffer.from('PONG\r\n', 'latin1')
const LF = 10

/** All connections of the relay. */
export class Relay {
  readonly #receivers = new Set<Socket>()
  readonly #paused = new Set<Socket>()

  accept(source: Socket): void {
    const connection = new RelayConnection(this)
    const socket = adoptSocket(source, connection)
    connection.socket = socket
    socket.on('error', () => {}) // its close follows
    socket.on('close', () => this.#remove(socket))
    socket.write(GREETING)
  }

  addReceiver(socket: Socket): void {
    this.#receivers.add(socket)
  }

  /**
   * @returns whether all bytes are written; if not, reading from `publisher` pauses until they are
   */
  pass(bytes: Buffer, publisher: Socket): boolean {
    for (const receiver of this.#receivers) receiver.write(bytes, this.#onWritten)
    if (this.#isWritten()) return true
    this.#paused.add(publisher)
    return false
  }

  readonly #onWritten = (): void => {
    if (this.#paused.size === 0 || !this.#isWritten()) return
    for (const publisher of this.#paused) publisher.resume()
    this.#paused.clear()
  }

  #isWritten(): boolean {
    for (const receiver of this.#receivers) if (receiver.writableLength > 0) return false
    return true
  }

  #remove(socket: Socket): void {
    this.#receivers.delete(socket)
    this.#paused.delete(socket)
    this.#onWritten()
  }
}

/** One connection: lines, until the first message; from then on bytes. */
class RelayConnection implements ByteTarget {
  socket: Socket | undefined
  readonly #relay: Relay
  readonly #buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  /** Bytes at the start of the buffer that more must follow. */
  #held = 0
  #isPublisher = false

  constructor(relay: Relay) {
    this.#relay = relay
  }

  get isOpen(): boolean {
    return this.socket?.destroyed === false
  }

  readTarget(): Buffer {
    return this.#held === 0 ? this.#buffer : this.#buffer.subarray(this.#held)
  }

  onRead(count: number): boolean {
    const bytes = this.#buffer.subarray(0, this.#held + count)
    this.#held = 0
    return this.#isPublisher ? this.#pass(bytes) : this.#lines(bytes)
  }

  #lines(bytes: Buffer): boolean {
    let at = 0
    for (;;) {
      const lineFeed = bytes.indexOf(LF, at)
      if (lineFeed === -1) break
      const line = bytes.toString('latin1', at, lineFeed)
      if (line.startsWith('MSG ')) {
        this.#isPublisher = true
        return this.#pass(bytes.subarray(at))
      }
      if (line.startsWith('PING')) this.socket?.write(PONG)
      if (line.startsWith('SUB ')) this.#relay.addReceiver(this.socket!)
      at = lineFeed + 1
    }
    this.#hold(bytes.subarray(at))
    return true
  }

  /** A PING can only be the last that came: publishers wait for its answer. */
  #pass(bytes: Buffer): boolean {
    const socket = this.socket!
    const isPing = endsWith(bytes, PING.length)
    const pingBytes = isPing ? PING.length : startOfPing(bytes)
    let frames = bytes.subarray(0, bytes.length - pingBytes)
    if (pingBytes > 0 && !isPing) {
      frames = Buffer.from(frames) // so that their place is free for what is held
      this.#hold(bytes.subarray(frames.length))
    }
    const isWritten = frames.length === 0 || this.#relay.pass(frames, socket)
    if (isPing) socket.write(PONG)
    return isWritten
  }

  #hold(rest: Buffer): void {
    rest.copy(this.#buffer)
    this.#held = rest.length
  }
}

/** How many bytes at the end may be the start of a PING. */
function startOfPing(bytes: Buffer): number {
  for (let count = PING.length - 1; count > 0; count--) if (endsWith(bytes, count)) return count
  return 0
}

function endsWith(bytes: Buffer, pingBytes: number): boolean {
  return (
    bytes.length >= pingBytes &&
    PING.compare(bytes, bytes.length - pingBytes, bytes.length, 0, pingBytes) === 0
  )
}
