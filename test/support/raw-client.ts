import { connect, type Socket } from 'node:net'
import { DEADLINE_MS, sleep } from './wait.ts'

/** How the peer ended the connection: orderly (FIN) or not (RST); null while it is open. */
export type PeerClose = 'fin' | 'rst' | null

/** Most bytes shown of what was received in a failure text. */
const QUOTE_CHARS_MAX = 1000

/** A TCP client that knows nothing of the protocol: sends what it is told and keeps what comes. */
export class RawClient implements AsyncDisposable {
  readonly #socket: Socket
  readonly #waiters = new Set<() => void>()
  #chunks: Buffer[] = []
  #receivedBytes = 0
  #closedBy: PeerClose = null
  #lastReceiveMs = Date.now()

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      this.#receivedBytes += chunk.length
      this.#lastReceiveMs = Date.now()
      this.#chunks.push(chunk)
      this.#wake()
    })
    socket.on('end', () => this.#onPeerClose('fin'))
    socket.on('error', () => this.#onPeerClose('rst'))
  }

  /** Nothing more will be sent; what comes is still read. */
  end(): void {
    this.#socket.end()
  }

  /** Connects to 127.0.0.1. */
  static async connect(port: number, host = '127.0.0.1'): Promise<RawClient> {
    const socket = connect({ host, port, allowHalfOpen: true })
    const client = new RawClient(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return client
  }

  /** @param socket accepted with `allowHalfOpen`, and not read yet */
  static over(socket: Socket): RawClient {
    return new RawClient(socket)
  }

  get closedBy(): PeerClose {
    return this.#closedBy
  }

  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /** Everything received since the start. */
  get received(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0] ?? Buffer.alloc(0)
  }

  /** Sends bytes; strings are taken as latin1, so that every byte can be written down. */
  async send(bytes: string | Uint8Array): Promise<void> {
    if (this.#closedBy !== null) return // the peer's early close is judged by what was received
    const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
    await new Promise<void>((resolve) => this.#socket.write(data, () => resolve()))
  }

  /** Sends the pieces one by one, with a pause between them so that they travel apart. */
  async sendPieces(pieces: readonly (string | Uint8Array)[], pauseMs = 1): Promise<void> {
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) await sleep(pauseMs)
      await this.send(piece)
    }
  }

  /** Waits until `isDone()`, which is asked again after each arrival and when the peer closes. */
  async waitFor(
    what: string,
    isDone: () => boolean,
    deadlineMs: number = DEADLINE_MS,
  ): Promise<void> {
    if (isDone()) return
    await new Promise<void>((resolve, reject) => {
      const check = (): void => {
        if (!isDone()) return
        clearTimeout(timer)
        this.#waiters.delete(check)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#waiters.delete(check)
        reject(new Error(`waited ${deadlineMs} ms for ${what}; ${this.describe()}`))
      }, deadlineMs)
      this.#waiters.add(check)
    })
  }

  async readBytes(byteCount: number, deadlineMs?: number): Promise<Buffer> {
    const isDone = (): boolean => this.#receivedBytes >= byteCount
    await this.waitFor(`${byteCount} bytes`, isDone, deadlineMs)
    return this.received
  }

  /** Waits until everything received so far contains `text`. */
  async readUntil(text: string, deadlineMs?: number): Promise<Buffer> {
    const isDone = (): boolean => this.received.includes(text, 0, 'latin1')
    await this.waitFor(JSON.stringify(text), isDone, deadlineMs)
    return this.received
  }

  /** Waits until nothing has come for `quietMs`, or the peer has closed. */
  async readUntilQuiet(quietMs: number): Promise<Buffer> {
    const startMs = Date.now()
    for (;;) {
      const quietSinceMs = Date.now() - Math.max(startMs, this.#lastReceiveMs)
      if (this.#closedBy !== null || quietSinceMs >= quietMs) return this.received
      await sleep(quietMs - quietSinceMs)
    }
  }

  async readUntilClose(deadlineMs?: number): Promise<Buffer> {
    await this.waitFor('the peer to close', () => this.#closedBy !== null, deadlineMs)
    return this.received
  }

  /** Stops reading, so that the peer's bytes pile up on its side. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Says what came, for failure texts. */
  describe(): string {
    const text = JSON.stringify(this.received.toString('latin1').slice(-QUOTE_CHARS_MAX))
    const state = this.#closedBy === null ? 'open' : `closed by peer (${this.#closedBy})`
    return `received ${this.#receivedBytes} bytes, ${state}: ${text}`
  }

  close(): void {
    this.#socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  #onPeerClose(how: Exclude<PeerClose, null>): void {
    this.#closedBy ??= how
    this.#wake()
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter()
  }
}
