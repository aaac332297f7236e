import { RawClient } from '../support/raw-client.ts'
import type { ServerProcess } from '../support/server-process.ts'

const CRLF = '\r\n'

export interface Received {
  readonly subject: string
  readonly sid: string
  readonly headers: string
  readonly payload: Buffer
}

export interface LoginAs {
  readonly name: string
  readonly user?: string
  readonly echo?: boolean
  readonly headers?: boolean
  readonly noResponders?: boolean
}

/** A client whose every byte the test decides. */
export class TraceClient implements AsyncDisposable {
  readonly raw: RawClient
  #pongs = 0

  private constructor(raw: RawClient) {
    this.raw = raw
  }

  static async connect(server: ServerProcess, as: LoginAs): Promise<TraceClient> {
    const client = new TraceClient(await RawClient.connect(server.port))
    const { name, user, echo = true, headers = true, noResponders = false } = as
    const credentials = user === undefined ? {} : { user, pass: 'p' }
    const options = {
      ...{ verbose: false, pedantic: false, protocol: 1, lang: 'test', version: '1' },
      ...{ name, echo, headers, no_responders: noResponders },
      ...credentials,
    }
    await client.raw.send(`CONNECT ${JSON.stringify(options)}${CRLF}`)
    await client.flush()
    return client
  }

  /** Everything sent before has taken effect. */
  async flush(): Promise<void> {
    const wanted = ++this.#pongs
    await this.raw.send(`PING${CRLF}`)
    await this.raw.waitFor('PONG', () => this.#text.split(`PONG${CRLF}`).length > wanted)
  }

  async subscribe(...lines: readonly string[]): Promise<void> {
    await this.raw.send(lines.map((line) => `SUB ${line}${CRLF}`).join(''))
    await this.flush()
  }

  /** @param to subject, and a reply behind a blank */
  async publish(to: string, headers: Readonly<Record<string, string>>, body = 'x'): Promise<void> {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}${CRLF}`)
    const block = `NATS/1.0${CRLF}${lines.join('')}${CRLF}`
    const sizes = `${block.length} ${block.length + body.length}`
    await this.raw.send(`HPUB ${to} ${sizes}${CRLF}${block}${body}${CRLF}`)
    await this.flush()
  }

  get #text(): string {
    return this.raw.received.toString('latin1')
  }

  get errors(): string[] {
    return [...this.#text.matchAll(/-ERR '([^']*)'/g)].map(([, text]) => text!)
  }

  get messages(): Received[] {
    const messages: Received[] = []
    const received = this.raw.received
    let at = 0
    while (at < received.length) {
      const end = received.indexOf(CRLF, at)
      if (end < 0) break
      const words = received.toString('latin1', at, end).split(' ')
      at = end + CRLF.length
      const isPlain = words[0] === 'MSG'
      if (!isPlain && words[0] !== 'HMSG') continue
      const total = Number(words.at(-1))
      const headerBytes = isPlain ? 0 : Number(words.at(-2))
      if (at + total + CRLF.length > received.length) break
      messages.push({
        subject: words[1]!,
        sid: words[2]!,
        headers: received.toString('latin1', at, at + headerBytes),
        payload: received.subarray(at + headerBytes, at + total),
      })
      at += total + CRLF.length
    }
    return messages
  }

  async waitForMessages(count: number): Promise<readonly Received[]> {
    await this.raw.waitFor(`${count} messages`, () => this.messages.length >= count)
    return this.messages
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.raw[Symbol.asyncDispose]()
  }
}
