import type { Deadline } from '../../io/deadlines.ts'
import { type GoJsonObject, goJson } from '../../protocol/go-json.ts'
import type { EventThread } from './event-thread.ts'
import type { SystemClient } from './system-client.ts'

// nats-server: defaultStatszRateLimit, startStatszTimer and statsHBInterval.
const PAUSE_MS_MIN = 1000
const FIRST_MS = 250
const PERIOD_MS = 10_000

export interface StatszClockOptions {
  readonly thread: EventThread
  /** Of the system account. */
  readonly client: SystemClient
  readonly serverId: string
  readonly serverInfo: () => GoJsonObject
  /** JSON of the figures; undefined when they cannot be had. */
  readonly statsz: () => Promise<string | undefined>
}

/**
 * Tells the server's figures: soon after the start, then less and less often, at least every ten
 * seconds; but only while somebody listens.
 */
export class StatszClock {
  readonly #options: StatszClockOptions
  readonly #subject: string
  #delayMs = FIRST_MS
  #lastMs = Number.NEGATIVE_INFINITY
  #deadline: Deadline | undefined

  constructor(options: StatszClockOptions) {
    this.#options = options
    this.#subject = `$SYS.SERVER.${options.serverId}.STATSZ`
  }

  start(): void {
    this.#arm(this.#delayMs)
  }

  #arm(delayMs: number): void {
    this.#deadline?.cancel()
    this.#deadline = this.#options.thread.deadlines.after(delayMs, () => {
      this.#delayMs = Math.min(2 * this.#delayMs, PERIOD_MS)
      this.#arm(this.#delayMs)
      this.#options.thread.inTurn(() => this.announce())
    })
  }

  /** Something in the figures has changed for good. Often at most once a second. */
  announce(): void {
    const pauseMs = Math.min(PAUSE_MS_MIN, this.#delayMs)
    const nextMs = this.#lastMs + pauseMs
    const now = this.#options.thread.nowMs
    if (now < nextMs) this.#arm(nextMs - now)
    else this.force()
  }

  /** Now, however lately it was told. */
  force(): void {
    this.#lastMs = this.#options.thread.nowMs
    const { thread, client } = this.#options
    if (thread.inTurn(() => client.isListened(this.#subject))) void this.sendTo(this.#subject)
  }

  /** @param subject latin1 */
  async sendTo(subject: string): Promise<void> {
    const { client, serverInfo, statsz } = this.#options
    const json = await statsz()
    if (json === undefined) return
    const text = `{"server":${goJson(serverInfo())},"statsz":${json}}`
    client.publish(subject, '', Buffer.from(text))
  }
}
