import {
  MessageChannel,
  type MessagePort,
  type Transferable,
  type Worker,
} from 'node:worker_threads'
import type { FromThread, ThreadStart, ToThread } from './thread-messages.ts'

/** What the main thread has of a thread: ways to hear of it, and to talk to it. */
export interface ThreadLine {
  onMessage(listener: (message: FromThread) => void): void
  /** It runs no more; its exit follows. */
  onError(listener: (error: unknown) => void): void
  onExit(listener: () => void): void
  postMessage(message: ToThread, transfer?: Transferable[]): void
  /** Milliseconds of its event loop, which may be another thread's, too. */
  loopTimes(): { readonly active: number; readonly idle: number }
  terminate(): Promise<unknown>
}

/** Of a thread with a worker of its own. */
export class WorkerLine implements ThreadLine {
  readonly #worker: Worker

  constructor(start: ThreadStart, worker: Worker) {
    this.#worker = worker
    this.postMessage({ type: 'start', start })
  }

  onMessage(listener: (message: FromThread) => void): void {
    this.#worker.on('message', listener)
  }

  onError(listener: (error: unknown) => void): void {
    this.#worker.on('error', listener)
  }

  onExit(listener: () => void): void {
    this.#worker.on('exit', listener)
  }

  postMessage(message: ToThread, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer)
  }

  loopTimes(): { readonly active: number; readonly idle: number } {
    return this.#worker.performance.eventLoopUtilization()
  }

  terminate(): Promise<unknown> {
    return this.#worker.terminate()
  }
}

/** Of a thread that runs in the worker of another one, and ends with that. */
export class GuestLine implements ThreadLine {
  readonly #host: ThreadLine
  readonly #port: MessagePort

  constructor(start: ThreadStart, host: ThreadLine) {
    const { port1, port2 } = new MessageChannel()
    this.#host = host
    this.#port = port1
    host.onExit(() => port1.close())
    host.postMessage({ type: 'guest', start, port: port2 }, [port2])
  }

  onMessage(listener: (message: FromThread) => void): void {
    this.#port.on('message', listener)
  }

  onError(listener: (error: unknown) => void): void {
    this.#host.onError(listener)
  }

  onExit(listener: () => void): void {
    this.#host.onExit(listener)
  }

  postMessage(message: ToThread, transfer: Transferable[] = []): void {
    this.#port.postMessage(message, transfer)
  }

  loopTimes(): { readonly active: number; readonly idle: number } {
    return this.#host.loopTimes()
  }

  /** Its host is. */
  async terminate(): Promise<void> {}
}
