import type { AccountStatReport } from '../../monitor/account-report.ts'
import { accountConnectionsEvent } from '../../monitor/events/advisories.ts'
import { GLOBAL_ACCOUNT } from '../../protocol/global-account.ts'
import type { Account } from '../accounts/account.ts'
import type { EventThread } from './event-thread.ts'
import type { SystemEvents } from './system-events.ts'

/** nats-server's eventsHBInterval. */
const BEAT_MS = 30_000
/** Heartbeats in one turn, and the pause before the next; chosen: others must get their turn. */
const BEATS_PER_TURN = 100
const BEAT_PAUSE_MS = 10
/** Changes that wait for the figures of their accounts; chosen. The oldest are not told then. */
const WAITING_MAX = 10_000

export interface AccountConnectionsOptions {
  readonly thread: EventThread
  readonly events: SystemEvents
  /** Figures over all threads, of those accounts whose can be had. */
  readonly statsOf: (accounts: readonly string[]) => Promise<readonly AccountStatReport[]>
}

interface Change {
  readonly account: string
  readonly clients: number
  readonly leafs: number
}

/**
 * Tells how many connections an account has: at each change, and every half minute while it has
 * any. Not of the global account, as nats-server.
 */
export class AccountConnections {
  readonly #options: AccountConnectionsOptions
  /** When an account is due, the next first; of the thread's clock. */
  readonly #beats = new Map<Account, number>()
  readonly #waiting: Change[] = []
  #isTelling = false
  #isArmed = false

  constructor(options: AccountConnectionsOptions) {
    this.#options = options
  }

  /** A connection of the account has come or gone. */
  onChanged(account: Account): void {
    if (account.name === GLOBAL_ACCOUNT) return
    this.#beats.delete(account)
    if (account.logins.size > 0) {
      this.#beats.set(account, this.#options.thread.nowMs + BEAT_MS)
      this.#arm(BEAT_MS)
    }
    this.#tell(account)
  }

  #arm(delayMs: number): void {
    if (this.#isArmed) return
    this.#isArmed = true
    this.#options.thread.deadlines.after(delayMs, () => {
      this.#isArmed = false
      this.#options.thread.inTurn(() => this.#beat())
    })
  }

  #beat(): void {
    const now = this.#options.thread.nowMs
    let count = 0
    for (const [account, atMs] of this.#beats) {
      if (atMs > now) {
        this.#arm(atMs - now)
        return
      }
      if (++count > BEATS_PER_TURN) {
        this.#arm(BEAT_PAUSE_MS)
        return
      }
      this.#beats.delete(account)
      this.#beats.set(account, now + BEAT_MS)
      this.#tell(account)
    }
  }

  #tell({ name, logins, leafCount }: Account): void {
    const { events } = this.#options
    if (!subjectsOf(name).some((subject) => events.hears(subject))) return
    if (this.#waiting.length >= WAITING_MAX) this.#waiting.shift()
    this.#waiting.push({ account: name, clients: logins.size - leafCount, leafs: leafCount })
    if (!this.#isTelling) void this.#tellWaiting()
  }

  /** Figures come from all threads, once for all changes of an account that wait for them. */
  async #tellWaiting(): Promise<void> {
    const { thread, statsOf } = this.#options
    this.#isTelling = true
    while (this.#waiting.length > 0) {
      const changes = this.#waiting.splice(0)
      const stats = await statsOf([...new Set(changes.map(({ account }) => account))])
      const byName = new Map(stats.map((stat) => [stat.account, stat]))
      thread.inTurn(() => {
        for (const change of changes) {
          const stat = byName.get(change.account)
          if (stat !== undefined) this.#publish({ ...stat, ...change })
        }
      })
    }
    this.#isTelling = false
  }

  #publish(stat: AccountStatReport): void {
    const { events } = this.#options
    // Both are one event: the same id.
    let first: ReturnType<typeof accountConnectionsEvent> | undefined
    for (const subject of subjectsOf(stat.account)) {
      events.publish(subject, (mark, server) => {
        if (first !== undefined) return { ...first, server }
        first = accountConnectionsEvent(mark, server, stat)
        return first
      })
    }
  }
}

/** The old one is kept by nats-server for servers of former versions. */
function subjectsOf(account: string): readonly string[] {
  return [`$SYS.SERVER.ACCOUNT.${account}.CONNS`, `$SYS.ACCOUNT.${account}.SERVER.CONNS`]
}
