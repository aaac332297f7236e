import type { ConnectionReport } from '../../monitor/reports.ts'
import { GLOBAL_ACCOUNT } from '../../protocol/global-account.ts'
import { type ClosedConnection, closedReport, decodeClosed } from './closed-rows.ts'
import type { ClosedMessage } from './report-messages.ts'
import { type AccountCounts, TrafficTable } from './traffic-table.ts'

/** Characters of all that is kept; beyond it the oldest go. chosen: 64 MiB at one byte each. */
const CHARACTERS_MAX = 64 * 2 ** 20
/** The last connections that have closed, and what all that have closed ever did. Main thread. */
export class ClosedConnections {
  readonly #max: number
  /** Oldest first, from `#first` on. */
  #rows: string[] = []
  #first = 0
  #characters = 0
  /** By thread: what one has not told of when it dies is lost, and only that. */
  readonly #traffic: TrafficTable[] = []

  /** @param max `max_closed_clients`; 0 = none is kept */
  constructor(max: number) {
    this.#max = max
  }

  add(thread: number, { rows, traffic }: Pick<ClosedMessage, 'rows' | 'traffic'>): void {
    this.addTraffic(thread, traffic)
    for (const row of rows) {
      this.#rows.push(row)
      this.#characters += row.length
    }
    while (this.count > this.#max || this.#characters > CHARACTERS_MAX) {
      this.#characters -= this.#rows[this.#first]!.length
      this.#rows[this.#first++] = ''
    }
    if (this.#first > this.count) {
      this.#rows = this.#rows.slice(this.#first)
      this.#first = 0
    }
  }

  addTraffic(thread: number, traffic: readonly AccountCounts[]): void {
    this.#traffic[thread] ??= new TrafficTable()
    this.#traffic[thread].addAll(traffic)
  }

  /** Of connections of a thread, or its predecessors, that have ended. */
  trafficOf(thread: number): readonly AccountCounts[] {
    return this.#traffic[thread]?.entries ?? []
  }

  get count(): number {
    return this.#rows.length - this.#first
  }

  /**
   * Oldest first.
   *
   * @param account '' = of all; of the global one none are found, as by nats-server, which does not
   *   note it
   */
  of(account: string): ClosedConnection[] {
    const all = this.#rows.slice(this.#first).map(decodeClosed)
    if (account === '') return all
    return account === GLOBAL_ACCOUNT ? [] : all.filter((closed) => closed.account === account)
  }

  /** @see closedReport */
  report(closed: ClosedConnection, withSubscriptions: boolean): ConnectionReport {
    return closedReport(closed, withSubscriptions)
  }
}
