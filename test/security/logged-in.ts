import assert from 'node:assert/strict'
import { RawClient } from '../support/raw-client.ts'

/** A client that speaks the bytes itself, logged in, with its messages as they came. */
export class LoggedIn implements AsyncDisposable {
  readonly raw: RawClient
  isDisposed = false
  #pings = 0

  private constructor(raw: RawClient) {
    this.raw = raw
  }

  /** Connects and logs in. @throws AssertionError when it is refused */
  static async connect(port: number, members: object): Promise<LoggedIn> {
    const client = new LoggedIn(await RawClient.connect(port))
    const facts = { verbose: false, headers: true, no_responders: true, ...members }
    client.raw.send(`CONNECT ${JSON.stringify(facts)}\r\n`)
    await client.flush()
    return client
  }

  static async as(port: number, user: string, members: object = {}): Promise<LoggedIn> {
    return LoggedIn.connect(port, { user, pass: 'p', ...members })
  }

  send(bytes: string): void {
    void this.raw.send(bytes)
  }

  publish(subject: string, payload: string, reply = ''): void {
    const head = reply === '' ? subject : `${subject} ${reply}`
    this.send(`PUB ${head} ${Buffer.byteLength(payload, 'latin1')}\r\n${payload}\r\n`)
  }

  get text(): string {
    return this.raw.received.toString('latin1')
  }

  /** PING, and waits for its PONG. */
  async flush(deadlineMs?: number): Promise<void> {
    const wanted = ++this.#pings
    this.send('PING\r\n')
    const isAnswered = () => countOf(this.text, 'PONG\r\n') >= wanted
    await this.raw.waitFor('PONG', () => isAnswered() || this.raw.closedBy !== null, deadlineMs)
    assert.ok(isAnswered(), this.raw.describe())
  }

  /** Everything delivered so far, in order; payloads must have no line ends. */
  get messages(): readonly Delivered[] {
    const pattern = /^MSG (\S+) (\S+) (?:(\S+) )?\d+\r\n(.*)\r\n/gm
    return [...this.text.matchAll(pattern)].map(([, subject, sid, reply, payload]) => ({
      subject: subject!,
      sid: sid!,
      reply: reply ?? '',
      payload: payload!,
    }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true
    this.raw.close()
  }
}

export interface Delivered {
  readonly subject: string
  readonly sid: string
  readonly reply: string
  readonly payload: string
}

export function countOf(text: string, part: string): number {
  return text.split(part).length - 1
}
