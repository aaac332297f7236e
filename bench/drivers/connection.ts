import net from 'node:net'
import { readInto } from '../../src/io/tls/read-into.ts'
import type { ReceiveKernel } from '../kernel/receive-kernel.ts'
import type { Endpoint } from './tasks.ts'
import { connectTls } from './tls-socket.ts'
import { Websocket } from './websocket.ts'

const PONG = Buffer.from('PONG\r\n', 'latin1')

/**
 * One NATS connection of the generator. Every socket of the thread reads into the kernel's one
 * buffer, which the kernel consumes before the next read.
 *
 * Any failure (refused, closed, protocol violation, -ERR) goes to `onFailure`, once.
 */
export class Connection {
  readonly record: number
  /** Called after each consumed chunk. */
  onProgress: () => void = noop
  /** Called with each chunk before it is consumed; the view is valid during the call. */
  onBytes: ((chunk: Buffer) => void) | undefined
  readonly #kernel: ReceiveKernel
  /** Undefined until it is connected. */
  #socket: net.Socket | undefined
  #isFramed = false
  readonly #onFailure: (error: Error) => void
  #pingsAnswered = 0
  #pingsSent = 0
  #pongWaiters: { readonly pongs: number; readonly resolve: () => void }[] = []
  #isClosing = false

  private constructor(kernel: ReceiveKernel, onFailure: (error: Error) => void) {
    this.#kernel = kernel
    this.#onFailure = onFailure
    this.record = kernel.open()
  }

  /**
   * Resolves when the server has answered CONNECT with PONG; a failure before that goes to
   * `onFailure` alone.
   */
  static async open(
    kernel: ReceiveKernel,
    endpoint: Endpoint,
    onFailure: (error: Error) => void,
  ): Promise<Connection> {
    const connection = new Connection(kernel, onFailure)
    if (endpoint.tls) await connection.#connectTls(endpoint)
    else if (endpoint.isWebsocket) await connection.#connectWebsocket(endpoint)
    else await connection.#connect(endpoint, (chunkBytes) => connection.#onChunk(chunkBytes))
    connection.write(`CONNECT ${connectOptions(endpoint)}\r\n`)
    await connection.flush()
    return connection
  }

  /** Resolves when INFO is there. */
  #connect({ host, port }: Endpoint, callback: (chunkBytes: number) => boolean): Promise<void> {
    const onread = { buffer: this.#kernel.readBuffer, callback }
    this.#use(net.connect({ host, port, noDelay: true, onread }))
    return this.#info()
  }

  #connectWebsocket(endpoint: Endpoint): Promise<void> {
    const websocket = new Websocket()
    const connected = this.#connect(endpoint, (chunkBytes) => {
      let payloadBytes: number
      try {
        payloadBytes = websocket.unframe(this.#kernel.readBuffer, chunkBytes)
      } catch (error) {
        this.#fail(error instanceof Error ? error.message : String(error))
        return false
      }
      return payloadBytes === 0 || this.#onChunk(payloadBytes)
    })
    this.write(Websocket.request(endpoint.host, endpoint.port))
    this.#isFramed = true
    return connected
  }

  async #connectTls(endpoint: Endpoint): Promise<void> {
    const onFailure = (error: Error) => this.#fail(error.message)
    const socket = await connectTls(endpoint, onFailure)
    this.#use(socket)
    readInto(socket, {
      isOpen: true,
      readTarget: () => this.#kernel.readBuffer,
      onRead: (chunkBytes) => this.#onChunk(chunkBytes),
    })
  }

  #use(socket: net.Socket): void {
    this.#socket = socket
    socket.on('error', (error) => this.#fail(error.message))
    socket.on('close', () => this.#fail('connection closed by the server'))
  }

  write(bytes: Uint8Array | string, onWritten?: () => void): void {
    const socket = this.#socket
    if (!this.#isFramed) {
      socket?.write(bytes, onWritten)
      return
    }
    socket?.cork()
    socket?.write(Websocket.frameHeader(Buffer.byteLength(bytes)))
    socket?.write(bytes, onWritten)
    socket?.uncork()
  }

  /** Sends PING; resolves when all written before it has been processed by the server. */
  flush(): Promise<void> {
    this.#pingsSent += 1
    this.write('PING\r\n')
    const pongs = this.#pingsSent
    return new Promise((resolve) => this.#pongWaiters.push({ pongs, resolve }))
  }

  close(): void {
    this.#isClosing = true
    this.#socket?.destroy()
  }

  #info(): Promise<void> {
    return new Promise((resolve) => {
      this.onProgress = () => {
        if (this.#kernel.infos(this.record) === 0) return
        this.onProgress = noop
        resolve()
      }
    })
  }

  #onChunk(chunkBytes: number): boolean {
    const kernel = this.#kernel
    this.onBytes?.(kernel.readBuffer.subarray(0, chunkBytes))
    if (!kernel.consume(this.record, chunkBytes)) {
      this.#fail(`not NATS protocol after ${kernel.messages(this.record)} messages`)
      return false
    }
    const errorText = kernel.errorText(this.record)
    if (errorText !== '') {
      this.#fail(errorText)
      return false
    }
    while (this.#pingsAnswered < kernel.pings(this.record)) {
      this.#pingsAnswered += 1
      this.write(PONG)
    }
    // In front of the PONG waiters: a chunk may end with both the last message and the PONG.
    this.onProgress()
    const pongs = kernel.pongs(this.record)
    while (this.#pongWaiters.length > 0 && this.#pongWaiters[0]!.pongs <= pongs) {
      this.#pongWaiters.shift()!.resolve()
    }
    return true
  }

  #fail(reason: string): void {
    if (this.#isClosing) return
    this.close()
    this.#onFailure(new Error(`benchmark connection failed: ${reason}`))
  }
}

function connectOptions(endpoint: Endpoint): string {
  const { user, password, token } = endpoint
  return JSON.stringify({
    verbose: false,
    pedantic: false,
    lang: 'sable-bench',
    version: '1',
    protocol: 1,
    headers: true,
    no_responders: true,
    ...(user === undefined ? {} : { user, pass: password ?? '' }),
    ...(token === undefined ? {} : { auth_token: token }),
  })
}

function noop(): void {}
