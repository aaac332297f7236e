import type { Transferable, Worker } from 'node:worker_threads'
import { BrokerError } from '../../base/errors.ts'
import type { ThreadLoad } from '../measurements/broker-measures.ts'
import { GuestLine, type ThreadLine, WorkerLine } from './thread-line.ts'
import type { FromThread, ThreadStart, ToThread } from './thread-messages.ts'
import { threadName, threadRole } from './thread-names.ts'
import { type AnswerTo, type Ask, type QuestionName, ThreadAsker } from './thread-questions.ts'

/** Threads get this long to send what they have when the broker ends. */
export const END_TIMEOUT_MS = 2000

/** What a thread says of its own accord, once it has started. */
export type ThreadNews = Exclude<FromThread, { readonly type: 'ready' | 'startRefused' | 'reply' }>

export interface ThreadWatcher {
  onNews(news: ThreadNews): void
  /** It runs no more; its exit follows. */
  onFailure(text: string): void
  onExit(thread: ManagedThread): void
}

/** The main thread's end of one thread, from its start to its death; a successor has its own. */
export class ManagedThread {
  /** Rejects with BrokerError when it cannot start. */
  readonly ready: Promise<void>
  isDead = false
  /** Once it is dead: peers that have not forgotten it yet. */
  readonly awaited = new Set<number>()
  readonly #thread: number
  readonly #line: ThreadLine
  readonly #asker: ThreadAsker

  /** @param place the worker it gets, or a thread whose event loop it is to share */
  constructor(start: ThreadStart, watcher: ThreadWatcher, place: Worker | ManagedThread) {
    const { thread } = start
    this.#thread = thread
    const line =
      place instanceof ManagedThread
        ? new GuestLine(start, place.#line)
        : new WorkerLine(start, place)
    this.#line = line
    this.#asker = new ThreadAsker(line)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.ready = promise
    // Only the start waits for it; a successor's failure is told by its own exit.
    promise.catch(() => {})
    line.onMessage((message) => {
      if (message.type === 'ready') resolve()
      else if (message.type === 'startRefused') {
        reject(new BrokerError('BRK_START_REFUSED', message.text))
      } else if (message.type === 'reply') this.#asker.onReply(message)
      else watcher.onNews(message)
    })
    line.onError((error) => {
      const name = `${threadRole(thread)} ${thread}`
      const why = describe(error)
      reject(new BrokerError('BRK_THREAD_START', `${name} did not start: ${why}`))
      watcher.onFailure(`${name} failed: ${why}`)
    })
    line.onExit(() => watcher.onExit(this))
  }

  post(message: ToThread, transfer: Transferable[] = []): void {
    this.#line.postMessage(message, transfer)
  }

  /** @see ThreadAsker.ask */
  ask<Name extends QuestionName>(
    name: Name,
    ask: Ask<Name>,
    timeoutMs: number,
  ): Promise<AnswerTo<Name> | undefined> {
    if (this.isDead) return Promise.resolve(undefined)
    return this.#asker.ask(name, ask, timeoutMs)
  }

  load(): ThreadLoad {
    const { active, idle } = this.#line.loopTimes()
    const thread = this.#thread
    return { thread, name: threadName(thread), busyMs: active, idleMs: idle }
  }

  /** It closes everything and sends what it has, if it still can. */
  async close(): Promise<void> {
    // One that cannot answer has nothing more to say.
    await this.#asker.ask('end', undefined, END_TIMEOUT_MS).catch(() => {})
  }

  async terminate(): Promise<void> {
    await this.#line.terminate()
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
