import { goJson } from '../../src/protocol/go-json.ts'
import { cutFrames } from '../support/frames.ts'
import { RawClient } from '../support/raw-client.ts'
import type { ServerProcess } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import type { TestAccount, User, World } from './world.ts'

const CRLF = '\r\n'

/** A client that speaks the protocol by hand, so that a test sees each line of the server. */
export class JwtClient implements AsyncDisposable {
  readonly raw: RawClient

  private constructor(raw: RawClient) {
    this.raw = raw
  }

  static async open(server: { readonly port: number }): Promise<JwtClient> {
    const raw = await RawClient.connect(server.port)
    await raw.readUntil(CRLF)
    return new JwtClient(raw)
  }

  get info(): Record<string, unknown> {
    const [line = ''] = cutFrames(this.raw.received).frames
    return JSON.parse(line.slice('INFO '.length)) as Record<string, unknown>
  }

  /** @param more what CONNECT has beside or in place of JWT and signature */
  async connect(user: User | undefined, more: object = {}): Promise<void> {
    const sig = user?.keys.sign(String(this.info['nonce']))
    const options = { verbose: false, pedantic: false, headers: true, no_responders: true }
    const fields = user === undefined ? {} : { jwt: user.jwt, sig }
    await this.raw.send(`CONNECT ${goJson({ ...options, ...fields, ...more })}${CRLF}PING${CRLF}`)
  }

  send(...lines: readonly string[]): Promise<void> {
    return this.raw.send(lines.map((line) => line + CRLF).join(''))
  }

  publish(subject: string, payload = '', reply = ''): Promise<void> {
    const to = reply === '' ? subject : `${subject} ${reply}`
    return this.send(`PUB ${to} ${Buffer.byteLength(payload, 'latin1')}`, payload)
  }

  /** All lines so far but INFO, without their ends. */
  get lines(): string[] {
    const { frames } = cutFrames(this.raw.received)
    return frames.map((frame) => frame.slice(0, -2)).filter((line) => !line.startsWith('INFO '))
  }

  get errors(): string[] {
    return this.lines.filter((line) => line.startsWith('-ERR ')).map((line) => line.slice(5))
  }

  async saw(line: string | RegExp): Promise<string> {
    const match = (seen: string) => (typeof line === 'string' ? seen === line : line.test(seen))
    await this.raw.waitFor(String(line), () => this.lines.some(match))
    return this.lines.find(match)!
  }

  /** What was sent so far has been dealt with. */
  async settled(): Promise<void> {
    const before = this.#pongs
    await this.send('PING')
    await this.raw.waitFor('PONG', () => this.#pongs > before || this.raw.closedBy !== null)
  }

  get #pongs(): number {
    return this.lines.filter((line) => line === 'PONG').length
  }

  /** The texts of the errors with which the server ended the connection. */
  async ended(): Promise<string[]> {
    await this.raw.readUntilClose()
    return this.errors
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.raw.close()
  }
}

/** Logs in and waits until it is done. */
export async function logIn(
  server: { readonly port: number },
  user: User | undefined,
  more: object = {},
): Promise<JwtClient> {
  const client = await JwtClient.open(server)
  await client.connect(user, more)
  await client.saw('PONG')
  return client
}

/** Tries to log in. @returns the errors that the server ended it with */
export async function refusal(
  server: { readonly port: number },
  user: User | undefined,
  more: object = {},
): Promise<string[]> {
  await using client = await JwtClient.open(server)
  await client.connect(user, more)
  return await client.ended()
}

/** An administrator on the system account. */
export class Administrator implements AsyncDisposable {
  readonly client: JwtClient
  #count = 0

  private constructor(client: JwtClient) {
    this.client = client
  }

  static async open(server: { readonly port: number }, world: World): Promise<Administrator> {
    const client = await logIn(server, world.system.user())
    await client.send('SUB answers.> 1')
    return new Administrator(client)
  }

  /** @returns payload of the first answer */
  async request(subject: string, payload = ''): Promise<string> {
    const reply = `answers.${++this.#count}`
    await this.client.publish(subject, payload, reply)
    const frame = await this.client.saw(new RegExp(`^H?MSG ${reply} `))
    return frame.slice(frame.indexOf(CRLF) + 2)
  }

  /** @returns the part of the answer that says what became of it */
  async push(jwt: string): Promise<unknown> {
    const answer: unknown = JSON.parse(await this.request('$SYS.REQ.CLAIMS.UPDATE', jwt))
    const { data, error } = answer as { data?: object; error?: object }
    return data ?? error
  }

  /** For resolvers that take updates only of accounts in use. */
  async update(account: TestAccount, jwt: string): Promise<string> {
    return this.request(`$SYS.REQ.ACCOUNT.${account.publicKey}.CLAIMS.UPDATE`, jwt)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.raw.close()
  }
}

export async function logged(server: ServerProcess, line: RegExp): Promise<void> {
  await until(
    () => `${line} in the log\n${server.logTail}`,
    () => line.test(server.log),
  )
}
