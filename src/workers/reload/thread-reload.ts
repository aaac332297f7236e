import type { LogLevel } from '../../base/log-line.ts'
import { threadRole } from '../threads/thread-names.ts'
import type { AnswerTo, Ask, QuestionName } from '../threads/thread-questions.ts'
import { orderForClients } from './reconfigure-order.ts'
import { NO_COUNTS, type ReloadCounts, type ReloadOrder } from './reload-types.ts'

/** Reading files of TLS takes milliseconds; a thread that is busy has much more time than that. */
const PREPARE_TIMEOUT_MS = 30_000
/** Thousands of clients are dealt with in slices, between their messages. */
const APPLY_TIMEOUT_MS = 120_000

/** What the supervisor gives for it. */
export interface ReloadedThreads {
  /** The routing worker's number is 0. */
  readonly threadCount: number
  ask<Name extends QuestionName>(
    thread: number,
    name: Name,
    ask: Ask<Name>,
    timeoutMs?: number,
  ): Promise<AnswerTo<Name> | undefined>
  /** It serves, so that it could have answered. */
  isRunning(thread: number): boolean
  /** Clients of a protocol worker. */
  loadOf(thread: number): number
  log(level: LogLevel, text: string): void
}

/** The main thread's side of a reload in the other threads; see ReloadOrder. */
export class ThreadReload {
  readonly #threads: ReloadedThreads

  constructor(threads: ReloadedThreads) {
    this.#threads = threads
  }

  /** @returns why a thread cannot apply it, and no thread will; '' = all are prepared */
  async prepare(order: ReloadOrder): Promise<string> {
    const faults = await Promise.all(this.#each((thread) => this.#prepareOne(thread, order)))
    const fault = faults.find((text) => text !== '') ?? ''
    if (fault !== '') await this.drop(order)
    return fault
  }

  async #prepareOne(thread: number, order: ReloadOrder): Promise<string> {
    try {
      const fault = await this.#threads.ask(
        thread,
        'prepareReload',
        orderOf(thread, order),
        PREPARE_TIMEOUT_MS,
      )
      if (fault !== undefined) return fault
    } catch (error) {
      return textOf(error)
    }
    // One that died has a successor, which is told the whole of it.
    return this.#threads.isRunning(thread) ? `${nameOf(thread)} does not answer` : ''
  }

  async drop({ id }: ReloadOrder): Promise<void> {
    const forget = (thread: number) =>
      this.#threads.ask(thread, 'dropReload', { id }).catch(() => undefined)
    await Promise.all(this.#each(forget))
  }

  /** The routing worker first: the others ask it who may do what. */
  async apply(order: ReloadOrder): Promise<ReloadCounts> {
    const routing = await this.#applyOne(0, order)
    const others = await Promise.all(this.#each((thread) => this.#applyOne(thread, order), 1))
    return others.reduce(sumOf, routing)
  }

  /** What is prepared cannot be refused any more, so that a failure here is only told. */
  async #applyOne(thread: number, order: ReloadOrder): Promise<ReloadCounts> {
    const threads = this.#threads
    let why = 'it does not answer'
    try {
      const counts = await threads.ask(
        thread,
        'applyReload',
        orderOf(thread, order),
        APPLY_TIMEOUT_MS,
      )
      if (counts !== undefined) return counts
      if (!threads.isRunning(thread)) return NO_COUNTS
    } catch (error) {
      why = textOf(error)
    }
    threads.log('error', `${nameOf(thread)} did not apply the reload: ${why}`)
    return NO_COUNTS
  }

  /** @returns how many clients were closed for there to be `count` at most */
  async closeExcess(count: number): Promise<number> {
    const loads = this.#each((thread) => this.#threads.loadOf(thread), 1)
    const closing = excessOf(loads, count)
    const closed = closing.map(async (excess, index) => {
      if (excess === 0) return 0
      const answer = this.#threads.ask(index + 1, 'closeExcess', { count: excess })
      return (await answer.catch(() => undefined)) ?? 0
    })
    return (await Promise.all(closed)).reduce((sum, each) => sum + each, 0)
  }

  #each<T>(make: (thread: number) => T, first = 0): T[] {
    const { threadCount } = this.#threads
    return Array.from({ length: threadCount - first }, (_, index) => make(first + index))
  }
}

/**
 * How many to take from each so that the sum is at most `limit`: always from those that have most.
 */
export function excessOf(loads: readonly number[], limit: number): readonly number[] {
  const left = [...loads]
  const total = loads.reduce((sum, load) => sum + load, 0)
  for (let excess = total - Math.max(limit, 0); excess > 0; excess--) {
    left[left.indexOf(Math.max(...left))]!--
  }
  return loads.map((load, index) => load - left[index]!)
}

function sumOf(one: ReloadCounts, other: ReloadCounts): ReloadCounts {
  return {
    reauthenticated: one.reauthenticated + other.reauthenticated,
    disconnected: one.disconnected + other.disconnected,
    subscriptionsRemoved: one.subscriptionsRemoved + other.subscriptionsRemoved,
    linksClosed: one.linksClosed + other.linksClosed,
    remotesStarted: one.remotesStarted + other.remotesStarted,
  }
}

/** @param thread 0 is the routing worker, which knows all users */
function orderOf(thread: number, order: ReloadOrder): ReloadOrder {
  return thread === 0 ? order : orderForClients(order)
}

function nameOf(thread: number): string {
  const role = threadRole(thread)
  return thread === 0 ? role : `${role} ${thread}`
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
