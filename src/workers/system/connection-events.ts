import type { LoginRequest } from '../../auth/login.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import type { ConnectionEnd } from '../../monitor/events/advisories.ts'
import type { Traffic } from '../../monitor/reports.ts'
import { CLOSED_STATES, type ClosedState } from '../../protocol/closed-states.ts'
import { goTimeOfMs } from '../../protocol/go-time.ts'
import { isLiteralSubject, isValidSubject } from '../../protocol/subjects.ts'
import type { ClientInfo } from '../../router/accounts/client-info.ts'
import type { ReportedSession } from '../reports/reported-session.ts'
import { presentedUser, shownRtt } from '../reports/session-report.ts'

/** A client or leaf link, as far as events tell of it. */
export interface EventSession extends ReportedSession {
  clientInfo(): Pick<ClientInfo, 'host'>
}

/** Who is told that a connection has ended. */
export interface EndPlace {
  /** Its account, or the one that has turned it away; '' = it was in none. */
  readonly account: string
  /** If it was not let in: the account that is told; '' = none, because it has not tried. */
  readonly toldAccount: string
  /** What that one is told; undefined = its closed state. */
  readonly toldReason: string | undefined
  /** What a leaf node has logged in with. */
  readonly presented?: LoginRequest['connect'] | undefined
}

/** Where events go; on a protocol worker that is the way to the routing worker. */
export interface EventSink {
  /** Whether anybody in the system account listens to a subject. */
  hears(subject: string): boolean
  connected(client: ClientInfo): void
  disconnected(end: ConnectionEnd): void
  loginFailed(end: ConnectionEnd, place: EndPlace): void
}

interface Happened {
  readonly session: EventSession
  readonly place: EndPlace
  /** Undefined: it has connected. */
  readonly reason: ClosedState | undefined
  readonly atMs: number
}

/** A connection that ends so was not let in. */
const REFUSALS: readonly ClosedState[] = [
  'authenticationFailure',
  'proxyNotTrusted',
  'proxyRequired',
]

export function connectSubject(account: string): string {
  return `$SYS.ACCOUNT.${account}.CONNECT`
}

export function disconnectSubject(account: string): string {
  return `$SYS.ACCOUNT.${account}.DISCONNECT`
}

/**
 * What happens to the connections of one thread, for the system account. Told at the end of the
 * turn, when the kernel is in the middle of nothing; nothing is made that nobody hears.
 */
export class ConnectionEvents {
  readonly #kernel: Kernel
  readonly #sink: () => EventSink | undefined
  #happened: Happened[] = []

  /** @param sink undefined: nobody can hear anything */
  constructor(kernel: Kernel, sink: () => EventSink | undefined) {
    this.#kernel = kernel
    this.#sink = sink
  }

  onConnected(session: EventSession): void {
    const place = { account: session.accountName, toldAccount: '', toldReason: undefined }
    this.#happened.push({ session, place, reason: undefined, atMs: Date.now() })
  }

  onClosed(session: EventSession, reason: ClosedState, place: EndPlace): void {
    this.#happened.push({ session, place, reason, atMs: Date.now() })
  }

  /** At the end of a turn: connections that have closed still have their records. */
  flush(): void {
    if (this.#happened.length === 0) return
    const happened = this.#happened
    this.#happened = []
    const sink = this.#sink()
    if (sink !== undefined) for (const one of happened) this.#tell(one, sink)
  }

  #tell(happened: Happened, sink: EventSink): void {
    const { session, place, reason } = happened
    const { account } = place
    if (reason === undefined) {
      if (sink.hears(connectSubject(account))) {
        sink.connected(clientOf(session, place, 0, undefined))
      }
      return
    }
    if (REFUSALS.includes(reason)) sink.loginFailed(this.#endOf(happened, reason), place)
    if (account !== '' && sink.hears(disconnectSubject(account))) {
      sink.disconnected(this.#endOf(happened, reason))
    }
  }

  #endOf({ session, place, atMs }: Happened, reason: ClosedState): ConnectionEnd {
    const { layout } = this.#kernel
    const { record } = session.connection
    const stopMs = Math.max(atMs, session.startMs)
    return {
      client: clientOf(session, place, shownRtt(session.rttNs), stopMs),
      sent: this.#trafficAt(
        record + layout.CONNECTION_IN_MSGS,
        record + layout.CONNECTION_IN_BYTES,
      ),
      received: this.#trafficAt(
        record + layout.CONNECTION_OUT_MSGS,
        record + layout.CONNECTION_OUT_BYTES,
      ),
      reason: CLOSED_STATES[reason],
    }
  }

  #trafficAt(msgs: number, bytes: number): Traffic {
    return { msgs: this.#longAt(msgs), bytes: this.#longAt(bytes) }
  }

  /** u64, exact up to 2^53. */
  #longAt(address: number): number {
    const { words } = this.#kernel
    return (words[address >> 2]! >>> 0) + (words[(address >> 2) + 1]! >>> 0) * 2 ** 32
  }
}

/** Nobody: a leaf link that has not logged in is in no account, as nats-server says. */
const NO_ACCOUNT = 'N/A'

/** Whether anybody listens; an account may have a name that no subject can hold. */
export function isHeard(client: { isListened(latin1: string): boolean }, subject: string): boolean {
  return (
    isValidSubject(subject) && isLiteralSubject(subject) && client.isListened(latin1Of(subject))
  )
}

/** Subjects inside the broker have one character for each byte. */
export function latin1Of(text: string): string {
  return Buffer.from(text).toString('latin1')
}

function clientOf(
  session: EventSession,
  { account, presented: connect }: EndPlace,
  rttNs: number,
  stopMs: number | undefined,
): ClientInfo {
  const facts = session.reportFacts()
  const isOwn = account === facts.account
  return {
    start: goTimeOfMs(session.startMs),
    host: session.clientInfo().host,
    id: session.connection.cid,
    account: account || NO_ACCOUNT,
    user: facts.user || (connect && presentedUser(connect)),
    name: facts.name || connect?.name,
    lang: facts.lang,
    version: facts.version || connect?.version,
    rttNs,
    stop: stopMs === undefined ? undefined : goTimeOfMs(stopMs),
    jwt: facts.jwt,
    issuerKey: facts.issuerKey,
    nameTag: (isOwn && facts.accountTag) || account,
    tags: facts.tags,
    kind: facts.kind,
    clientType: facts.type,
  }
}
