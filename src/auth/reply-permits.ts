import type { ResponsePermission } from '../config/account-types.ts'

/** How often what has ended is thrown away: after that many permits, or that much time. */
const PRUNE_AFTER_PERMITS = 4096
const PRUNE_AFTER_MS = 1000

/**
 * Replies that may be waiting for one connection. nats-server has no such bound: with unlimited
 * replies for ever (`max: -1, expires: -1`) its memory grows with each request. The oldest are
 * forgotten first. Chosen: about 10 MB of usual inboxes.
 */
export const REPLY_PERMITS_MAX = 65_536
/** That many go at once: finding the oldest of a Map whose first ones were deleted takes time. */
const FORGOTTEN_AT_ONCE = REPLY_PERMITS_MAX / 8

interface Permit {
  readonly sinceMs: number
  taken: number
}

/**
 * Subjects that one connection may publish to because it was asked to: the replies of requests
 * delivered to it (`allow_responses`). Subjects have one character per byte.
 */
export class ReplyPermits {
  readonly #max: number
  readonly #expiresMs: number
  /** In the order of their time. */
  readonly #permits = new Map<string, Permit>()
  #sincePrune = 0
  #prunedMs = Number.NEGATIVE_INFINITY

  constructor({ max, expiresMs }: ResponsePermission) {
    this.#max = max > 0 ? max : Number.POSITIVE_INFINITY
    this.#expiresMs = expiresMs > 0 ? expiresMs : Number.POSITIVE_INFINITY
  }

  get size(): number {
    return this.#permits.size
  }

  /**
   * Call for each message with a reply that is delivered, unless the connection may publish to the
   * reply anyway. As in nats-server, a reply that is still permitted begins nothing anew: the
   * request uses up one of its permits, because whether it may be published is asked for it.
   *
   * @param nowMs of a clock that does not go back
   */
  remember(reply: string, nowMs: number): void {
    if (this.take(reply, nowMs)) return
    this.#permits.set(reply, { sinceMs: nowMs, taken: 0 })
    this.#sincePrune++
    if (this.#sincePrune > PRUNE_AFTER_PERMITS || nowMs - this.#prunedMs > PRUNE_AFTER_MS) {
      this.#prune(nowMs)
    }
    if (this.#permits.size > REPLY_PERMITS_MAX) this.#forgetOldest()
  }

  /** Whether a message may be published to the subject now; it counts as published then. */
  take(reply: string, nowMs: number): boolean {
    const permit = this.#permits.get(reply)
    if (permit === undefined) return false
    permit.taken++
    if (permit.taken <= this.#max && nowMs - permit.sinceMs <= this.#expiresMs) return true
    this.#permits.delete(reply)
    return false
  }

  #prune(nowMs: number): void {
    for (const [reply, { sinceMs, taken }] of this.#permits) {
      if (taken >= this.#max || nowMs - sinceMs > this.#expiresMs) this.#permits.delete(reply)
    }
    this.#sincePrune = 0
    this.#prunedMs = nowMs
  }

  #forgetOldest(): void {
    let left = FORGOTTEN_AT_ONCE
    for (const reply of this.#permits.keys()) {
      if (left-- === 0) return
      this.#permits.delete(reply)
    }
  }
}
