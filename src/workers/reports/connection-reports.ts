import type { Connection } from '../../io/connection.ts'
import type { OpenConnections } from '../../monitor/metrics/measurements.ts'
import { CLOSED_STATES, type ClosedState } from '../../protocol/closed-states.ts'
import type { IoThread } from '../io-thread/io-thread.ts'
import { Slices } from '../io-thread/slices.ts'
import { encodeClosed } from './closed-rows.ts'
import { ConnectionCursor } from './connection-cursor.ts'
import { ConnectionIndex, type ConnectionSnapshot, placeOf } from './connection-index.ts'
import { firstOf, sortKey } from './connection-order.ts'
import {
  CID,
  LAST_ACTIVITY_MS,
  NUMBERS,
  PENDING_BYTES,
  IN_BYTES as ROW_IN_BYTES,
  IN_MSGS as ROW_IN_MSGS,
  OUT_BYTES as ROW_OUT_BYTES,
  OUT_MSGS as ROW_OUT_MSGS,
  RTT_NS,
  STALLS,
  SUBSCRIPTIONS,
  secretsOf,
  shownRow,
  VERSION,
} from './open-rows.ts'
import { openConnections, openSums } from './open-sums.ts'
import type {
  ConnectionReportsAsked,
  ConnectionsAsked,
  ConnectionsFound,
  OpenRows,
  OpenTraffic,
} from './report-messages.ts'
import type { ReportedSession } from './reported-session.ts'
import { shownJwt, tlsReport } from './session-report.ts'
import {
  addCounts,
  CONNECTIONS,
  type Counts,
  IN_MSGS,
  noCounts,
  OUT_MSGS,
  TrafficTable,
} from './traffic-table.ts'

/** What has closed is told at the latest after this time, or when there is so much of it. */
const CLOSED_MS = 50
const CLOSED_MAX = 256
/**
 * A closed connection's subscriptions are noted while its thread does nothing else; chosen: some
 * milliseconds. nats-server, with threads to spare, notes all.
 */
const CLOSED_SUBSCRIPTIONS_MAX = 2000
/** Of all that close: a microsecond for each, a tenth of the thread's time. */
const CLOSED_SUBSCRIPTIONS_PER_MS = 100
const CLOSED_SUBSCRIPTIONS_AT_ONCE = 20_000
const CLOCK_STEP_MS = 10
const SLOW_STATES: readonly ClosedState[] = [
  'slowConsumerPendingBytes',
  'slowConsumerWriteDeadline',
]

/** What one thread tells monitors about its connections. */
export class ConnectionReports {
  readonly #thread: IoThread
  readonly #index: ConnectionIndex
  /** What an account was told of already, of connections that have changed theirs, by id. */
  readonly #settled = new Map<number, Counts>()
  /** Subscriptions of closed connections that may be noted at `#notedMs`. */
  #mayNote = CLOSED_SUBSCRIPTIONS_AT_ONCE
  #notedMs = 0
  #closedRows: string[] = []
  #closedTraffic = new TrafficTable()
  #isTellingClosed = false

  /** @param sessionOf undefined for what is shown to nobody */
  constructor(
    thread: IoThread,
    sessionOf: (connection: Connection) => ReportedSession | undefined,
  ) {
    this.#thread = thread
    this.#index = new ConnectionIndex(thread, sessionOf)
  }

  // ── open connections ──────────────────────────────────────────────────────────────────────

  /** The first of those that are asked for, ids and sort keys only. */
  async find(asked: ConnectionsAsked): Promise<ConnectionsFound> {
    // What has closed is known to the main thread before it gets this.
    this.tellClosed()
    const { sort, nowMs, account, user, filterSubject, count } = asked
    const snapshot = this.#index.current
    const { cids, sessions } = snapshot
    const cursor = this.#cursor(snapshot)
    const isOfAccount = accountFilter(cursor, account)
    const keys = new Float64Array(snapshot.count)
    const places = new Uint32Array(snapshot.count)
    const slices = new Slices()
    let total = 0
    let matched = 0
    for (let place = 0; place < snapshot.count; place++) {
      if (slices.isOver(place)) await slices.next()
      cursor.place = place
      if (!cursor.isListed || (account !== '' && !isOfAccount())) continue
      total += 1
      if (asked.cid !== 0) {
        // nats-server looks for ids among clients only, whosever they are.
        if (asked.cid !== cids[place] || cursor.isLeaf) continue
      } else if (user !== '' && sessions[place]!.reportFacts().user !== user) continue
      if (filterSubject !== '' && !sessions[place]!.isInterestedIn(filterSubject)) continue
      places[matched] = place
      keys[matched++] = sortKey(sort, cursor, nowMs)
    }
    const first = firstOf(keys.subarray(0, matched), count)
    return {
      total,
      matched,
      cids: Float64Array.from(first, (found) => cids[places[found]!]!),
      keys: Float64Array.from(first, (found) => keys[found]!),
    }
  }

  /** Those that are still open. */
  async report(asked: ConnectionReportsAsked): Promise<OpenRows> {
    const { withSubscriptions, withAuth } = asked
    const snapshot = this.#index.current
    const cursor = this.#cursor(snapshot)
    const slices = new Slices()
    const rows: string[] = []
    const secrets: string[] = []
    const subscriptionTexts: string[] = []
    const numbers = new Float64Array(asked.cids.length * NUMBERS)
    for (const [count, cid] of asked.cids.entries()) {
      if (slices.isOver(count)) await slices.next()
      const place = placeOf(snapshot, cid)
      const session = snapshot.sessions[place]
      if (session === undefined || !session.connection.isOpen) continue
      cursor.place = place
      const { connection, startMs } = session
      const facts = session.reportFacts()
      const shown = shownRow(facts, connection, startMs, snapshot.shown[place])
      snapshot.shown[place] = shown
      const at = rows.length * NUMBERS
      writeNumbers(numbers, at, cursor)
      numbers[at + VERSION] = shown.version
      rows.push(asked.versions[count] === shown.version ? '' : shown.row)
      if (withAuth) secrets.push(secretsOf(shown))
      if (withSubscriptions) {
        subscriptionTexts.push(session.subscriptionText(Number.POSITIVE_INFINITY))
      }
    }
    return { rows, secrets, numbers: numbers.slice(0, rows.length * NUMBERS), subscriptionTexts }
  }

  #cursor(snapshot: ConnectionSnapshot): ConnectionCursor {
    return new ConnectionCursor(this.#thread.kernel, this.#clockOffsetMs, snapshot)
  }

  /** From the thread's clock to Unix time. */
  get #clockOffsetMs(): number {
    const offsetMs = Date.now() - performance.now()
    // Unless somebody has set the clock, the same one every time.
    const isSteady = Math.abs(offsetMs - performance.timeOrigin) < CLOCK_STEP_MS
    return isSteady ? performance.timeOrigin : offsetMs
  }

  // ── sums ──────────────────────────────────────────────────────────────────────────────────

  /** Of open connections; what has closed is told first. */
  traffic(): OpenTraffic {
    this.tellClosed()
    const sums = openSums(this.#thread, this.#index.current, this.#settled)
    return { ...sums, stallCount: this.#thread.stallCount }
  }

  /** Sums over all that are open, for metrics. */
  openConnections(): Promise<OpenConnections> {
    const cursor = this.#cursor(this.#index.current)
    return openConnections(cursor, this.#thread.clientSubscriptions)
  }

  /** Since the start, or since the connection came to its account. */
  #counts(cursor: ConnectionCursor): Counts {
    const { connection } = cursor.session
    const counts = [
      cursor.inMsgs,
      cursor.inBytes,
      cursor.outMsgs,
      cursor.outBytes,
      connection.slowCount + (isSlow(connection.closedState) ? 1 : 0),
      connection.closedState === 'staleConnection' ? 1 : 0,
      1,
    ]
    const settled = this.#settled.get(connection.cid)
    return settled === undefined ? counts : counts.map((count, i) => count - settled[i]!)
  }

  /** At one connection, which may be in no snapshot. */
  #cursorAt(session: ReportedSession): ConnectionCursor {
    return this.#cursor(this.#index.alone(session))
  }

  #tell(cursor: ConnectionCursor, counts: Counts): void {
    const { clients, leafs } = this.#closedTraffic.of(cursor.session.accountName)
    addCounts(cursor.isLeaf ? leafs : clients, counts)
  }

  /** It goes to another account: what it has done so far stays with the old one. */
  settle(session: ReportedSession): void {
    const { cid } = session.connection
    const cursor = this.#cursorAt(session)
    const counts = this.#counts(cursor)
    if (counts[IN_MSGS] === 0 && counts[OUT_MSGS] === 0) return
    // It counts as a connection of the last one.
    counts[CONNECTIONS] = 0
    this.#tell(cursor, counts)
    const before = this.#settled.get(cid) ?? noCounts()
    addCounts(before, counts)
    this.#settled.set(cid, before)
    this.#tellClosedSoon()
  }

  // ── closed connections ────────────────────────────────────────────────────────────────────

  /** Called first of all when a connection closes: its subscriptions are still there. */
  onClosed(session: ReportedSession, reason: ClosedState): void {
    const { connection } = session
    const { tls, isTlsFirst, jwt, ...facts } = session.reportFacts()
    const cursor = this.#cursorAt(session)
    this.#tell(cursor, this.#counts(cursor))
    this.#settled.delete(connection.cid)
    this.#index.forget(connection)
    this.#closedRows.push(
      encodeClosed({
        ...facts,
        cid: connection.cid,
        ip: connection.remoteAddress,
        port: connection.remotePort,
        startMs: session.startMs,
        lastActivityMs: cursor.lastActivityMs,
        stopMs: Math.max(session.startMs, Date.now()),
        reason: CLOSED_STATES[reason],
        rttNs: cursor.rttNs,
        pendingBytes: cursor.pendingBytes,
        inMsgs: cursor.inMsgs,
        inBytes: cursor.inBytes,
        outMsgs: cursor.outMsgs,
        outBytes: cursor.outBytes,
        stalls: cursor.stalls,
        subscriptions: cursor.subscriptions,
        tls: tlsReport(tls, isTlsFirst),
        jwt: shownJwt(jwt),
        subscriptionText:
          cursor.subscriptions === 0 ? '' : this.#closedText(session, cursor.subscriptions),
      }),
    )
    if (this.#closedRows.length >= CLOSED_MAX) this.tellClosed()
    else this.#tellClosedSoon()
  }

  /** When very many go at once, the last ones' subscriptions are not noted. */
  #closedText(session: ReportedSession, count: number): string {
    const { nowMs } = this.#thread
    const more = (nowMs - this.#notedMs) * CLOSED_SUBSCRIPTIONS_PER_MS
    this.#mayNote = Math.min(CLOSED_SUBSCRIPTIONS_AT_ONCE, this.#mayNote + more)
    this.#notedMs = nowMs
    const max = Math.min(CLOSED_SUBSCRIPTIONS_MAX, Math.floor(this.#mayNote))
    this.#mayNote -= Math.min(max, count)
    return session.subscriptionText(max)
  }

  #tellClosedSoon(): void {
    if (this.#isTellingClosed) return
    this.#isTellingClosed = true
    this.#thread.deadlines.after(CLOSED_MS, () => {
      this.#isTellingClosed = false
      this.tellClosed()
    })
  }

  tellClosed(): void {
    const rows = this.#closedRows
    const traffic = this.#closedTraffic.entries
    if (rows.length === 0 && traffic.length === 0) return
    this.#closedRows = []
    this.#closedTraffic = new TrafficTable()
    this.#thread.post({ type: 'closed', rows, traffic })
  }
}

function isSlow(state: ClosedState | undefined): boolean {
  return state !== undefined && SLOW_STATES.includes(state)
}

/** Whether the cursor is at a connection of an account; each account's name is looked at once. */
function accountFilter(cursor: ConnectionCursor, name: string): () => boolean {
  const known = new Map<number, boolean>()
  return () => {
    const { accountAt } = cursor
    let isWanted = known.get(accountAt)
    if (isWanted === undefined) {
      isWanted = cursor.session.accountName === name
      known.set(accountAt, isWanted)
    }
    return isWanted
  }
}

function writeNumbers(numbers: Float64Array, at: number, cursor: ConnectionCursor): void {
  numbers[at + CID] = cursor.cid
  numbers[at + LAST_ACTIVITY_MS] = cursor.lastActivityMs
  numbers[at + RTT_NS] = cursor.rttNs
  numbers[at + PENDING_BYTES] = cursor.pendingBytes
  numbers[at + ROW_IN_MSGS] = cursor.inMsgs
  numbers[at + ROW_IN_BYTES] = cursor.inBytes
  numbers[at + ROW_OUT_MSGS] = cursor.outMsgs
  numbers[at + ROW_OUT_BYTES] = cursor.outBytes
  numbers[at + STALLS] = cursor.stalls
  numbers[at + SUBSCRIPTIONS] = cursor.subscriptions
}
