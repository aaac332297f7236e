import net from 'node:net'
import type { Endpoint } from './drivers/tasks.ts'

/**
 * A connection read line by line, for what is not about rates: a client with empty payloads, or a
 * leaf.
 *
 * Answers PING. Any failure (refused, closed, -ERR) rejects what is waited for, and is kept for
 * what is waited for later.
 */
export class LineConnection {
  /** Called with each line but PING and PONG, without its end. */
  onLine: (line: string) => void
  /** Rejects at the first failure, or when closed: nobody may wait for what cannot come. */
  readonly failure: Promise<never>
  readonly #socket: net.Socket
  readonly #fail: (error: Error) => void
  #pongWaiters: (() => void)[] = []
  #rest = ''

  private constructor(endpoint: Endpoint, onLine: (line: string) => void) {
    this.onLine = onLine
    const { promise, reject } = Promise.withResolvers<never>()
    this.failure = promise
    this.failure.catch(() => {}) // seen by whoever waits next
    this.#fail = (error) => {
      reject(error)
      this.#socket.destroy()
    }
    this.#socket = net.connect({ host: endpoint.host, port: endpoint.port, noDelay: true })
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (text: string) => this.#onText(text))
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('connection closed by the server')))
  }

  /** Resolves with the server's INFO. */
  static async open(endpoint: Endpoint): Promise<{ connection: LineConnection; info: string }> {
    const { promise, resolve } = Promise.withResolvers<string>()
    const connection = new LineConnection(endpoint, resolve)
    const info = await Promise.race([promise, connection.failure])
    connection.onLine = noop
    return { connection, info }
  }

  /** Resolves when the server has answered CONNECT. */
  static async openClient(endpoint: Endpoint): Promise<LineConnection> {
    const { connection } = await LineConnection.open(endpoint)
    await connection.logIn(endpoint)
    return connection
  }

  /** Resolves when the server has answered CONNECT; for a connection that was just opened. */
  logIn({ user, password: pass }: Endpoint): Promise<void> {
    const options = { verbose: false, pedantic: false, protocol: 1, user, pass }
    this.write(`CONNECT ${JSON.stringify(options)}\r\n`)
    return this.flush()
  }

  write(text: string): void {
    this.#socket.write(text, 'latin1')
  }

  /** Sends PING; resolves when the server has read all written before it. */
  flush(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#pongWaiters.push(resolve)
    this.write('PING\r\n')
    return Promise.race([promise, this.failure])
  }

  close(): void {
    this.#fail(new Error('connection closed'))
  }

  #onText(text: string): void {
    const lines = (this.#rest + text).split('\r\n')
    this.#rest = lines.pop()!
    for (const line of lines) {
      if (line === 'PING') this.write('PONG\r\n')
      else if (line === 'PONG') this.#pongWaiters.shift()?.()
      else if (line.startsWith('-ERR')) this.#fail(new Error(line))
      else this.onLine(line)
    }
  }
}

function noop(): void {}
