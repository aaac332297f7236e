import { connect, type Socket } from 'node:net'
import { DEADLINE_MS, within } from '../support/wait.ts'

const LF = 10
const HEADERS_END = '\r\n\r\n'

/** One MSG or HMSG as it came. */
export interface WireMessage {
  readonly subject: string
  readonly sid: string
  readonly reply: string | undefined
  readonly headers: string
  readonly payload: Buffer
}

export interface WireOptions {
  readonly echo?: boolean
  readonly headers?: boolean
  readonly noResponders?: boolean
  readonly user?: string
  readonly pass?: string
  readonly onMessage?: (message: WireMessage) => void
}

/**
 * A client of the text protocol for many messages: cuts frames as they come and keeps nothing.
 *
 * It believes the sizes it is told, so a broken stream ends in a line that is none; that, an -ERR
 * and the end of the connection are kept for the test to look at.
 */
export class WireClient implements AsyncDisposable {
  readonly errors: string[] = []
  onMessage: (message: WireMessage) => void
  messageCount = 0
  isClosed = false
  readonly #socket: Socket
  readonly #pongs: (() => void)[] = []
  readonly #waiters = new Set<() => void>()
  #pending: Buffer[] = []
  #pendingBytes = 0
  #neededBytes = 0
  #info = ''

  private constructor(socket: Socket, options: WireOptions) {
    this.#socket = socket
    this.onMessage = options.onMessage ?? (() => {})
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.isClosed = true
      this.#wake()
    })
  }

  /** Connects to 127.0.0.1 and waits until the server has answered CONNECT. */
  static async connect(port: number, options: WireOptions = {}): Promise<WireClient> {
    const socket = connect({ host: '127.0.0.1', port })
    const client = new WireClient(socket, options)
    const { echo = true, headers = true, noResponders = headers, user, pass } = options
    const rights = { echo, headers, no_responders: noResponders, user, pass }
    const facts = { verbose: false, pedantic: false, ...rights }
    client.send(`CONNECT ${JSON.stringify(facts)}\r\n`)
    await client.flush()
    return client
  }

  get info(): string {
    return this.#info
  }

  /** Queues bytes; `drained` says when they have left. */
  send(bytes: string | Uint8Array): void {
    if (!this.isClosed) this.#socket.write(bytes)
  }

  /** Waits until less than 1 MiB is still on its way out of this process. */
  async drained(): Promise<void> {
    while (!this.isClosed && this.#socket.writableLength > 1024 * 1024) {
      await new Promise<void>((resolve) => this.#socket.once('drain', resolve))
    }
  }

  publish(subject: string, payload: string | Uint8Array, reply = ''): void {
    const length = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length
    this.#socket.cork()
    this.send(`PUB ${subject} ${reply === '' ? '' : `${reply} `}${length}\r\n`)
    this.send(payload)
    this.send('\r\n')
    this.#socket.uncork()
  }

  subscribe(subject: string, sid: string | number, queue = ''): void {
    this.send(`SUB ${subject} ${queue === '' ? '' : `${queue} `}${sid}\r\n`)
  }

  /** PING, and waits for its PONG. */
  async flush(deadlineMs: number = DEADLINE_MS): Promise<void> {
    let isAnswered = false
    this.#pongs.push(() => {
      isAnswered = true
    })
    this.send('PING\r\n')
    await this.waitFor('a PONG', () => isAnswered || this.isClosed, deadlineMs)
    if (!isAnswered) throw new Error(`closed before its PONG; ${this.describe()}`)
  }

  /** Waits until `isDone()`, which is asked again after everything that comes. */
  async waitFor(
    what: string | (() => string),
    isDone: () => boolean,
    deadlineMs: number = DEADLINE_MS,
  ): Promise<void> {
    let check = () => {}
    const done = new Promise<void>((resolve) => {
      check = () => {
        if (isDone()) resolve()
      }
      this.#waiters.add(check)
      check()
    })
    const text = () => `${typeof what === 'string' ? what : what()}; ${this.describe()}`
    try {
      await within(text, done, deadlineMs)
    } finally {
      this.#waiters.delete(check)
    }
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Ends this side's half of the connection, after all that was sent. */
  end(): void {
    this.#socket.end()
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }

  close(): void {
    this.#socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  describe(): string {
    const state = this.isClosed ? 'closed' : 'open'
    return `${state}, ${this.messageCount} messages, errors: ${JSON.stringify(this.errors)}`
  }

  // ── what comes ────────────────────────────────────────────────────────────────────────────

  #onData(chunk: Buffer): void {
    this.#pending.push(chunk)
    this.#pendingBytes += chunk.length
    if (this.#pendingBytes < this.#neededBytes) return
    const bytes = this.#pending.length === 1 ? chunk : Buffer.concat(this.#pending)
    let at = 0
    for (;;) {
      const next = this.#frame(bytes, at)
      if (next === at) break
      at = next
    }
    this.#pending = at < bytes.length ? [bytes.subarray(at)] : []
    this.#pendingBytes = bytes.length - at
    this.#wake()
  }

  /** Handles the frame at `at`; returns its end, or `at` when it is not complete. */
  #frame(bytes: Buffer, at: number): number {
    this.#neededBytes = 0
    const lineEnd = bytes.indexOf(LF, at)
    if (lineEnd < 0) return at
    const line = bytes.toString('latin1', at, lineEnd - 1)
    const words = line.split(' ')
    const verb = words[0]
    if (verb === 'MSG' || verb === 'HMSG') {
      const total = Number(words.at(-1))
      const end = lineEnd + 1 + total + 2
      if (end > bytes.length) {
        this.#neededBytes = end - at
        return at
      }
      this.#message(bytes, words, lineEnd + 1, total)
      return end
    }
    if (line === 'PONG') this.#pongs.shift()?.()
    else if (line === 'PING') this.send('PONG\r\n')
    else if (line.startsWith('INFO ')) this.#info = line.slice(5)
    else this.errors.push(line.slice(0, 200))
    return lineEnd + 1
  }

  #message(bytes: Buffer, words: readonly string[], from: number, total: number): void {
    const hasHeaders = words[0] === 'HMSG'
    const sizeCount = hasHeaders ? 2 : 1
    const headerBytes = hasHeaders ? Number(words.at(-2)) : 0
    const headers = bytes.toString('latin1', from, from + headerBytes)
    if (hasHeaders && !headers.endsWith(HEADERS_END)) this.errors.push(`headers: ${headers}`)
    const end = bytes.toString('latin1', from + total, from + total + 2)
    if (end !== '\r\n') this.errors.push(`no CRLF behind ${words.join(' ')}`)
    this.messageCount++
    this.onMessage({
      subject: words[1] ?? '',
      sid: words[2] ?? '',
      reply: words.length === 4 + sizeCount ? words[3] : undefined,
      headers,
      payload: bytes.subarray(from + headerBytes, from + total),
    })
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter()
  }
}
