import { availableParallelism } from 'node:os'
import type { Kernel } from '../../kernel/kernel.ts'
import { threadField } from '../../kernel/shared-memory.ts'

/**
 * A spin that brought nothing ends after this long: about twice what waking a processor costs.
 * Measured: docs/adr/0015-spinning.md.
 */
export const SPIN_MS = 0.1
/** Turns that begin this soon after the one before count for spinning: waking is part of it. */
export const SOON_MS = 0.2
/** A turn with more than this is part of a bulk: the longer such a thread sleeps, the better. */
const BULK_MSGS = 32
const BULK_BYTES = 16 * 1024
/** A thread spins while three of four turns begin soon. */
const SOON_POINTS = 1
const LATE_POINTS = 3
const POINTS_MIN = 4
const POINTS_MAX = 8
/** Between two looks; if it was longer, the processor was given to somebody else. */
const LOOK_MS_MAX = 0.3
/** Then the thread does not spin for so many times as long. */
const AWAY_FACTOR = 20

/** What a spinner does to its thread. */
export interface Spinning {
  /** Something may be in a lane. */
  poll(): void
  /** Nothing came. */
  endSpin(): void
}

export interface SpinnerClock {
  nowMs(): number
  /** Calls `look` when the event loop has looked at its sockets, without blocking. */
  soon(look: () => void): void
}

const SYSTEM_CLOCK: SpinnerClock = {
  nowMs: () => performance.now(),
  soon: (look) => void setImmediate(look),
}

/**
 * Decides whether a thread that has nothing to do stays awake for a moment: then it finds the next
 * request in its sockets and lanes by itself, and nobody has to wake it. Spinning, it goes round
 * its event loop, which never blocks meanwhile.
 *
 * Does not spin: a thread whose input mostly comes late, or in bulks; and one that would leave no
 * processor to others. See docs/adr/0015-spinning.md.
 *
 * Hot: called once or twice in each turn.
 */
export class Spinner {
  /** The option `spin`. */
  isAllowed = true
  readonly #spinning: Spinning
  readonly #clock: SpinnerClock
  readonly #words: Int32Array
  readonly #hasInbound: () => boolean
  readonly #processors: number
  /** Where the other threads say whether they sleep. */
  readonly #sleepingWords: readonly number[]
  readonly #inMsgs: number
  readonly #inBytes: number
  readonly #outMsgs: number
  readonly #outBytes: number
  #isSpinning = false
  /** The event loop is going to call #look. */
  #isScheduled = false
  #points = 0
  /** Low words of the thread's counters at the end of the last turn. */
  #msgs = 0
  #bytes = 0
  #turnBeganMs = 0
  #lookedMs = 0
  #endMs = 0
  #notBeforeMs = 0
  readonly #lookBound = () => this.#look()

  /** @param processors that the process may use */
  constructor(
    spinning: Spinning,
    kernel: Kernel,
    thread: number,
    processors = availableParallelism(),
    clock = SYSTEM_CLOCK,
  ) {
    this.#spinning = spinning
    this.#clock = clock
    this.#processors = processors
    const { exports, layout, words } = kernel
    this.#words = words
    this.#hasInbound = () => Boolean(exports.hasInbound())
    const word = (of: number, field: number) => threadField(kernel, of, field) >> 2
    this.#inMsgs = word(thread, layout.THREAD_IN_MSGS)
    this.#inBytes = word(thread, layout.THREAD_IN_BYTES)
    this.#outMsgs = word(thread, layout.THREAD_OUT_MSGS)
    this.#outBytes = word(thread, layout.THREAD_OUT_BYTES)
    const threadCount = words[layout.HEADER_THREAD_COUNT >> 2]!
    this.#sleepingWords = Array.from({ length: threadCount }, (_, of) =>
      word(of, layout.THREAD_SLEEPING),
    ).filter((_, of) => of !== thread)
  }

  /** A turn begins. What is learned is how long after the one before. */
  onTurn(nowMs: number): void {
    this.#isSpinning = false
    const points = this.#points
    if (nowMs - this.#turnBeganMs <= SOON_MS) {
      if (points < POINTS_MAX) this.#points = points + SOON_POINTS
    } else if (points > 0) {
      this.#points = Math.max(0, points - LATE_POINTS)
    }
    this.#turnBeganMs = nowMs
  }

  /** A turn has left nothing to do. @returns whether the thread stays awake */
  begin(): boolean {
    if (this.#wasBulk() || this.#points < POINTS_MIN || !this.isAllowed) return false
    const nowMs = this.#clock.nowMs()
    if (nowMs < this.#notBeforeMs || !this.#leavesProcessor()) return false
    this.#isSpinning = true
    this.#lookedMs = nowMs
    this.#endMs = nowMs + SPIN_MS
    this.#lookSoon()
    return true
  }

  #wasBulk(): boolean {
    const words = this.#words
    const msgs = (words[this.#inMsgs]! + words[this.#outMsgs]!) | 0
    const bytes = (words[this.#inBytes]! + words[this.#outBytes]!) | 0
    const wasBulk =
      ((msgs - this.#msgs) | 0) > BULK_MSGS || ((bytes - this.#bytes) | 0) > BULK_BYTES
    this.#msgs = msgs
    this.#bytes = bytes
    if (wasBulk) this.#points = 0
    return wasBulk
  }

  /** With one for each thread that is awake, this one included, there is another. */
  #leavesProcessor(): boolean {
    let awake = 1
    for (const word of this.#sleepingWords) {
      if (Atomics.load(this.#words, word) === 0) awake += 1
    }
    return awake < this.#processors
  }

  #lookSoon(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#clock.soon(this.#lookBound)
  }

  /** There was nothing in the sockets. */
  #look(): void {
    this.#isScheduled = false
    if (!this.#isSpinning) return
    if (this.#hasInbound()) {
      this.#spinning.poll()
      return
    }
    const nowMs = this.#clock.nowMs()
    const awayMs = nowMs - this.#lookedMs
    this.#lookedMs = nowMs
    if (awayMs > LOOK_MS_MAX) this.#notBeforeMs = nowMs + AWAY_FACTOR * awayMs
    if (nowMs < this.#endMs) {
      this.#lookSoon()
      return
    }
    this.#isSpinning = false
    this.#spinning.endSpin()
  }
}
