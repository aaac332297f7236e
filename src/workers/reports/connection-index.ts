import type { Connection } from '../../io/connection.ts'
import type { IoThread } from '../io-thread/io-thread.ts'
import type { ShownRow } from './open-rows.ts'
import type { ReportedSession } from './reported-session.ts'

/**
 * A thread's open connections in the order of their ids, their records and what does not change in
 * typed arrays: monitors look at all of them once a second, and touching an object of each costs
 * more than all else. Nothing is kept up to date in between: it is brought so when it is asked for.
 *
 * A snapshot stays as it is; connections in it may close.
 */
export interface ConnectionSnapshot {
  readonly count: number
  readonly sessions: readonly ReportedSession[]
  readonly cids: Float64Array
  /** Unix time. */
  readonly startMs: Float64Array
  /** Addresses in shared memory, in words. */
  readonly records: Uint32Array
  /** 1 = a leaf link. */
  readonly leafs: Uint8Array
  /** What has been shown of each; filled by whoever shows it. */
  readonly shown: (ShownRow | undefined)[]
}

export class ConnectionIndex {
  readonly #thread: IoThread
  readonly #sessionOf: (connection: Connection) => ReportedSession | undefined
  /** By the connection's index: those that are in the snapshot. */
  readonly #known: (Connection | undefined)[] = []
  #snapshot: ConnectionSnapshot
  /** The thread's `connectionChanges` when it was last looked at. */
  #seenChanges = -1
  /** Some had nothing to be shown; they may get it. */
  #hasStrangers = false
  /** Those of the snapshot that have closed. */
  #goneCount = 0

  /** @param sessionOf undefined for what is shown to nobody */
  constructor(
    thread: IoThread,
    sessionOf: (connection: Connection) => ReportedSession | undefined,
  ) {
    this.#thread = thread
    this.#sessionOf = sessionOf
    this.#snapshot = this.#snapshotOf([], [])
  }

  /** It has closed: what it did is told elsewhere. */
  forget(connection: Connection): void {
    if (this.#known[connection.index] !== connection) return
    this.#known[connection.index] = undefined
    this.#goneCount += 1
    // Nobody may ask ever again: what has gone is not held for long.
    if (this.#goneCount <= this.#snapshot.count / 2) return
    this.#known.length = 0
    this.#snapshot = this.#snapshotOf([], [])
    this.#goneCount = 0
    this.#seenChanges = -1
  }

  get current(): ConnectionSnapshot {
    const { connectionChanges } = this.#thread
    const isCurrent = connectionChanges === this.#seenChanges && this.#goneCount === 0
    if (!isCurrent || this.#hasStrangers) this.#look()
    this.#seenChanges = connectionChanges
    return this.#snapshot
  }

  #look(): void {
    const { connections } = this.#thread
    const known = this.#known
    const newcomers: ReportedSession[] = []
    let knownCount = 0
    this.#hasStrangers = false
    for (let index = 0; index < connections.length; index++) {
      const connection = connections[index]
      if (connection === known[index]) {
        if (connection !== undefined) knownCount += 1
        continue
      }
      const session = connection?.isOpen ? this.#sessionOf(connection) : undefined
      known[index] = session && connection
      if (session !== undefined) newcomers.push(session)
      else if (connection?.isOpen) this.#hasStrangers = true
    }
    if (newcomers.length > 0 || knownCount < this.#snapshot.count) this.#renew(newcomers)
  }

  /** One alone, which may have closed. */
  alone(session: ReportedSession): ConnectionSnapshot {
    return this.#snapshotOf([session], [])
  }

  #renew(newcomers: ReportedSession[]): void {
    const { sessions, shown } = this.#snapshot
    const kept: ReportedSession[] = []
    const keptShown: (ShownRow | undefined)[] = []
    for (const [place, session] of sessions.entries()) {
      if (this.#known[session.connection.index] !== session.connection) continue
      kept.push(session)
      keptShown.push(shown[place])
    }
    newcomers.sort(byCid)
    const last = kept.at(-1)
    const [first] = newcomers
    const all = [...kept, ...newcomers]
    // Ids are given in order, and threads are handed connections in order, almost always.
    const isMixed = first !== undefined && last !== undefined && byCid(last, first) > 0
    if (isMixed) all.sort(byCid)
    this.#goneCount = 0
    this.#snapshot = this.#snapshotOf(all, isMixed ? [] : keptShown)
  }

  #snapshotOf(
    sessions: readonly ReportedSession[],
    shown: (ShownRow | undefined)[],
  ): ConnectionSnapshot {
    const { layout, words } = this.#thread.kernel
    const count = sessions.length
    const cids = new Float64Array(count)
    const startMs = new Float64Array(count)
    const records = new Uint32Array(count)
    const leafs = new Uint8Array(count)
    for (const [place, session] of sessions.entries()) {
      const { cid, record } = session.connection
      cids[place] = cid
      startMs[place] = session.startMs
      records[place] = record >>> 2
      leafs[place] = words[(record + layout.CONNECTION_KIND) >>> 2] === layout.KIND_LEAF ? 1 : 0
    }
    return { count, sessions, cids, startMs, records, leafs, shown }
  }
}

/** Of an id; -1 = it is not there. */
export function placeOf({ cids, count }: ConnectionSnapshot, cid: number): number {
  let from = 0
  let to = count
  while (from < to) {
    const middle = (from + to) >>> 1
    if (cids[middle]! < cid) from = middle + 1
    else to = middle
  }
  return cids[from] === cid ? from : -1
}

function byCid({ connection: one }: ReportedSession, { connection: other }: ReportedSession) {
  return one.cid - other.cid
}
