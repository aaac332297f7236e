import type { LeafLog } from './leaf-types.ts'
import { addressText, type RemoteAddress, RemoteUrls } from './remote-urls.ts'

export type RemoteOptions = {
  readonly urls: readonly RemoteAddress[]
  readonly noRandomize: boolean
  readonly ignoresDiscovered: boolean
  /** Between two attempts; after a failed one up to as much again. */
  readonly reconnectMs: number
  /** Failed attempts between two ERR lines: before the first success, and after. */
  readonly connectErrorReports: number
  readonly reconnectErrorReports: number
  /**
   * Connects within the dial timeout. Rejects with an error whose message is fit for the log. Once
   * it resolves, the link is up, and its end must be told with `onLinkEnd`; that may have happened
   * already. When `signal` aborts, it must end what it has begun, and may do as it likes with the
   * promise.
   */
  readonly dial: (address: RemoteAddress, signal: AbortSignal) => Promise<void>
  /** Monotonic milliseconds. */
  readonly nowMs: () => number
  /** In [0, 1). */
  readonly random: () => number
  readonly log: Pick<LeafLog, 'debug' | 'error'>
}

type RemoteState = 'idle' | 'dialing' | 'connected' | 'stopped'

/**
 * Keeps one remote connected: dials, waits, dials again, for ever. Like a session it has no timer
 * of its own; after each call, and when a dial has ended, its owner asks for the next deadline.
 */
export class LeafRemote {
  readonly urls: RemoteUrls
  readonly #options: RemoteOptions
  #state: RemoteState = 'idle'
  #dueMs = Number.POSITIVE_INFINITY
  #failedAttempts = 0
  #hasBeenConnected = false
  readonly #abort = new AbortController()

  constructor(options: RemoteOptions) {
    this.#options = options
    this.urls = new RemoteUrls(options.urls, options.noRandomize ? undefined : options.random)
  }

  get #isStopped(): boolean {
    return this.#abort.signal.aborted
  }

  get isConnected(): boolean {
    return this.#state === 'connected'
  }

  /** When `onTimer` is to be called; Infinity = not needed. */
  nextDeadlineMs(): number {
    return this.#dueMs
  }

  /** Dials at the next `onTimer`. */
  start(): void {
    if (this.#state === 'idle') this.#dueMs = this.#options.nowMs()
  }

  /**
   * @returns the attempt, for those who want to know when to ask for the next deadline; it never
   *   rejects
   */
  onTimer(nowMs: number): Promise<void> | undefined {
    if (this.#state !== 'idle' || nowMs < this.#dueMs) return undefined
    return this.#dial()
  }

  /** For good: an attempt under way is abandoned. A link that is up is its owner's to close. */
  stop(): void {
    this.#state = 'stopped'
    this.#dueMs = Number.POSITIVE_INFINITY
    this.#abort.abort()
  }

  /** The link that the last dial made has ended. */
  onLinkEnd(penaltyMs: number): void {
    if (!this.#isStopped) this.#wait(this.#options.reconnectMs + penaltyMs)
  }

  /** Addresses a peer has told. */
  onDiscovered(hostPorts: readonly string[]): void {
    if (!this.#options.ignoresDiscovered) this.urls.discover(hostPorts)
  }

  async #dial(): Promise<void> {
    const { dial, log } = this.#options
    const address = this.urls.next()
    this.#state = 'dialing'
    this.#dueMs = Number.POSITIVE_INFINITY
    log.debug(
      `Trying to connect as leafnode to remote server on ${JSON.stringify(addressText(address))}`,
    )
    try {
      await dial(address, this.#abort.signal)
      this.#failedAttempts = 0
      this.#hasBeenConnected = true
      // The link may have ended, or the remote been stopped, before this promise was looked at.
      if (this.#state === 'dialing') this.#state = 'connected'
    } catch (error) {
      if (!this.#isStopped) this.#onDialFailure(address, error)
    }
  }

  #onDialFailure(address: RemoteAddress, error: unknown): void {
    const { reconnectMs, random, log } = this.#options
    this.#failedAttempts += 1
    const why = error instanceof Error ? error.message : String(error)
    const text =
      `Error trying to connect as leafnode to remote server ${JSON.stringify(addressText(address))} ` +
      `(attempt ${this.#failedAttempts}): ${why}`
    if (this.#isReported()) log.error(text)
    else log.debug(text)
    this.#wait(reconnectMs + random() * reconnectMs)
  }

  #isReported(): boolean {
    const { connectErrorReports, reconnectErrorReports } = this.#options
    const every = this.#hasBeenConnected ? reconnectErrorReports : connectErrorReports
    return this.#failedAttempts === 1 || this.#failedAttempts % every === 0
  }

  #wait(delayMs: number): void {
    this.#state = 'idle'
    this.#dueMs = this.#options.nowMs() + delayMs
  }
}
