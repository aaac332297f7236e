import { RawClient } from '../support/raw-client.ts'
import { DEADLINE_MS } from '../support/wait.ts'

/** A message as a subscription got it. */
export interface Received {
  readonly subject: string
  readonly reply: string
  /** '' = none; latin1. */
  readonly headers: string
  readonly payload: Buffer
}

/** Answers of a server in which no field is known beforehand. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into JSON of two servers
export type Json = any

/** A client with headers and inboxes, which keeps all that it gets. */
export class PeerClient implements AsyncDisposable {
  readonly raw: RawClient
  readonly messages: Received[] = []
  #read = 0
  #pongs = 0
  #pings = 0
  #lastSid = 0
  #lastInbox = 0
  #info: Json

  private constructor(raw: RawClient) {
    this.raw = raw
  }

  /** @throws Error when the server does not let it in */
  static async connect(port: number, members: object = {}): Promise<PeerClient> {
    const client = await PeerClient.open(port, members)
    await client.flush()
    return client
  }

  /** As connect, without waiting to be let in. */
  static async open(port: number, members: object = {}): Promise<PeerClient> {
    const client = new PeerClient(await RawClient.connect(port))
    const facts = { verbose: false, headers: true, no_responders: true, protocol: 1, ...members }
    await client.raw.send(`CONNECT ${JSON.stringify(facts)}\r\n`)
    return client
  }

  static as(port: number, user: string, members: object = {}): Promise<PeerClient> {
    return PeerClient.connect(port, { user, pass: 'p', ...members })
  }

  /** Of the last INFO that came. */
  get info(): Json {
    this.#cut()
    return this.#info
  }

  get cid(): number {
    return this.info.client_id
  }

  async subscribe(subject: string): Promise<void> {
    await this.raw.send(`SUB ${subject} ${++this.#lastSid}\r\n`)
    await this.flush()
  }

  /** PING, and waits for its PONG. */
  async flush(): Promise<void> {
    const wanted = ++this.#pings
    await this.raw.send('PING\r\n')
    const isAnswered = () => {
      this.#cut()
      return this.#pongs >= wanted
    }
    await this.raw.waitFor('PONG', () => isAnswered() || this.raw.closedBy !== null)
    if (!isAnswered()) throw new Error(this.raw.describe())
  }

  async publish(subject: string, payload = '', reply = '', headers = ''): Promise<void> {
    const head = `${subject}${reply === '' ? '' : ` ${reply}`}`
    if (headers === '') {
      await this.raw.send(`PUB ${head} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`)
      return
    }
    const block = `NATS/1.0\r\n${headers}\r\n\r\n`
    const total = block.length + Buffer.byteLength(payload)
    await this.raw.send(`HPUB ${head} ${block.length} ${total}\r\n${block}${payload}\r\n`)
  }

  /** The first answer; its payload is empty when nobody listens. */
  async request(subject: string, payload = '', headers = ''): Promise<Received> {
    const inbox = `_INBOX.${this.cid}.${++this.#lastInbox}`
    await this.subscribe(inbox)
    await this.publish(subject, payload, inbox, headers)
    return this.next(inbox)
  }

  async json(subject: string, body: object | undefined = undefined): Promise<Json> {
    const { payload } = await this.request(subject, body === undefined ? '' : JSON.stringify(body))
    return payload.length === 0 ? undefined : JSON.parse(payload.toString())
  }

  /** The first message on a subject that comes, or has come and was not taken yet. */
  async next(subject: string, deadlineMs: number = DEADLINE_MS): Promise<Received> {
    const find = () => {
      this.#cut()
      return this.messages.findIndex((message) => message.subject === subject)
    }
    await this.raw.waitFor(subject, () => find() >= 0, deadlineMs)
    return this.messages.splice(find(), 1)[0]!
  }

  async event(subject: string): Promise<Json> {
    return JSON.parse((await this.next(subject)).payload.toString())
  }

  /** Waits for a message that fits, whatever else came. */
  async eventWhere(subject: string, fits: (event: Json) => boolean): Promise<Json> {
    for (;;) {
      const event = await this.event(subject)
      if (fits(event)) return event
    }
  }

  /** Messages on a subject that have come and were not taken. */
  pending(subject: string): readonly Received[] {
    this.#cut()
    return this.messages.filter((message) => message.subject === subject)
  }

  #cut(): void {
    const { received } = this.raw
    for (;;) {
      const lineEnd = received.indexOf('\r\n', this.#read)
      if (lineEnd < 0) return
      const words = received.toString('latin1', this.#read, lineEnd).split(' ')
      const from = lineEnd + 2
      const verb = words[0]
      if (verb !== 'MSG' && verb !== 'HMSG') {
        this.#read = from
        if (verb === 'PONG') this.#pongs++
        if (verb === 'PING') void this.raw.send('PONG\r\n')
        if (verb === 'INFO') {
          this.#info = { ...this.#info, ...JSON.parse(words.slice(1).join(' ')) }
        }
        continue
      }
      const total = Number(words.pop())
      const headerBytes = verb === 'HMSG' ? Number(words.pop()) : 0
      if (received.length < from + total + 2) return
      this.messages.push({
        subject: words[1]!,
        reply: words[3] ?? '',
        headers: received.toString('latin1', from, from + headerBytes),
        payload: Buffer.from(received.subarray(from + headerBytes, from + total)),
      })
      this.#read = from + total + 2
    }
  }

  close(): void {
    this.raw.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }
}
