import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { ServerProgram } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'

const OUTCOME = /Reloaded server configuration|Failed to reload server configuration/g
const INFO_LINE = /INFO \{[^\r]*\r\n/g
const REPLY = /_R_\.\S+/g
const CLOSED = '<closed>'

/** What CONNECT says, over what it says by default; made when the nonce is known. */
export type Connect = object | ((nonce: string) => object)

/** A server whose configuration is written anew while it runs. */
export class Reloading implements AsyncDisposable {
  readonly server: ServerProcess
  readonly #clients: Client[] = []

  private constructor(server: ServerProcess) {
    this.server = server
  }

  static async start(program: ServerProgram, config: string, hasLeafs = false): Promise<Reloading> {
    return new Reloading(await startServer(program, { config, leafListener: hasLeafs }))
  }

  /** Resolves when the server says that it has other options. */
  async reload(config: string): Promise<void> {
    const before = this.#outcomes().length
    writeFileSync(join(this.server.folder, 'server.conf'), config)
    this.server.signal('SIGHUP')
    await until(
      () => `the end of a reload\n${this.server.logTail}`,
      () => this.#outcomes().length > before,
    )
    const outcome = this.#outcomes().at(-1)
    if (outcome?.startsWith('Failed')) throw new Error(this.server.logTail)
  }

  #outcomes(): string[] {
    return this.server.log.match(OUTCOME) ?? []
  }

  /** @param lines behind CONNECT */
  async client(connect: Connect | undefined, ...lines: string[]): Promise<Client> {
    const client = await Client.connect(this.server.port, connect, lines)
    this.#clients.push(client)
    return client
  }

  /** What the log has got since it had `length` characters. */
  logSince(length: number): string {
    return this.server.log.slice(length)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close()
    await this.server.stop()
  }
}

/** A client that tells what the server has sent it, a step at a time. */
export class Client {
  readonly #raw: RawClient
  #seen = 0

  private constructor(raw: RawClient) {
    this.#raw = raw
  }

  static async connect(
    port: number,
    connect: Connect | undefined,
    lines: readonly string[] = [],
  ): Promise<Client> {
    const client = new Client(await RawClient.connect(port))
    await client.#raw.readUntil('\r\n')
    if (connect !== undefined) {
      const nonce = String(client.info['nonce'] ?? '')
      const given = typeof connect === 'function' ? connect(nonce) : connect
      const options = { verbose: false, protocol: 1, ...given }
      await client.say(`CONNECT ${JSON.stringify(options)}`, ...lines)
    }
    return client
  }

  /** @param raw has read no answer to a PING yet */
  static over(raw: RawClient): Client {
    return new Client(raw)
  }

  /** The first INFO. */
  get info(): Record<string, unknown> {
    const [line = ''] = this.#text().split('\r\n', 1)
    return JSON.parse(line.slice('INFO '.length))
  }

  /**
   * Sends lines and a PING, and waits for its PONG or the end.
   *
   * @returns all that came since the last step, without INFO and PONG; with the end, if it came
   */
  async say(...lines: string[]): Promise<string> {
    // What a server sent before it closed is lost to who sends something before reading it.
    for (let i = 0; i < 3; i++) await setImmediate()
    if (this.#raw.closedBy !== null) return this.take()
    const isDone = () => this.#raw.closedBy !== null || this.#new().includes('PONG\r\n')
    await this.#raw.send(`${[...lines, 'PING'].join('\r\n')}\r\n`)
    await this.#raw.waitFor('PONG or the end', isDone)
    return this.take()
  }

  /** Sends nothing. @returns as say, when it has come */
  async hear(text: string): Promise<string> {
    await this.#raw.waitFor(text, () => this.#new().includes(text))
    return this.take()
  }

  take(): string {
    const text = this.#new().replaceAll('PONG\r\n', '').replaceAll('PING\r\n', '')
    this.#seen = this.#text().length
    return text + (this.#raw.closedBy === null ? '' : CLOSED)
  }

  #new(): string {
    return this.#text().slice(this.#seen).replace(INFO_LINE, '').replace(REPLY, '_R_')
  }

  #text(): string {
    return this.#raw.received.toString('latin1')
  }

  close(): void {
    this.#raw.close()
  }
}

/** @returns what was said, and that the connection has ended */
export function closedWith(text = ''): string {
  return text === '' ? CLOSED : `-ERR '${text}'\r\n${CLOSED}`
}
