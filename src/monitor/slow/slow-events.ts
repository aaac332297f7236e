import type { SlowEvent, SlowKind } from './slow-event.ts'

/** Chosen: an hour of something slow every few seconds. */
export const SLOW_EVENTS_MAX = 1000

export interface SlowQuery {
  readonly limit: number
  /** '' and 0 = any. */
  readonly account: string
  readonly cid: number
}

/** The last slow-consumer and stall events of the server, on the main thread. */
export class SlowEvents {
  readonly #events: SlowEvent[] = []
  readonly #totals = new Map<SlowKind, number>()
  #next = 0

  add(event: SlowEvent): void {
    this.#events[this.#next] = event
    this.#next = (this.#next + 1) % SLOW_EVENTS_MAX
    this.#totals.set(event.kind, (this.#totals.get(event.kind) ?? 0) + event.count)
  }

  /** Since the start: stalls and lost messages, not the events that told of them. */
  total(kind: SlowKind): number {
    return this.#totals.get(kind) ?? 0
  }

  /** The latest first. A receiver that made a publisher wait is found by its cid, too. */
  find({ limit, account, cid }: SlowQuery): SlowEvent[] {
    const events = [...this.#events.slice(this.#next), ...this.#events.slice(0, this.#next)]
    return events
      .reverse()
      .filter(
        ({ party, stalledBy }) =>
          (account === '' || party.account === account) &&
          (cid === 0 || party.cid === cid || stalledBy?.cid === cid),
      )
      .slice(0, limit)
  }
}
