import type { Kernel } from '../kernel/kernel.ts'

/**
 * Facts of a subscription as its slot in shared memory has them. Subjects are latin1: one
 * character, one byte.
 */
export class SlotReader {
  readonly #kernel: Kernel

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  #word(slot: number, field: number): number {
    return this.#kernel.words[(slot + field) >> 2]!
  }

  /** The slots of a connection's subscriptions, in no order; see sids.ts of the kernel. */
  *ofConnection(record: number): Generator<number> {
    const { layout, words } = this.#kernel
    const table = words[(record + layout.CONNECTION_SUBS) >> 2]!
    if (table === 0) return
    if ((table & 1) !== 0) {
      yield table - 1
      return
    }
    const end =
      table + (words[(record + layout.CONNECTION_SUB_MASK) >> 2]! + 1) * layout.SUBS_PLACE_BYTES
    for (let place = table; place < end; place += layout.SUBS_PLACE_BYTES) {
      const slot = words[place >> 2]!
      if (slot > layout.SUBS_TOMBSTONE) yield slot
    }
  }

  countOf(record: number): number {
    return this.#kernel.words[(record + this.#kernel.layout.CONNECTION_SUB_COUNT) >> 2]!
  }

  subject(slot: number): string {
    const { layout, bytes } = this.#kernel
    const at = this.#word(slot, layout.SUB_TEXT)
    return bytes.toString('latin1', at, at + this.#word(slot, layout.SUB_SUBJECT_BYTES))
  }

  /** Empty for a plain subscription. */
  queue(slot: number): string {
    const { layout, bytes } = this.#kernel
    const at = this.#word(slot, layout.SUB_TEXT) + this.#word(slot, layout.SUB_SUBJECT_BYTES)
    return bytes.toString('latin1', at, at + this.#word(slot, layout.SUB_QUEUE_BYTES))
  }

  isQueue(slot: number): boolean {
    return this.#word(slot, this.#kernel.layout.SUB_QUEUE_BYTES) !== 0
  }

  sid(slot: number): Uint8Array {
    const { layout, bytes } = this.#kernel
    const length = this.#word(slot, layout.SUB_SID_BYTES)
    const isInline = length <= layout.SUB_SID_INLINE
    const at = isInline ? slot + layout.SUB_SID : this.#word(slot, layout.SUB_SID)
    return bytes.subarray(at, at + length)
  }

  sidText(slot: number): string {
    const { layout, bytes } = this.#kernel
    const length = this.#word(slot, layout.SUB_SID_BYTES)
    const isInline = length <= layout.SUB_SID_INLINE
    const at = isInline ? slot + layout.SUB_SID : this.#word(slot, layout.SUB_SID)
    return bytes.toString('latin1', at, at + length)
  }

  isActive(slot: number): boolean {
    return this.#word(slot, this.#kernel.layout.SUB_STATE) === this.#kernel.layout.SUB_STATE_ACTIVE
  }

  /** Whether its owner is done with it, and the routing worker is not. */
  isRetiring(slot: number): boolean {
    const { layout } = this.#kernel
    return this.#word(slot, layout.SUB_STATE) === layout.SUB_STATE_RETIRING
  }

  /** Whether the routing worker has it in the sublist. */
  hasInterest(slot: number): boolean {
    return this.#word(slot, this.#kernel.layout.SUB_ENTRY) !== 0
  }

  connection(slot: number): number {
    return this.#word(slot, this.#kernel.layout.SUB_CONNECTION)
  }

  delivered(slot: number): bigint {
    return this.#kernel.longs[(slot + this.#kernel.layout.SUB_DELIVERED) >> 3]!
  }

  /** 0 = none. */
  max(slot: number): number {
    return this.#word(slot, this.#kernel.layout.SUB_MAX) >>> 0
  }

  setMax(slot: number, max: number): void {
    const { layout, words } = this.#kernel
    // Other threads that choose it for its queue group count from here on.
    Atomics.store(words, (slot + layout.SUB_RESERVED) >> 2, Number(this.delivered(slot)))
    Atomics.store(words, (slot + layout.SUB_MAX) >> 2, max)
  }

  /** Whether it got all it asked for, and only waits to be taken away. */
  isExhausted(slot: number): boolean {
    const max = this.#word(slot, this.#kernel.layout.SUB_MAX)
    return max !== 0 && this.delivered(slot) >= BigInt(max)
  }
}
