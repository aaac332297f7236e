import net from 'node:net'
import type { Endpoint } from '../drivers/tasks.ts'

/** As the broker's. */
const READ_BYTES = 256 * 1024
const PING = 'PING\r\n'
const PONG = Buffer.from('+PONG\r\n', 'latin1')
const LETTER_MINUS = 45

/**
 * One connection of the generator that speaks RESP 2. Any failure (refused, closed, an error reply)
 * goes to `onFailure`, once.
 */
export class RedisConnection {
  /** Called with each chunk; the view is valid during the call. None: chunks are replies. */
  onBytes: ((chunk: Buffer) => void) | undefined
  readonly #socket: net.Socket
  readonly #onFailure: (error: Error) => void
  /** As much of the last replies as a PONG is long. */
  #tail: Buffer = Buffer.alloc(0)
  #pong: (() => void) | undefined
  #isClosing = false

  constructor({ host, port }: Endpoint, onFailure: (error: Error) => void) {
    this.#onFailure = onFailure
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
    const callback = (count: number): boolean => this.#onChunk(buffer.subarray(0, count))
    this.#socket = net.connect({ host, port, noDelay: true, onread: { buffer, callback } })
    this.#socket.on('error', (error) => this.fail(error.message))
    this.#socket.on('close', () => this.fail('connection closed by the server'))
  }

  write(bytes: Uint8Array | string, onWritten?: (error?: Error | null) => void): void {
    this.#socket.write(bytes, onWritten)
  }

  /** Sends PING; resolves when all written before it has been processed by the server. */
  flush(): Promise<void> {
    this.write(PING)
    return new Promise((resolve) => {
      this.#pong = resolve
    })
  }

  /** Resolves when the server has confirmed it; all that comes after that are messages. */
  subscribe(channel: string, onBytes: (chunk: Buffer) => void): Promise<void> {
    const confirmation = `*3\r\n$9\r\nsubscribe\r\n$${channel.length}\r\n${channel}\r\n:1\r\n`
    this.write(`*2\r\n$9\r\nSUBSCRIBE\r\n$${channel.length}\r\n${channel}\r\n`)
    let said = ''
    return new Promise((resolve) => {
      this.onBytes = (chunk) => {
        said += chunk.toString('latin1')
        if (said.length < confirmation.length) return
        if (said !== confirmation) this.fail(`no confirmation: ${said.slice(0, 80)}`)
        this.onBytes = onBytes
        resolve()
      }
    })
  }

  close(): void {
    this.#isClosing = true
    this.#socket.destroy()
  }

  fail(reason: string): void {
    if (this.#isClosing) return
    this.close()
    this.#onFailure(new Error(`benchmark connection failed: ${reason}`))
  }

  #onChunk(chunk: Buffer): boolean {
    if (this.onBytes === undefined) this.#onReplies(chunk)
    else this.onBytes(chunk)
    return true
  }

  /** Numbers of receivers, which nobody wants to know, errors, and the answer to a PING. */
  #onReplies(chunk: Buffer): void {
    const error = chunk.indexOf(LETTER_MINUS)
    if (error !== -1) this.fail(chunk.toString('latin1', error, error + 80))
    const last = Buffer.concat([this.#tail, chunk.subarray(-PONG.length)])
    this.#tail = last.subarray(-PONG.length)
    if (this.#tail.equals(PONG)) this.#pong?.()
  }
}
