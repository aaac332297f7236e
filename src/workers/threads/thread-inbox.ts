import { type MessagePort, parentPort } from 'node:worker_threads'
import type { FromThread, MainPort, ThreadStart, ToThread } from './thread-messages.ts'

/** What the main thread sends to this one. What comes before somebody listens waits. */
export class ThreadInbox implements MainPort {
  /** The first message. */
  readonly start: Promise<ThreadStart>
  #onMessage: (message: ToThread) => void
  #waiting: ToThread[] = []

  constructor() {
    const { promise, resolve } = Promise.withResolvers<ThreadStart>()
    this.start = promise
    this.#onMessage = (message) => {
      if (message.type === 'start') resolve(message.start)
      else this.#waiting.push(message)
    }
    parentPort?.on('message', (message: ToThread) => this.#onMessage(message))
  }

  /** Takes what waits, and from now on what comes; one listener. */
  on(_event: 'message', onMessage: (message: ToThread) => void): void {
    this.#onMessage = onMessage
    for (const message of this.#waiting.splice(0)) onMessage(message)
  }

  postMessage(message: FromThread, transfer: MessagePort[] = []): void {
    parentPort?.postMessage(message, transfer)
  }
}
