/**
 * One counter has two cache lines to itself: publisher and subscriber threads write neighbouring
 * ones.
 */
const SLOT_BYTES = 128
const SLOT_INTS = SLOT_BYTES / BigInt64Array.BYTES_PER_ELEMENT

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
  readonly #subscribersOfStream: readonly (readonly number[])[]

  constructor(counts: SharedArrayBuffer, subscribersOfStream: readonly (readonly number[])[]) {
    this.#counts = new BigInt64Array(counts)
    this.#subscribersOfStream = subscribersOfStream
  }

  static allocate(streamCount: number, subscriberCount: number): SharedArrayBuffer {
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

  isFinished(stream: number, phase: number): boolean {
    return this.#load(2 * stream + 1) >= phase
  }

  setReceived(subscriber: number, messages: number): void {
    this.#store(2 * this.#subscribersOfStream.length + subscriber, messages)
  }

  received(subscriber: number): number {
    return this.#load(2 * this.#subscribersOfStream.length + subscriber)
  }

  /**
   * Published messages that the slowest subscriber of the stream has not received; 0 without
   * subscribers.
   */
  outstanding(stream: number): number {
    const published = this.published(stream)
    let slowest = published
    for (const subscriber of this.#subscribersOfStream[stream]!) {
      slowest = Math.min(slowest, this.received(subscriber))
    }
    return published - slowest
  }

  #store(slot: number, value: number): void {
    Atomics.store(this.#counts, slot * SLOT_INTS, BigInt(value))
  }

  #load(slot: number): number {
    return Number(Atomics.load(this.#counts, slot * SLOT_INTS))
  }
}
