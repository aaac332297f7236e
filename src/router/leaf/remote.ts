import { goQuote } from '../../protocol/go-quote.ts'
import type { LeafEnd } from './leaf-session-options.ts'
import { untrustedText } from './leaf-text.ts'
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
   *
   * @param link number of the link this attempt makes
   */
  readonly dial: (address: RemoteAddress, link: number, signal: AbortSignal) => Promise<void>
  /** Link `to` stands and has taken over from link `from`. */
  readonly onMoved: (from: number, to: number) => void
  /** Monotonic milliseconds. */
  readonly nowMs: () => number
  /** In [0, 1). */
  readonly random: () => number
  readonly log: Pick<LeafLog, 'debug' | 'error'>
}

export type RemoteState = 'idle' | 'dialing' | 'connected' | 'stopped'

/** nats-server would try again every second; a server that says no is left in peace longer. */
const REFUSED_DELAY_FACTOR_MAX = 16

/**
 * Of a penalty, added at random: two servers that dial each other see the loop at the same time,
 * and would come back at the same time to see it again.
 */
const PENALTY_JITTER = 0.1

const NONE = 0

/**
 * Keeps one remote connected: dials, waits, dials again, for ever. Like a session it has no timer
 * of its own; after each call, and when a dial has ended, its owner asks for the next deadline.
 *
 * When the server at the other end is about to go, a second link to another address is made before
 * the first one ends.
 */
export class LeafRemote {
  readonly urls: RemoteUrls
  readonly #options: RemoteOptions
  #state: RemoteState = 'idle'
  #dueMs = Number.POSITIVE_INFINITY
  #failedAttempts = 0
  #refusals = 0
  #hasBeenConnected = false
  #lastError = ''
  #lastLink = NONE
  /** The link in use or being made, NONE = none. */
  #current = NONE
  #address: RemoteAddress | undefined
  /** What takes over from it. */
  #successor = NONE
  #successorAddress: RemoteAddress | undefined
  /** The other end of the current link is about to go. */
  #isMoving = false
  readonly #abort = new AbortController()

  constructor(options: RemoteOptions) {
    this.#options = options
    this.urls = new RemoteUrls(options.urls, options.noRandomize ? undefined : options.random)
  }

  get #isStopped(): boolean {
    return this.#abort.signal.aborted
  }

  get state(): RemoteState {
    return this.#state
  }

  get isConnected(): boolean {
    return this.#state === 'connected'
  }

  /** Dials that failed since the last one that did not. */
  get failedAttempts(): number {
    return this.#failedAttempts
  }

  /** Why the last link or attempt ended; '' while all is well. */
  get lastError(): string {
    return this.#lastError
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
    if (nowMs < this.#dueMs || this.#state === 'stopped' || this.#state === 'dialing') {
      return undefined
    }
    this.#dueMs = Number.POSITIVE_INFINITY
    return this.#state === 'idle' ? this.#dialFirst() : this.#dialSuccessor()
  }

  /** For good: an attempt under way is abandoned. A link that is up is its owner's to close. */
  stop(): void {
    this.#state = 'stopped'
    this.#dueMs = Number.POSITIVE_INFINITY
    this.#abort.abort()
  }

  /** A link stands: both sides know each other. */
  onEstablished(link: number): void {
    this.#refusals = 0
    this.#lastError = ''
    if (link !== this.#successor || this.#isStopped) return
    const from = this.#current
    this.#takeOver()
    this.#options.onMoved(from, link)
  }

  /** The other end of a link is about to go: another address is tried before that happens. */
  onLameDuck(link: number): void {
    if (this.#isStopped || link !== this.#current) return
    if (this.#isMoving || this.urls.list.length < 2) return
    this.#isMoving = true
    this.#waitFor(this.#options.random() * this.#options.reconnectMs)
  }

  /** A link has ended. */
  onLinkEnd(link: number, { reason, lastError, penaltyMs, isRefused }: LeafEnd): void {
    if (this.#isStopped || (link !== this.#current && link !== this.#successor)) return
    this.#lastError = lastError || reason
    this.#refusals = isRefused ? this.#refusals + 1 : 0
    const jitteredMs = penaltyMs * (1 + PENALTY_JITTER * this.#options.random())
    const delayMs = this.#options.reconnectMs * this.#refusedFactor() + jitteredMs
    if (link === this.#successor) {
      this.#successor = NONE
      if (this.#isMoving) this.#waitFor(delayMs)
    } else if (this.#successor !== NONE) {
      this.#takeOver()
    } else {
      this.#isMoving = false
      this.#current = NONE
      this.#state = 'idle'
      this.#waitFor(delayMs)
    }
  }

  #takeOver(): void {
    this.#current = this.#successor
    this.#address = this.#successorAddress
    this.#successor = NONE
    this.#isMoving = false
  }

  /** Addresses a peer has told. */
  onDiscovered(hostPorts: readonly string[]): void {
    if (!this.#options.ignoresDiscovered) this.urls.discover(hostPorts)
  }

  /** 1, 2, 4 … with the refusals in a row, so that a wrong password does not hammer the hub. */
  #refusedFactor(): number {
    return Math.min(2 ** Math.max(0, this.#refusals - 1), REFUSED_DELAY_FACTOR_MAX)
  }

  async #dialFirst(): Promise<void> {
    this.#state = 'dialing'
    const link = ++this.#lastLink
    this.#current = link
    const address = this.urls.next()
    this.#address = address
    if (!(await this.#dial(address, link))) return
    // The link may have ended, or the remote been stopped, before this promise was looked at.
    if (this.#current === link && this.#state === 'dialing') this.#state = 'connected'
  }

  async #dialSuccessor(): Promise<void> {
    if (!this.#isMoving || this.#successor !== NONE) return
    const link = ++this.#lastLink
    this.#successor = link
    const left = this.#address === undefined ? '' : addressText(this.#address)
    let address = this.urls.next()
    if (addressText(address) === left) address = this.urls.next()
    this.#successorAddress = address
    await this.#dial(address, link)
  }

  async #dial(address: RemoteAddress, link: number): Promise<boolean> {
    const { dial, log } = this.#options
    log.debug(`Trying to connect as leafnode to remote server on ${goQuote(addressText(address))}`)
    try {
      await dial(address, link, this.#abort.signal)
      this.#failedAttempts = 0
      this.#hasBeenConnected = true
      return true
    } catch (error) {
      if (!this.#isStopped) this.#onDialFailure(address, link, error)
      return false
    }
  }

  #onDialFailure(address: RemoteAddress, link: number, error: unknown): void {
    const { reconnectMs, random, log } = this.#options
    this.#failedAttempts += 1
    const why = untrustedText(error instanceof Error ? error.message : String(error))
    this.#lastError = why
    const text =
      `Error trying to connect as leafnode to remote server ${goQuote(addressText(address))} ` +
      `(attempt ${this.#failedAttempts}): ${why}`
    if (this.#isReported()) log.error(text)
    else log.debug(text)
    if (link === this.#successor) {
      this.#successor = NONE
    } else {
      this.#current = NONE
      this.#state = 'idle'
    }
    this.#waitFor(reconnectMs + random() * reconnectMs)
  }

  #isReported(): boolean {
    const { connectErrorReports, reconnectErrorReports } = this.#options
    const every = this.#hasBeenConnected ? reconnectErrorReports : connectErrorReports
    return this.#failedAttempts === 1 || this.#failedAttempts % every === 0
  }

  #waitFor(delayMs: number): void {
    this.#dueMs = this.#options.nowMs() + delayMs
  }
}
