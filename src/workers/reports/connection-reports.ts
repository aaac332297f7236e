import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Connection } from '../../io/connection.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import type { ConnectionReport, KindCounts, PeerCertificateReport } from '../../monitor/reports.ts'
import { CLOSED_STATES, type ClosedState } from '../../protocol/closed-states.ts'
import { type IoThread, post } from '../io-thread.ts'
import { encodeClosed } from './closed-rows.ts'
import { firstOf, type Keyed, sortKey } from './connection-order.ts'
import type {
  ConnectionReportsAsked,
  ConnectionsAsked,
  ConnectionsFound,
  OpenTraffic,
} from './report-messages.ts'
import type { ReportedSession } from './reported-session.ts'
import { peerCertificates, shownJwt, shownRtt, tlsReport } from './session-report.ts'
import { readSubscriptions } from './subscription-text.ts'
import {
  addCounts,
  CONNECTIONS,
  type Counts,
  IN_MSGS,
  noCounts,
  OUT_MSGS,
  TrafficTable,
} from './traffic-table.ts'

/** Reports that are made at a time; then others get their turn. */
const SLICE = 128
/** What has closed is told at the latest after this time, or when there is so much of it. */
const CLOSED_MS = 50
const CLOSED_MAX = 256
/**
 * A closed connection's subscriptions are noted while its thread does nothing else; chosen: some
 * milliseconds. nats-server, with threads to spare, notes all.
 */
const CLOSED_SUBSCRIPTIONS_MAX = 10_000
const CLOCK_STEP_MS = 10
const SLOW_STATES: readonly ClosedState[] = [
  'slowConsumerPendingBytes',
  'slowConsumerWriteDeadline',
]

/** What takes time to find out, and does not change. */
interface Looked {
  jwt: { readonly of: string; readonly shown: string } | undefined
  certificates: readonly PeerCertificateReport[] | undefined
}

/** What one thread tells monitors about its connections. */
export class ConnectionReports {
  readonly #thread: IoThread
  readonly #sessionOf: (connection: Connection) => ReportedSession | undefined
  readonly #looked = new WeakMap<Connection, Looked>()
  /** What an account was told of already, of connections that have changed theirs. */
  readonly #settled = new Map<number, Counts>()
  #closedRows: string[] = []
  #closedTraffic = new TrafficTable()
  #isTellingClosed = false

  /** @param sessionOf undefined for what is shown to nobody */
  constructor(
    thread: IoThread,
    sessionOf: (connection: Connection) => ReportedSession | undefined,
  ) {
    this.#thread = thread
    this.#sessionOf = sessionOf
  }

  *#sessions(): Iterable<ReportedSession> {
    for (const connection of this.#thread.connections) {
      const session = connection?.isOpen ? this.#sessionOf(connection) : undefined
      if (session !== undefined) yield session
    }
  }

  // ── open connections ──────────────────────────────────────────────────────────────────────

  /** The first of those that are asked for, ids and sort keys only. */
  find(asked: ConnectionsAsked): ConnectionsFound {
    // What has closed is known to the main thread before it gets this.
    this.tellClosed()
    const { sort, nowMs, account, user, filterSubject, count } = asked
    const cursor = new Cursor(this.#thread.kernel, this.#clockOffsetMs)
    const cids: number[] = []
    const keys: number[] = []
    let total = 0
    for (const session of this.#sessions()) {
      if (!session.isListed || (account !== '' && session.accountName !== account)) continue
      total += 1
      if (asked.cid !== 0) {
        // nats-server looks for ids among clients only, whosever they are.
        if (asked.cid !== session.connection.cid || session.reportFacts().kind !== 'Client')
          continue
      } else if (user !== '' && session.reportFacts().user !== user) continue
      if (filterSubject !== '' && !session.isInterestedIn(filterSubject)) continue
      cursor.session = session
      cids.push(cursor.cid)
      keys.push(sortKey(sort, cursor, nowMs))
    }
    const places = firstOf(Float64Array.from(keys), Float64Array.from(cids), count)
    return {
      total,
      matched: cids.length,
      cids: Float64Array.from(places, (place) => cids[place]!),
      keys: Float64Array.from(places, (place) => keys[place]!),
    }
  }

  /** Those that are still open, in no order. */
  async report({
    cids,
    withSubscriptions,
    withAuth,
  }: ConnectionReportsAsked): Promise<ConnectionReport[]> {
    const wanted = new Set(cids)
    const sessions = [...this.#sessions()].filter(({ connection }) => wanted.has(connection.cid))
    const reports: ConnectionReport[] = []
    for (const [place, session] of sessions.entries()) {
      if (place > 0 && place % SLICE === 0) await nextTurn()
      if (session.connection.isOpen)
        reports.push(this.#report(session, withSubscriptions, withAuth))
    }
    return reports
  }

  #report(
    session: ReportedSession,
    withSubscriptions: boolean,
    withAuth: boolean,
  ): ConnectionReport {
    const { connection } = session
    const cursor = new Cursor(this.#thread.kernel, this.#clockOffsetMs, session)
    const { tls, isTlsFirst, jwt, ...facts } = session.reportFacts()
    const looked = this.#lookedAt(connection)
    if (withAuth) {
      if (looked.jwt?.of !== jwt) looked.jwt = { of: jwt, shown: shownJwt(jwt) }
      looked.certificates ??= peerCertificates(tls)
    }
    const { cid } = connection
    return {
      ...facts,
      cid,
      ip: connection.remoteAddress,
      port: connection.remotePort,
      startMs: session.startMs,
      lastActivityMs: cursor.lastActivityMs,
      stopMs: 0,
      reason: '',
      rttNs: cursor.rttNs,
      pendingBytes: cursor.pendingBytes,
      in: { msgs: cursor.inMsgs, bytes: cursor.inBytes },
      out: { msgs: cursor.outMsgs, bytes: cursor.outBytes },
      stalls: cursor.stalls,
      subscriptions: cursor.subscriptions,
      tls: tlsReport(tls, isTlsFirst, withAuth ? looked.certificates : []),
      jwt: withAuth ? (looked.jwt?.shown ?? '') : '',
      ...(withSubscriptions && {
        subscriptionList: readSubscriptions(session.subscriptionText(Number.POSITIVE_INFINITY), {
          cid,
          account: '',
          accountTag: '',
        }),
      }),
    }
  }

  #lookedAt(connection: Connection): Looked {
    let looked = this.#looked.get(connection)
    if (looked === undefined) {
      looked = { jwt: undefined, certificates: undefined }
      this.#looked.set(connection, looked)
    }
    return looked
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
    const table = new TrafficTable()
    const connections = { clients: 0, leafs: 0 }
    const byAccount = new Map<string, { clients: number; leafs: number }>()
    for (const session of this.#sessions()) {
      const { accountName: account, isListed } = session
      const isLeaf = this.#isLeaf(session)
      const sums = table.of(account)
      addCounts(isLeaf ? sums.leafs : sums.clients, this.#counts(session))
      if (!isListed) continue
      const kind = isLeaf ? 'leafs' : 'clients'
      connections[kind] += 1
      const counts = byAccount.get(account) ?? { clients: 0, leafs: 0 }
      counts[kind] += 1
      byAccount.set(account, counts)
    }
    const { stallCount } = this.#thread
    return {
      accounts: table.entries,
      connections,
      connectionsOf: [...byAccount] as [string, KindCounts][],
      stallCount,
    }
  }

  #isLeaf({ connection }: ReportedSession): boolean {
    const { layout, words } = this.#thread.kernel
    return words[(connection.record + layout.CONNECTION_KIND) >> 2] === layout.KIND_LEAF
  }

  /** Since the start, or since the connection came to its account. */
  #counts({ connection }: ReportedSession): Counts {
    const { kernel } = this.#thread
    const { layout } = kernel
    const { record } = connection
    const counts = [
      longAt(kernel, record + layout.CONNECTION_IN_MSGS),
      longAt(kernel, record + layout.CONNECTION_IN_BYTES),
      longAt(kernel, record + layout.CONNECTION_OUT_MSGS),
      longAt(kernel, record + layout.CONNECTION_OUT_BYTES),
      connection.slowCount + (isSlow(connection.closedState) ? 1 : 0),
      connection.closedState === 'staleConnection' ? 1 : 0,
      1,
    ]
    const settled = this.#settled.get(connection.cid)
    return settled === undefined ? counts : counts.map((count, i) => count - settled[i]!)
  }

  /** It goes to another account: what it has done so far stays with the old one. */
  settle(session: ReportedSession): void {
    const { cid } = session.connection
    const counts = this.#counts(session)
    if (counts[IN_MSGS] === 0 && counts[OUT_MSGS] === 0) return
    // It counts as a connection of the last one.
    counts[CONNECTIONS] = 0
    const sums = this.#closedTraffic.of(session.accountName)
    addCounts(this.#isLeaf(session) ? sums.leafs : sums.clients, counts)
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
    const cursor = new Cursor(this.#thread.kernel, this.#clockOffsetMs, session)
    const sums = this.#closedTraffic.of(session.accountName)
    addCounts(this.#isLeaf(session) ? sums.leafs : sums.clients, this.#counts(session))
    this.#settled.delete(connection.cid)
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
          cursor.subscriptions === 0 ? '' : session.subscriptionText(CLOSED_SUBSCRIPTIONS_MAX),
      }),
    )
    if (this.#closedRows.length >= CLOSED_MAX) this.tellClosed()
    else this.#tellClosedSoon()
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
    post({ type: 'closed', rows, traffic })
  }
}

function isSlow(state: ClosedState | undefined): boolean {
  return state !== undefined && SLOW_STATES.includes(state)
}

/** u64, exact up to 2^53. */
function longAt({ words }: Kernel, address: number): number {
  return (words[address >> 2]! >>> 0) + (words[(address >> 2) + 1]! >>> 0) * 2 ** 32
}

/** One connection at a time, looked at without making an object of each. */
class Cursor implements Keyed {
  /** To be set before anything is asked. */
  session!: ReportedSession
  readonly #kernel: Kernel
  readonly #offsetMs: number

  constructor(kernel: Kernel, offsetMs: number, session?: ReportedSession) {
    this.#kernel = kernel
    this.#offsetMs = offsetMs
    if (session !== undefined) this.session = session
  }

  #long(field: number): number {
    return longAt(this.#kernel, this.session.connection.record + field)
  }

  get cid(): number {
    return this.session.connection.cid
  }

  get startMs(): number {
    return this.session.startMs
  }

  get stopMs(): number {
    return 0
  }

  get lastActivityMs(): number {
    const { startMs, connection } = this.session
    return Math.max(startMs, Math.floor(this.#offsetMs + connection.lastActivityMs))
  }

  get rttNs(): number {
    return shownRtt(this.session.rttNs)
  }

  get pendingBytes(): number {
    return this.session.connection.pendingBytes
  }

  get subscriptions(): number {
    return this.session.subscriptionCount
  }

  get inMsgs(): number {
    return this.#long(this.#kernel.layout.CONNECTION_IN_MSGS)
  }

  get inBytes(): number {
    return this.#long(this.#kernel.layout.CONNECTION_IN_BYTES)
  }

  get outMsgs(): number {
    return this.#long(this.#kernel.layout.CONNECTION_OUT_MSGS)
  }

  get outBytes(): number {
    return this.#long(this.#kernel.layout.CONNECTION_OUT_BYTES)
  }

  get stalls(): number {
    const { layout, words } = this.#kernel
    return words[(this.session.connection.record + layout.CONNECTION_STALLS) >> 2]!
  }
}
