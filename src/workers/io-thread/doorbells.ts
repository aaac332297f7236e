import type { MessagePort } from 'node:worker_threads'
import type { Kernel } from '../../kernel/kernel.ts'
import { threadField } from '../../kernel/shared-memory.ts'
import type { PeerMessage } from '../threads/peer-messages.ts'

/**
 * Waking other threads, and being woken.
 *
 * Before a thread returns to its event loop it sets its sleeping flag, then looks at all its lanes
 * once more. Who commits to one of its lanes afterwards swaps the flag back and sends an empty
 * message. Whichever comes first, set or commit, one of the two sees the other: nothing is left
 * lying. A thread that is awake is never rung (waking costs 13-15 µs, see docs/ARCHITECTURE.md).
 *
 * What two threads have to say to each other once in the life of a client goes by the same line.
 */
export class Doorbells {
  readonly #kernel: Kernel
  readonly #sleepingWord: number
  readonly #ports: (MessagePort | undefined)[] = []
  /** Mask of threads that need not be woken. */
  #silenced = 0
  readonly #onRing: () => void
  readonly #onMessage: (from: number, message: PeerMessage) => void

  constructor(
    kernel: Kernel,
    thread: number,
    onRing: () => void,
    onMessage: (from: number, message: PeerMessage) => void,
  ) {
    this.#kernel = kernel
    this.#onMessage = onMessage
    this.#sleepingWord = threadField(kernel, thread, kernel.layout.THREAD_SLEEPING) >> 2
    this.#onRing = onRing
  }

  connect(thread: number, port: MessagePort): void {
    this.#ports[thread]?.close()
    this.#ports[thread] = port
    port.on('message', (message: PeerMessage | 0) => {
      if (message === 0) this.#onRing()
      else this.#onMessage(thread, message)
    })
    // Who rang before there was a port took the sleeping flag, but woke nobody.
    port.postMessage(0)
  }

  disconnect(thread: number): void {
    this.#ports[thread]?.close()
    this.#ports[thread] = undefined
  }

  /** It has the same event loop, and is served before that is returned to. */
  silence(thread: number): void {
    this.#silenced |= 1 << thread
  }

  /** @param mask of threads whose sleeping flag was taken */
  ring(mask: number): void {
    let threads = mask & ~this.#silenced
    for (let thread = 0; threads !== 0; thread++, threads >>>= 1) {
      if ((threads & 1) !== 0) this.#ports[thread]?.postMessage(0)
    }
  }

  ringAsleep(thread: number): void {
    if (this.#kernel.exports.wakeUp(thread)) this.#ports[thread]?.postMessage(0)
  }

  /** Lost when that thread is dead. */
  send(thread: number, message: PeerMessage): void {
    this.#ports[thread]?.postMessage(message)
  }

  wake(): void {
    Atomics.store(this.#kernel.words, this.#sleepingWord, 0)
  }

  /** Declares the thread asleep. Returns false when something came in meanwhile: it is awake. */
  sleep(): boolean {
    Atomics.store(this.#kernel.words, this.#sleepingWord, 1)
    if (!this.#kernel.exports.hasInbound()) return true
    this.wake()
    return false
  }
}
