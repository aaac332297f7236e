import { connect, createServer, type Server, type Socket } from 'node:net'
import type { PeerClose } from '../support/raw-client.ts'
import { DEADLINE_MS } from '../support/wait.ts'

const CRLF = '\r\n'
const KEPT_CHARS_MAX = 2000

/**
 * One end of a leaf link, spoken by hand: keeps every line that comes (messages with their payload
 * behind a space), and answers PING.
 */
export class RawPeer implements Disposable {
  readonly lines: string[] = []
  /** Off: the other end may wonder whether we are still there. */
  answersPings = true
  /** Lines are counted, but only those that pass are kept. */
  keeps: (line: string) => boolean = () => true
  readonly socket: Socket
  readonly #waiters = new Set<() => void>()
  #rest: Buffer = Buffer.alloc(0)
  #closedBy: PeerClose = null

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('end', () => this.#onEnd('fin'))
    socket.on('error', () => this.#onEnd('rst'))
  }

  static async connect(port: number): Promise<RawPeer> {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
    const peer = new RawPeer(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return peer
  }

  /** A leaf of the server with that leaf port, which has told us all it wants. */
  static async join(port: number, connectJson: object = {}): Promise<RawPeer> {
    const peer = await RawPeer.connect(port)
    await peer.line(/^INFO /)
    peer.send(`CONNECT ${JSON.stringify(connectJson)}\r\nPING\r\n`)
    await peer.line(/^PONG$/)
    return peer
  }

  get closedBy(): PeerClose {
    return this.#closedBy
  }

  send(text: string | Uint8Array): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)
  }

  /** Waits until what was sent has been worked off, and its consequences have been told. */
  async sync(): Promise<void> {
    const count = this.count(/^PONG$/)
    this.send('PING\r\n')
    await this.until('a PONG', () => this.count(/^PONG$/) > count)
  }

  count(pattern: RegExp): number {
    return this.lines.filter((line) => pattern.test(line)).length
  }

  matches(pattern: RegExp): string[] {
    return this.lines.filter((line) => pattern.test(line))
  }

  /** The first line that matches, as soon as it is there. */
  async line(pattern: RegExp, deadlineMs?: number): Promise<string> {
    let found: string | undefined
    await this.until(
      String(pattern),
      () => {
        found = this.lines.find((line) => pattern.test(line))
        return found !== undefined
      },
      deadlineMs,
    )
    return found!
  }

  async closed(deadlineMs?: number): Promise<Exclude<PeerClose, null>> {
    await this.until('the end of the connection', () => this.#closedBy !== null, deadlineMs)
    return this.#closedBy!
  }

  async until(what: string, isDone: () => boolean, deadlineMs = DEADLINE_MS): Promise<void> {
    if (isDone()) return
    await new Promise<void>((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer)
        this.#waiters.delete(check)
      }
      const check = (): void => {
        if (!isDone()) return
        finish()
        resolve()
      }
      const timer = setTimeout(() => {
        finish()
        const tail = this.lines.join(' | ').slice(-KEPT_CHARS_MAX)
        const state = this.#closedBy === null ? 'open' : `closed (${this.#closedBy})`
        reject(new Error(`waited ${deadlineMs} ms for ${what}; ${state}, came: ${tail}`))
      }, deadlineMs)
      this.#waiters.add(check)
    })
  }

  /** Leaves without a word. */
  end(): void {
    this.socket.destroy()
  }

  [Symbol.dispose](): void {
    this.end()
  }

  #onEnd(how: Exclude<PeerClose, null>): void {
    this.#closedBy ??= how
    this.#wake()
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter()
  }

  #onData(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let from = 0
    for (;;) {
      const lineEnd = this.#rest.indexOf(CRLF, from, 'latin1')
      if (lineEnd < 0) break
      let line = this.#rest.toString('latin1', from, lineEnd)
      let end = lineEnd + CRLF.length
      if (/^[LH]MSG /.test(line)) {
        const payloadBytes = Number(line.slice(line.lastIndexOf(' ') + 1))
        if (this.#rest.length < end + payloadBytes + CRLF.length) break
        line += ` ${this.#rest.toString('latin1', end, end + payloadBytes)}`
        end += payloadBytes + CRLF.length
      }
      from = end
      if (line === 'PING' && this.answersPings) this.send('PONG\r\n')
      if (this.keeps(line)) this.lines.push(line)
    }
    this.#rest = this.#rest.subarray(from)
    this.#wake()
  }
}

/** A hub, spoken by hand. */
export class RawHub implements AsyncDisposable {
  readonly peers: RawPeer[] = []
  readonly #server: Server
  readonly #waiters = new Set<() => void>()
  readonly #info: object
  readonly #firstBytes: string | undefined
  #port = 0

  private constructor(info: object, firstBytes: string | undefined) {
    this.#info = info
    this.#firstBytes = firstBytes
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket))
  }

  /**
   * @param info what its INFO has besides, or instead of, what every hub says
   * @param firstBytes sent in place of INFO
   */
  static async listen(info: object = {}, firstBytes?: string, port = 0): Promise<RawHub> {
    const hub = new RawHub(info, firstBytes)
    await new Promise<void>((resolve, reject) => {
      hub.#server.once('error', reject)
      hub.#server.listen(port, '127.0.0.1', resolve)
    })
    const address = hub.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    hub.#port = address.port
    return hub
  }

  get port(): number {
    return this.#port
  }

  /** The connection made as the `number`-th, counted from 1. */
  async peer(number = 1, deadlineMs = DEADLINE_MS): Promise<RawPeer> {
    const found = this.peers[number - 1]
    if (found !== undefined) return found
    await new Promise<void>((resolve, reject) => {
      const check = (): void => {
        if (this.peers.length < number) return
        clearTimeout(timer)
        this.#waiters.delete(check)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#waiters.delete(check)
        reject(new Error(`waited ${deadlineMs} ms for connection ${number} of a raw hub`))
      }, deadlineMs)
      this.#waiters.add(check)
    })
    return this.peers[number - 1]!
  }

  /** That connection, once the leaf has said CONNECT, been let in and told what it wants. */
  async admit(number = 1, connectInfo: object = {}): Promise<RawPeer> {
    const peer = await this.peer(number)
    await peer.line(/^CONNECT /)
    peer.send(this.infoLine({ connect_info: true, remote_account: '$G', ...connectInfo }))
    await peer.line(/^LS\+ \$LDS\./)
    return peer
  }

  /** INFO with everything a leaf asks for, and what is given. */
  infoLine(more: object = {}): string {
    const info = {
      server_id: `RAW${this.#port}`,
      server_name: `raw${this.#port}`,
      version: '2.12.0',
      proto: 1,
      host: '127.0.0.1',
      port: this.#port,
      headers: true,
      max_payload: 1048576,
      client_id: 1,
      nonce: 'AAAAAAAAAAAAAAA',
      info_on_connect: true,
      leafnode_urls: [`127.0.0.1:${this.#port}`],
      ...this.#info,
      ...more,
    }
    return `INFO ${JSON.stringify(info)} \r\n`
  }

  /** Ends all connections and lets nobody in any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    for (const peer of this.peers) peer.end()
  }

  #accept(socket: Socket): void {
    const peer = new RawPeer(socket)
    this.peers.push(peer)
    peer.send(this.#firstBytes ?? this.infoLine())
    for (const waiter of [...this.#waiters]) waiter()
  }
}
