import { type ClientOptions, WebSocket } from 'ws'
import { DEADLINE_MS, within } from '../support/wait.ts'

export interface CloseFacts {
  readonly code: number
  readonly reason: string
}

/** A WebSocket client that knows nothing of NATS: keeps the bytes of all messages together. */
export class WsClient implements AsyncDisposable {
  readonly socket: WebSocket
  /** Bytes of each message. */
  readonly messages: Buffer[] = []
  readonly closed: Promise<CloseFacts>
  #wake: (() => void) | undefined

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data: Buffer) => {
      this.messages.push(data)
      this.#wake?.()
    })
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() })
        this.#wake?.()
      })
    })
  }

  /** Resolves once the upgrade is done; rejects with what the server said against it. */
  static async connect(url: string, options: ClientOptions = {}): Promise<WsClient> {
    const socket = new WebSocket(url, { perMessageDeflate: false, ...options })
    const client = new WsClient(socket)
    const open = new Promise<void>((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    await within('the upgrade', open)
    return client
  }

  get text(): string {
    return Buffer.concat(this.messages).toString('latin1')
  }

  send(bytes: string | Uint8Array, options: { fin?: boolean; compress?: boolean } = {}): void {
    this.socket.send(Buffer.from(bytes), { binary: true, ...options })
  }

  async readUntil(text: string): Promise<string> {
    while (!this.text.includes(text)) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      if (this.socket.readyState === WebSocket.CLOSED) {
        throw new Error(`closed before ${JSON.stringify(text)}: ${this.text.slice(-500)}`)
      }
      await within(() => `${JSON.stringify(text)} in ${this.text.slice(-500)}`, promise)
    }
    return this.text
  }

  /** CONNECT, and the PONG that says it was taken. */
  async greet(connect: object = {}): Promise<void> {
    this.send(`CONNECT ${JSON.stringify({ verbose: false, protocol: 1, ...connect })}\r\nPING\r\n`)
    await this.readUntil('PONG\r\n')
  }

  readClose(): Promise<CloseFacts> {
    return within(() => `the close in ${this.text.slice(-500)}`, this.closed, DEADLINE_MS)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate()
    await this.closed
  }
}

/** The first INFO. */
export function infoOf(text: string): Record<string, unknown> {
  const json = /^INFO (\{.*\}) ?\r\n/.exec(text)?.[1]
  if (json === undefined) throw new Error(`no INFO in ${text.slice(0, 200)}`)
  return JSON.parse(json) as Record<string, unknown>
}
