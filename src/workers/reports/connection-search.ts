import type { ConnectionPage, ConnectionQuery, ConnectionReport } from '../../monitor/reports.ts'
import type { Supervisor } from '../threads/supervisor.ts'
import type { ClosedConnections } from './closed-connections.ts'
import type { ClosedConnection } from './closed-rows.ts'
import { sortKey } from './connection-order.ts'
import { OpenRowReader } from './open-rows.ts'
import type { ConnectionsFound } from './report-messages.ts'

/** One that may be on the page: an open one of a thread, or a closed one. */
interface Candidate {
  readonly cid: number
  readonly key: number
  readonly thread: number
  readonly closed: ClosedConnection | undefined
}

/**
 * Finds a page of connections as nats-server's Connz does. Threads tell ids and sort keys first,
 * and then of those on the page the rest: a thousand reports are made, sent and read, not all there
 * are. Who closes in between is missing.
 */
export class ConnectionSearch {
  readonly #supervisor: Supervisor
  readonly #closed: ClosedConnections
  readonly #reader = new OpenRowReader()

  constructor(supervisor: Supervisor, closed: ClosedConnections) {
    this.#supervisor = supervisor
    this.#closed = closed
  }

  async page(query: ConnectionQuery): Promise<ConnectionPage> {
    const { state, offset, limit } = query
    const nowMs = Date.now()
    const open = state === 'closed' ? [] : await this.#findOpen(query, nowMs)
    let total = 0
    const candidates: Candidate[] = []
    for (const [thread, found] of open.entries()) {
      if (found === undefined) continue
      total += found.total
      for (const [place, cid] of found.cids.entries()) {
        candidates.push({ cid, key: found.keys[place]!, thread, closed: undefined })
      }
    }
    if (state !== 'open') {
      const closed = this.#closed.of(query.account)
      total += closed.length
      // nats-server looks for an id among the open ones first.
      if (query.cid === 0 || candidates.length === 0) {
        for (const one of wantedOf(closed, query)) {
          const key = sortKey(query.sort, one, nowMs)
          candidates.push({ cid: one.cid, key, thread: -1, closed: one })
        }
      }
    }
    candidates.sort(query.sort === 'reason' ? byReason : byKey)
    const page = candidates.slice(offset, offset + limit)
    return { connections: await this.#reports(page, query), total }
  }

  /** By thread; undefined = it did not answer. */
  #findOpen(
    { sort, cid, user, account, filterSubject, offset, limit }: ConnectionQuery,
    nowMs: number,
  ): Promise<(ConnectionsFound | undefined)[]> {
    const count = offset + limit
    const asked = { sort, nowMs, cid, user, account, filterSubject, count }
    return this.#supervisor.askAll('findConnections', asked)
  }

  async #reports(
    page: readonly Candidate[],
    { withSubscriptions, withAuth = false }: ConnectionQuery,
  ): Promise<ConnectionReport[]> {
    const byThread = new Map<number, number[]>()
    for (const { cid, thread, closed } of page) {
      if (closed !== undefined) continue
      const cids = byThread.get(thread)
      if (cids === undefined) byThread.set(thread, [cid])
      else cids.push(cid)
    }
    const answers = await Promise.all(
      [...byThread].map(async ([thread, wanted]) => {
        const cids = Float64Array.from(wanted)
        const known = this.#reader.known(cids)
        const versions = Float64Array.from(known, ({ version }) => version)
        const asked = { cids, versions, withSubscriptions, withAuth }
        const rows = await this.#supervisor.ask(thread, 'reportConnections', asked)
        return rows === undefined ? [] : this.#reader.read(rows, cids, known)
      }),
    )
    const open = new Map<number, ConnectionReport>()
    for (const report of answers.flat()) open.set(report.cid, report)
    return page.flatMap(({ cid, closed }) =>
      closed === undefined ? (open.get(cid) ?? []) : this.#closed.report(closed, withSubscriptions),
    )
  }
}

/** What subjects it had is not looked at, as in nats-server. */
function wantedOf(
  closed: readonly ClosedConnection[],
  { cid, user }: ConnectionQuery,
): readonly ClosedConnection[] {
  const found = cid === 0 ? closed : closed.filter((one) => one.cid === cid).slice(0, 1)
  return user === '' ? found : found.filter((one) => one.user === user)
}

function byKey(one: Candidate, other: Candidate): number {
  return one.key - other.key || one.cid - other.cid
}

function byReason(one: Candidate, other: Candidate): number {
  const [reason = '', otherReason = ''] = [one.closed?.reason, other.closed?.reason]
  if (reason === otherReason) return one.cid - other.cid
  return reason < otherReason ? -1 : 1
}
