import type { WireClient } from '../order/wire-client.ts'

const PATTERN = Buffer.alloc(1024 * 1024)
for (let i = 0; i < PATTERN.length; i += 4) PATTERN.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i)

/** Small ones go through the lanes, those above 256 KiB are lent from thread to thread. */
const SIZES = [0, 10, 100, 4000, 30_000, 270 * 1024, 50, 300 * 1024]
/** Messages under way before the publisher waits for a PONG: more would only fill sockets. */
const STEP = 4

/**
 * Numbered messages from one client to others until it is stopped, of all sizes, each checked
 * against the one that must come.
 */
export class Flow {
  sent = 0
  readonly #publisher: WireClient
  readonly #subject: string
  readonly #received: { readonly client: WireClient; readonly sid: string; next: number }[] = []
  readonly #wrong: string[] = []
  #isStopped = false
  #running: Promise<void> = Promise.resolve()

  constructor(publisher: WireClient, subject: string) {
    this.#publisher = publisher
    this.#subject = subject
  }

  /** Payload of message `number`. */
  static payload(number: number): Buffer {
    const size = SIZES[number % SIZES.length]!
    const from = (number * 4099) % (PATTERN.length - size)
    return PATTERN.subarray(from, from + size)
  }

  /** Adds a receiver; before `start`. */
  async to(client: WireClient): Promise<this> {
    const state = { client, sid: `flow-${this.#subject}`, next: this.sent }
    this.#received.push(state)
    const others = client.onMessage
    client.onMessage = (message) => {
      if (message.sid !== state.sid) {
        others(message)
        return
      }
      const number = Number(message.reply)
      const where = `${this.#subject}: number ${number}`
      if (number !== state.next) this.#wrong.push(`${where} came, ${state.next} was due`)
      state.next = number + 1
      if (!message.payload.equals(Flow.payload(number))) this.#wrong.push(`${where} is garbled`)
    }
    client.subscribe(this.#subject, state.sid)
    await client.flush()
    return this
  }

  start(): this {
    this.#running = this.#run()
    // `stop` tells when its own connection has ended.
    this.#running.catch(() => {})
    return this
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      for (let i = 0; i < STEP; i++) {
        this.#publisher.publish(this.#subject, Flow.payload(this.sent), String(this.sent))
        this.sent++
      }
      await this.#publisher.flush(30_000)
    }
  }

  /** Waits until so many more were sent. */
  async advance(count: number): Promise<void> {
    const goal = this.sent + count
    await this.#publisher.waitFor(
      () => `message ${goal} of ${this.#subject}, ${this.sent} were sent`,
      () => this.sent >= goal,
      30_000,
    )
  }

  /** Stops, and returns what receivers that are still connected did not get, or got wrong. */
  async stop(): Promise<string[]> {
    this.#isStopped = true
    await this.#running
    for (const state of this.#received) {
      if (state.client.isClosed) continue
      await state.client.flush(30_000)
      if (state.next !== this.sent) {
        this.#wrong.push(`${this.#subject}: ${state.next} of ${this.sent} messages came`)
      }
    }
    return this.#wrong
  }
}
