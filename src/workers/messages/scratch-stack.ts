import type { Kernel } from '../../kernel/kernel.ts'

/** Chosen: messages of services are small; larger ones get a block each. */
const SCRATCH_BYTES = 16 * 1024

/**
 * Kernel memory for the moment, without a call for each: what is taken last is given back first.
 */
export class ScratchStack {
  readonly #kernel: Kernel
  #base = 0
  #top = 0

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /** @returns 0 without memory */
  take(bytes: number): number {
    const { exports } = this.#kernel
    if (this.#base === 0) {
      this.#base = exports.allocate(SCRATCH_BYTES)
      this.#top = this.#base
    }
    if (this.#base === 0 || this.#top + bytes >= this.#base + SCRATCH_BYTES) {
      return exports.allocate(bytes)
    }
    const at = this.#top
    this.#top += bytes
    return at
  }

  /** @param bytes as they were asked for */
  giveBack(at: number, bytes: number): void {
    if (at >= this.#base && at < this.#base + SCRATCH_BYTES) this.#top = at
    else this.#kernel.exports.release(at, bytes)
  }
}
