import type { Connection } from '../../io/connection.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import type {
  SlowEvent,
  SlowParty,
  SlowReason,
  SlowReceiver,
  SlowSubject,
} from '../../monitor/slow/slow-event.ts'
import type { ClientInfo } from '../../router/accounts/client-info.ts'
import { pendingSubjects } from './pending-subjects.ts'

/** A connection that stalls, or loses messages, is told of once in this time. */
const INTERVAL_MS = 1000
/**
 * Frames read for one event, and in one second: about 1 ms and 5 ms of work. In a second in which
 * very many connections are slow, few frames stand for what waits for each.
 */
const FRAMES_MAX = 2000
const FRAMES_PER_SECOND = 10_000
const FRAMES_MIN = 16

/** What has to be known of a connection. */
interface SlowConnection
  extends Pick<
    Connection,
    'record' | 'cid' | 'isOpen' | 'pendingBytes' | 'chunksInFlight' | 'remoteAddress' | 'remotePort'
  > {
  readonly session: object
}

/** Events of one kind that one connection has not been told of yet. */
interface Untold {
  count: number
  toldAtMs: number
}

/** A thread's side of /slowz: finds out who was slow, and about what. */
export class SlowReporter {
  readonly #kernel: Kernel
  readonly #connections: readonly (SlowConnection | undefined)[]
  readonly #post: (event: SlowEvent) => void
  readonly #nowMs: () => number
  readonly #stalls = new WeakMap<SlowConnection, Untold>()
  /** What CONNECTION_DROPPED was when it was told of. */
  readonly #drops = new WeakMap<SlowConnection, Untold>()
  #framesLeft = FRAMES_PER_SECOND
  #refilledMs = Number.NEGATIVE_INFINITY

  constructor(
    kernel: Kernel,
    connections: readonly (SlowConnection | undefined)[],
    post: (event: SlowEvent) => void,
    nowMs = () => performance.now(),
  ) {
    this.#nowMs = nowMs
    this.#kernel = kernel
    this.#connections = connections
    this.#post = post
  }

  /** It is about to be closed. */
  onClosing(connection: SlowConnection, reason: SlowReason): void {
    this.#tell(connection, { kind: 'slow_consumer', reason, count: 1 })
  }

  /** It overran its write deadline and is kept. */
  onSlowWrite(connection: SlowConnection): void {
    this.#tell(connection, { kind: 'slow_write', reason: 'write_deadline', count: 1 })
  }

  /** @param by record of the receiver, of any thread; it may be gone */
  onStall(publisher: SlowConnection, by: number): void {
    const untold = untoldOf(this.#stalls, publisher)
    untold.count++
    if (!this.#isDue(untold)) return
    this.#post({
      ...this.#event(publisher),
      kind: 'stall',
      reason: 'max_pending',
      count: this.#take(untold),
      subjects: [],
      stalledBy: by === 0 ? undefined : this.#receiver(by),
    })
  }

  /** @param record of this thread: its connection has lost a message at least */
  onDropped(record: number): void {
    const connection = this.#connectionOf(record)
    if (connection === undefined) return
    const { layout, longs } = this.#kernel
    const dropped = Number(longs[(record + layout.CONNECTION_DROPPED) >> 3])
    const untold = untoldOf(this.#drops, connection)
    const count = dropped - untold.count
    // One that is over its bounds is closed, which is told of then.
    if (count <= 0 || !connection.isOpen || this.#isOverflowing(record) || !this.#isDue(untold))
      return
    untold.count = dropped
    untold.toldAtMs = this.#nowMs()
    this.#tell(connection, { kind: 'drop', reason: 'max_pending', count })
  }

  #isDue({ toldAtMs }: Untold): boolean {
    return this.#nowMs() - toldAtMs >= INTERVAL_MS
  }

  #take(untold: Untold): number {
    const { count } = untold
    untold.count = 0
    untold.toldAtMs = this.#nowMs()
    return count
  }

  #isOverflowing(record: number): boolean {
    const { layout, words } = this.#kernel
    return words[(record + layout.CONNECTION_OVERFLOW) >> 2] !== 0
  }

  #tell(connection: SlowConnection, what: Pick<SlowEvent, 'kind' | 'reason' | 'count'>): void {
    const subjects = this.#subjects(connection)
    this.#post({ ...this.#event(connection), ...what, subjects, stalledBy: undefined })
  }

  #event(connection: SlowConnection): Pick<SlowEvent, 'timeMs' | 'party' | 'pendingBytes'> {
    const { pendingBytes } = connection
    return { timeMs: Date.now(), party: this.#party(connection), pendingBytes }
  }

  #receiver(record: number): SlowReceiver {
    const { layout, words } = this.#kernel
    const connection = this.#connectionOf(record)
    return {
      cid: words[(record + layout.CONNECTION_CID) >> 2]!,
      party: connection && this.#party(connection),
      pendingBytes: words[(record + layout.CONNECTION_PENDING) >> 2]!,
      subjects: connection === undefined ? [] : this.#subjects(connection),
    }
  }

  #connectionOf(record: number): SlowConnection | undefined {
    const { layout, words } = this.#kernel
    const connection = this.#connections[words[(record + layout.CONNECTION_INDEX) >> 2]!]
    return connection?.record === record ? connection : undefined
  }

  #party(connection: SlowConnection): SlowParty {
    const { layout, words } = this.#kernel
    const kind = words[(connection.record + layout.CONNECTION_KIND) >> 2]
    const info = infoOf(connection)
    return {
      cid: connection.cid,
      kind: kind === layout.KIND_LEAF ? 'Leafnode' : 'Client',
      name: info.name || info.server || '',
      user: info.user ?? '',
      account: info.account ?? '',
      ip: info.host ?? connection.remoteAddress,
      port: connection.remotePort,
    }
  }

  #subjects(connection: SlowConnection): SlowSubject[] {
    const nowMs = this.#nowMs()
    if (nowMs - this.#refilledMs >= INTERVAL_MS) {
      this.#refilledMs = nowMs
      this.#framesLeft = FRAMES_PER_SECOND
    }
    const frames = Math.max(FRAMES_MIN, Math.min(FRAMES_MAX, this.#framesLeft))
    this.#framesLeft -= frames
    return pendingSubjects(this.#kernel, connection.record, connection.chunksInFlight, frames)
  }
}

/** Sessions of clients and of leaf links; the latter know nothing before the handshake. */
interface Informed {
  clientInfo(): ClientInfo
  readonly hasSession?: boolean
}

/** What its session knows of it. */
function infoOf({ session }: SlowConnection): ClientInfo {
  if (!('clientInfo' in session)) return {}
  const { clientInfo, hasSession = true } = session as Informed
  return hasSession ? clientInfo.call(session) : {}
}

function untoldOf(all: WeakMap<SlowConnection, Untold>, connection: SlowConnection): Untold {
  let untold = all.get(connection)
  if (untold === undefined) {
    untold = { count: 0, toldAtMs: Number.NEGATIVE_INFINITY }
    all.set(connection, untold)
  }
  return untold
}
