import { assert } from '../../base/assert.ts'
import { nextNuid } from '../../protocol/nuid.ts'
import { InterestMap, interestKey } from './interest-map.ts'
import { isLoopSubject, LOOP_SUBJECT_PREFIX } from './leaf-subjects.ts'
import type { ReceivedInterest } from './received-interest.ts'

/** One subscription of this server's own clients and services, or several alike. */
export type LocalInterest = {
  readonly subject: string
  readonly queue?: string | undefined
  /** Subscriptions it stands for; members, for a queue group. */
  readonly count: number
  /** Whose it is, if it comes from another account that imports from this one; else local. */
  readonly origin?: InterestOrigin | undefined
}

/** Whose interest it is: this server's own clients', or the peer's of a link. */
export type InterestOrigin = 'local' | LeafMember

export type InterestChange = {
  readonly subject: string
  readonly queue?: string | undefined
  /** Subscriptions (members) more or less. */
  readonly delta: number
  readonly origin: InterestOrigin
}

/** A leaf link as the registry sees it. */
export interface LeafMember {
  /** This server dialled. */
  readonly isSolicited: boolean
  /** This server has the spoke role. */
  readonly isSpoke: boolean
  readonly isIsolated: boolean
  readonly peerName: string
  /** '' = none. */
  readonly peerCluster: string
  readonly peerAccount: string
  /** Id and address of the peer, for the log. */
  readonly peerPlace: string
  /** What the peer wants. */
  readonly received: ReceivedInterest
  mayAnnounce(subject: string): boolean
  /** LS lines, complete. */
  writeInterest(lines: string): void
  /** Ends the link: a newer one from the same server has come. */
  closeAsDuplicate(): void
  onNotPermitted(subject: string): void
}

/**
 * Whether interest of `origin` is told to `target` at all; permissions aside. Must give the same
 * answer when interest begins and ends.
 *
 * @param isImported it is of another account, which imports from that of `target`
 */
function isForwarded(
  target: LeafMember,
  origin: InterestOrigin,
  subject: string,
  isImported: boolean,
): boolean {
  if (origin === target) return false
  if (origin === 'local') return true
  if (target.isIsolated) return false
  // The servers of one cluster tell each other; hearing it from us again would double every
  // message. But not what an import makes of it.
  const isSameCluster = origin.peerCluster !== '' && origin.peerCluster === target.peerCluster
  if (isSameCluster && !isImported) return false
  // A spoke is no bridge between its hubs, but a loop through them has to show.
  return !target.isSpoke || !origin.isSpoke || isLoopSubject(subject)
}

/**
 * All leaf links of the account and what each of them has been told.
 *
 * Must be told of every change after it was made in the sublist, in the same turn of the event
 * loop: the burst for a new link is read from there, and a change that is in it must not be told
 * again.
 */
export class LeafInterest {
  /** Announced on every link. When it comes back, there is a loop. */
  readonly loopSubject: string
  /** When a link was last cut because of a loop. */
  lastLoopMs = Number.NEGATIVE_INFINITY
  readonly #localInterest: () => Iterable<LocalInterest>
  readonly #onChange: (change: InterestChange) => void
  /** In the order of joining; undefined until the link's burst. */
  readonly #announced = new Map<LeafMember, InterestMap | undefined>()
  /** Links about to be replaced. */
  readonly #leaving = new WeakSet<LeafMember>()

  /**
   * @param localInterest the subscriptions of this server's own clients and services, right now
   * @param onChange told of each change, for accounts that export to this one
   */
  constructor(
    localInterest: () => Iterable<LocalInterest>,
    loopSubject: string = LOOP_SUBJECT_PREFIX + nextNuid(),
    onChange: (change: InterestChange) => void = () => {},
  ) {
    this.#localInterest = localInterest
    this.#onChange = onChange
    this.loopSubject = loopSubject
  }

  get size(): number {
    return this.#announced.size
  }

  members(): IterableIterator<LeafMember> {
    return this.#announced.keys()
  }

  /** What a link has been told; undefined before its burst. */
  announcedTo(member: LeafMember): InterestMap | undefined {
    return this.#announced.get(member)
  }

  /**
   * Makes a link known: from now on its interest is passed on to others. May be repeated.
   *
   * @returns the older link, now closed, of the same server that this one replaces
   */
  join(member: LeafMember): LeafMember | undefined {
    const older = this.#olderLinkOf(member)
    if (!this.#announced.has(member)) this.#announced.set(member, undefined)
    older?.closeAsDuplicate()
    return older
  }

  /** True if another link leads to the same cluster: a second way to the same place. */
  leadsToKnownCluster(member: LeafMember): boolean {
    if (member.peerCluster === '') return false
    for (const other of this.#announced.keys()) {
      const isAnother = other !== member && !this.#leaving.has(other)
      if (isAnother && other.peerCluster === member.peerCluster) return true
    }
    return false
  }

  /** Tells a link everything it is to know; from now on it is told every change. */
  announce(member: LeafMember): void {
    assert(this.#announced.has(member), 'a link joins before it is told')
    const map = this.#wantedOf(member)
    this.#announced.set(member, map)
    for (const lines of map.lines()) member.writeInterest(lines)
  }

  /** What a link is to be told: everything that is wanted here and may be known there. */
  #wantedOf(member: LeafMember): InterestMap {
    const map = new InterestMap()
    const load = (subject: string, queue: string | undefined, count: number): void => {
      if (member.mayAnnounce(subject)) map.load(interestKey(subject, queue), count)
      else member.onNotPermitted(subject)
    }
    for (const { subject, queue, count, origin = 'local' } of this.#localInterest()) {
      if (isForwarded(member, origin, subject, true)) load(subject, queue, count)
    }
    load(this.loopSubject, undefined, 1)
    for (const other of this.#announced.keys()) {
      for (const { subject, queue, weight } of other.received.values()) {
        if (isForwarded(member, other, subject, false)) load(subject, queue, weight)
      }
    }
    return map
  }

  /** As `announce`, for a link whose permissions have changed: tells only what differs. */
  announceAgain(member: LeafMember): void {
    const before = this.#announced.get(member)
    if (before === undefined) return
    const map = this.#wantedOf(member)
    this.#announced.set(member, map)
    for (const lines of map.linesSince(before)) member.writeInterest(lines)
  }

  /**
   * Takes back the loop subject alone: the link is about to be replaced by one to a server that may
   * hear of this server through the other end of the old one. What replaces it may lead to the same
   * cluster.
   */
  withdrawLoop(member: LeafMember): void {
    this.#leaving.add(member)
    const line = this.#announced.get(member)?.update(this.loopSubject, -1) ?? ''
    if (line !== '') member.writeInterest(line)
  }

  /** Takes back all a link was told, and tells it nothing more. */
  withdraw(member: LeafMember): void {
    const before = this.#announced.get(member)
    this.#announced.delete(member)
    if (before === undefined) return
    for (const lines of new InterestMap().linesSince(before)) member.writeInterest(lines)
  }

  /** Takes a link out. Its interest must be taken back (onInterest) afterwards by the caller. */
  leave(member: LeafMember): void {
    this.#announced.delete(member)
  }

  onInterest(change: InterestChange): void {
    this.#onChange(change)
    this.#tell(change, false)
  }

  /** Interest in another account that imports from this one. */
  onImportedInterest(change: InterestChange): void {
    this.#tell(change, true)
  }

  #tell(change: InterestChange, isImported: boolean): void {
    if (this.#announced.size === 0) return
    const { subject, queue, delta, origin } = change
    const key = interestKey(subject, queue)
    for (const [member, map] of this.#announced) {
      if (map === undefined || !isForwarded(member, origin, subject, isImported)) continue
      if (delta > 0 && !member.mayAnnounce(subject)) {
        member.onNotPermitted(subject)
        continue
      }
      const line = map.update(key, delta)
      if (line !== '') member.writeInterest(line)
    }
  }

  #olderLinkOf(member: LeafMember): LeafMember | undefined {
    if (member.isSolicited || member.peerAccount === '') return undefined
    for (const other of this.#announced.keys()) {
      if (
        other !== member &&
        !other.isSolicited &&
        other.peerName === member.peerName &&
        other.peerCluster === member.peerCluster &&
        other.peerAccount === member.peerAccount
      ) {
        return other
      }
    }
    return undefined
  }
}
