import type { Kernel } from '../../kernel/kernel.ts'
import { threadField } from '../../kernel/shared-memory.ts'
import type { DeliveryLatency } from '../measurements/delivery-latency.ts'
import type { ThreadRole } from './io-thread.ts'

/** Read from one lane before the next one gets its turn. */
const LANE_READ_BYTES_MAX = 512 * 1024
const READ_ALL = 0x7fffffff
/** Control records of one lane before the next one gets its turn: about a millisecond; chosen. */
const CONTROLS_MAX = 2048

/** The lanes that end at this thread. */
export class InboundLanes {
  readonly #kernel: Kernel
  readonly #thread: number
  readonly #threadCount: number
  readonly #latency: DeliveryLatency
  /** Mask of threads whose lane had no room for something. */
  #awaited = 0

  constructor(kernel: Kernel, thread: number, latency: DeliveryLatency) {
    this.#kernel = kernel
    this.#latency = latency
    this.#thread = thread
    this.#threadCount = kernel.words[kernel.layout.HEADER_THREAD_COUNT >> 2]!
  }

  /**
   * Delivers what waits in the lanes and hands control records to the role.
   *
   * @param ring wakes a producer that waited for room, or for its SUB to be applied
   * @returns whether there was anything
   */
  read(role: ThreadRole, ring: (thread: number) => void): boolean {
    const { exports } = this.#kernel
    if (!exports.hasInbound()) return false
    let hasRead = false
    for (let from = 0; from < this.#threadCount; from++) {
      if (from === this.#thread) continue
      this.#latency.beforeLane(from)
      this.#readLane(from, role, LANE_READ_BYTES_MAX, CONTROLS_MAX)
      if (!exports.drainEnd(from)) continue
      this.#latency.afterLane(from)
      hasRead = true
      if (exports.takeBlocked(from) !== 0 || this.#takeAwaiting(from)) ring(from)
    }
    return hasRead
  }

  /** Everything a thread sent before it died. */
  readLast(from: number, role: ThreadRole): void {
    this.#readLane(from, role, READ_ALL, READ_ALL)
    this.#kernel.exports.drainEnd(from)
  }

  #readLane(from: number, role: ThreadRole, bytesMax: number, controlsMax: number): void {
    const { exports, layout, words } = this.#kernel
    exports.drainBegin(from)
    for (let controls = 0; controls < controlsMax; controls++) {
      if (exports.drain(from, bytesMax) !== layout.STATUS_RECORD) return
      const record = exports.record.value
      role.onRecord(
        from,
        words[(record + layout.RECORD_KIND) >> 2]!,
        words[(record + layout.CONTROL_SLOT) >> 2]!,
        words[(record + layout.CONTROL_GENERATION) >> 2]!,
      )
    }
  }

  #takeAwaiting(from: number): boolean {
    const { layout, words } = this.#kernel
    if (this.#thread !== layout.ROUTER_THREAD) return false
    const at = threadField(this.#kernel, from, layout.THREAD_AWAITING_ROUTER) >> 2
    return Atomics.load(words, at) !== 0 && Atomics.exchange(words, at, 0) !== 0
  }

  /** Something waits for room in the lane to a thread. */
  await(to: number): void {
    this.#awaited |= 1 << to
  }

  get isAwaiting(): boolean {
    return this.#awaited !== 0
  }

  /** All that waited tries again, and says so if it must wait on. */
  awaitNone(): void {
    this.#awaited = 0
  }

  /**
   * Asks the consumers of full lanes to ring when they have made room. False when one already has.
   */
  awaitRoom(): boolean {
    for (let to = 0, mask = this.#awaited; mask !== 0; to++, mask >>>= 1) {
      if ((mask & 1) !== 0 && !this.#kernel.exports.awaitRoom(to)) {
        this.#awaited = 0
        return false
      }
    }
    return true
  }
}
