/**
 * One counter has two cache lines to itself: publisher and subscriber threads write neighbouring
 * ones.
 */
const SLOT_BYTES = 128
const SLOT_INTS = SLOT_BYTES / BigInt64Array.BYTES_PER_ELEMENT

/** Who must get each message of some streams once: one subscriber, or a queue group together. */
export interface Receiver {
  readonly streams: readonly number[]
  readonly subscribers: readonly number[]
}

/** Streams and subscribers are numbered from 0. */
export interface FlowLayout {
  readonly streamCount: number
  readonly subscriberCount: number
  readonly receivers: readonly Receiver[]
}

/**
 * Message counts that all drivers of a run share, on one SharedArrayBuffer.
 *
 *   slot               counter                       written by
 *   2 × stream + 0     published since the start     publisher
 *   2 × stream + 1     last phase finished           publisher, after its last count
 *   2 × streams + s    received since the start      subscriber s
 *
 * Touched once per block or chunk, never per message.
 */
export class FlowControl {
  readonly #counts: BigInt64Array<SharedArrayBuffer>
  readonly #layout: FlowLayout
  /** The receiver that was too slow when last looked at, by stream: most likely it still is. */
  readonly #slow = new Map<number, Receiver>()

  constructor(counts: SharedArrayBuffer, layout: FlowLayout) {
    this.#counts = new BigInt64Array(counts)
    this.#layout = layout
  }

  static allocate({ streamCount, subscriberCount }: FlowLayout): SharedArrayBuffer {
    return new SharedArrayBuffer((2 * streamCount + subscriberCount) * SLOT_BYTES)
  }

  setPublished(stream: number, messages: number): void {
    this.#store(2 * stream, messages)
  }

  published(stream: number): number {
    return this.#load(2 * stream)
  }

  finish(stream: number, phase: number): void {
    this.#store(2 * stream + 1, phase)
  }

  setReceived(subscriber: number, messages: number): void {
    this.#store(2 * this.#layout.streamCount + subscriber, messages)
  }

  received(subscriber: number): number {
    return this.#load(2 * this.#layout.streamCount + subscriber)
  }

  /** Whether none of those who get the stream lacks more messages than that. */
  isWithin(stream: number, messages: number): boolean {
    const slow = this.#slow.get(stream)
    if (slow !== undefined && this.#missing(slow) > messages) return false
    const receiver = this.#layout.receivers.find(
      (one) => one.streams.includes(stream) && this.#missing(one) > messages,
    )
    if (receiver !== undefined) this.#slow.set(stream, receiver)
    return receiver === undefined
  }

  /** Whether all of its streams have finished the phase, and all messages have come. */
  isComplete(receiver: Receiver, phase: number): boolean {
    const isFinished = (stream: number): boolean => this.#load(2 * stream + 1) >= phase
    return receiver.streams.every(isFinished) && this.#missing(receiver) <= 0
  }

  /** Messages published and not received; below 0 when some came twice. */
  #missing({ streams, subscribers }: Receiver): number {
    let missing = 0
    // Received ones first, so that the difference is never too small.
    for (const subscriber of subscribers) missing -= this.received(subscriber)
    for (const stream of streams) missing += this.published(stream)
    return missing
  }

  #store(slot: number, value: number): void {
    Atomics.store(this.#counts, slot * SLOT_INTS, BigInt(value))
  }

  #load(slot: number): number {
    return Number(Atomics.load(this.#counts, slot * SLOT_INTS))
  }
}
