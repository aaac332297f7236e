import { timerMs } from '../base/clock.ts'

/** A moment at which something is due, until it has run or been cancelled. */
export class Deadline {
  readonly atMs: number
  /** undefined once it ran or was cancelled. */
  run: (() => void) | undefined

  constructor(atMs: number, run: () => void) {
    this.atMs = atMs
    this.run = run
  }

  cancel(): void {
    this.run = undefined
  }
}

const SWEEP_LENGTH_MIN = 1024

/**
 * All deadlines of a thread behind one timer: a binary heap by time.
 *
 * A connection has a few deadlines, most of them far away and cancelled; a Node timer for each
 * would cost several times the memory. Cancelled ones leave the heap when their time comes, or when
 * it has doubled since they were last thrown out.
 */
export class Deadlines {
  readonly #nowMs: () => number
  #heap: Deadline[] = []
  /** Length at which cancelled ones are thrown out. */
  #sweepLength = SWEEP_LENGTH_MIN
  #timer: NodeJS.Timeout | undefined
  #timerAtMs = Number.POSITIVE_INFINITY

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
  }

  /** Runs `run` once, not before `delayMs` from now. */
  after(delayMs: number, run: () => void): Deadline {
    return this.at(this.#nowMs() + delayMs, run)
  }

  /** Runs `run` once, not before `atMs` of performance.now(). */
  at(atMs: number, run: () => void): Deadline {
    const deadline = new Deadline(atMs, run)
    if (this.#heap.length >= this.#sweepLength) this.#sweep()
    this.#push(deadline)
    if (deadline.atMs < this.#timerAtMs) this.#arm()
    return deadline
  }

  /** Deadlines kept, cancelled ones included. */
  get length(): number {
    return this.#heap.length
  }

  /** Forgets everything; for the end of the thread. */
  clear(): void {
    this.#heap.length = 0
    clearTimeout(this.#timer)
    this.#timerAtMs = Number.POSITIVE_INFINITY
  }

  #sweep(): void {
    // A sorted array is a heap.
    this.#heap = this.#heap.filter(({ run }) => run !== undefined).sort((a, b) => a.atMs - b.atMs)
    this.#sweepLength = Math.max(SWEEP_LENGTH_MIN, 2 * this.#heap.length)
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const first = this.#heap[0]
    this.#timerAtMs = first?.atMs ?? Number.POSITIVE_INFINITY
    if (first === undefined) return
    const delayMs = Math.max(1, timerMs(first.atMs - this.#nowMs()))
    this.#timer = setTimeout(() => this.#fire(), delayMs)
  }

  #fire(): void {
    const nowMs = this.#nowMs()
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= nowMs; ) {
      this.#pop()
      const run = first.run
      first.run = undefined
      run?.()
      first = this.#heap[0]
    }
    this.#arm()
  }

  #push(deadline: Deadline): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(deadline)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heap[parent]!.atMs <= deadline.atMs) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = deadline
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.atMs < heap[child]!.atMs) child++
      if (heap[child]!.atMs >= last.atMs) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}
