import type { RateOptions } from '../config/account-types.ts'

/** Two for each budget: when its messages, and when its bytes are paid for. */
export const CELLS_PER_BUDGET = 2

const US_PER_MS = 1000
const US_PER_S = 1_000_000
/** Chosen: what comes in bursts no longer than this is not delayed. */
const BURST_MS = 100
/** One read holds about a tenth of a second's worth, so that pauses are short. */
const READS_PER_SECOND = 10
const READ_BYTES_MIN = 512
/** The shortest publish has about this many bytes. */
const MESSAGE_BYTES_MIN = 16

export function isLimited({ maxMsgsPerSecond, maxBytesPerSecond }: RateOptions): boolean {
  return maxMsgsPerSecond > 0 || maxBytesPerSecond > 0
}

/**
 * A rate that several connections, on any threads, use up together: a leaky bucket for messages and
 * one for bytes. Each cell holds the time at which everything taken so far is paid for, in
 * microseconds of a clock common to all threads.
 */
export class IngressBudget {
  readonly rate: RateOptions
  readonly #cells: BigInt64Array
  readonly #at: number

  /** @param at index of the first of its two cells */
  constructor(rate: RateOptions, cells: BigInt64Array, at: number) {
    this.rate = rate
    this.#cells = cells
    this.#at = at
  }

  /** Takes from the budget. @returns milliseconds for which no more should be taken */
  charge(nowMs: number, msgs: number, bytes: number): number {
    const { maxMsgsPerSecond, maxBytesPerSecond } = this.rate
    let aheadMs = 0
    if (maxMsgsPerSecond > 0) aheadMs = this.#advance(0, nowMs, msgs / maxMsgsPerSecond)
    if (maxBytesPerSecond > 0) {
      aheadMs = Math.max(aheadMs, this.#advance(1, nowMs, bytes / maxBytesPerSecond))
    }
    return aheadMs > BURST_MS ? aheadMs : 0
  }

  /** @returns how far the cell is ahead of now, in milliseconds */
  #advance(cell: number, nowMs: number, costS: number): number {
    const now = BigInt(Math.floor(nowMs * US_PER_MS))
    const cost = BigInt(Math.ceil(costS * US_PER_S))
    const at = this.#at + cell
    for (;;) {
      const paid = Atomics.load(this.#cells, at)
      const next = (paid > now ? paid : now) + cost
      if (Atomics.compareExchange(this.#cells, at, paid, next) === paid) {
        return Number(next - now) / US_PER_MS
      }
    }
  }
}

/** What limits one connection: its own budget, and those it shares. */
export class IngressLimit {
  /** Times the connection was not read from for a while, and for how long in all. */
  pauses = 0
  pausedMs = 0
  /** Most bytes that one read may take. */
  readonly readBytes: number
  readonly #budgets: readonly IngressBudget[]
  #msgs: number
  #bytes: number

  /**
   * @param budgets none: it is not known yet, so that little is read at once
   * @param msgs and bytes: received before, modulo 2^32
   */
  constructor(budgets: readonly IngressBudget[], msgs: number, bytes: number) {
    this.#budgets = budgets
    this.#msgs = msgs
    this.#bytes = bytes
    const strictest = Math.min(...budgets.map(({ rate }) => bytesOf(rate)))
    this.readBytes =
      budgets.length === 0
        ? READ_BYTES_MIN
        : Math.max(READ_BYTES_MIN, Math.floor(strictest / READS_PER_SECOND))
  }

  /**
   * @param msgs and bytes: received so far, modulo 2^32
   * @param nowMs of the clock of the cells
   * @returns milliseconds for which the connection should not be read from
   */
  charge(nowMs: number, msgs: number, bytes: number): number {
    const newMsgs = (msgs - this.#msgs) >>> 0
    const newBytes = (bytes - this.#bytes) >>> 0
    this.#msgs = msgs
    this.#bytes = bytes
    let pauseMs = 0
    for (const budget of this.#budgets) {
      pauseMs = Math.max(pauseMs, budget.charge(nowMs, newMsgs, newBytes))
    }
    if (pauseMs > 0) {
      this.pauses++
      this.pausedMs += pauseMs
    }
    return pauseMs
  }
}

function bytesOf({ maxMsgsPerSecond, maxBytesPerSecond }: RateOptions): number {
  const byMsgs =
    maxMsgsPerSecond > 0 ? maxMsgsPerSecond * MESSAGE_BYTES_MIN : Number.POSITIVE_INFINITY
  return Math.min(byMsgs, maxBytesPerSecond > 0 ? maxBytesPerSecond : Number.POSITIVE_INFINITY)
}
