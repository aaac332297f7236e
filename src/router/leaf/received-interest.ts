import { type InterestKey, interestKey } from './interest-map.ts'

export type ReceivedSub = {
  readonly subject: string
  readonly queue: string | undefined
  /** Members of the group; 1 for plain interest. */
  readonly weight: number
}

/** What one peer wants of us, by key. A key told twice is still one interest. */
export class ReceivedInterest {
  readonly #subs = new Map<InterestKey, ReceivedSub>()

  get size(): number {
    return this.#subs.size
  }

  has(key: InterestKey): boolean {
    return this.#subs.has(key)
  }

  get(key: InterestKey): ReceivedSub | undefined {
    return this.#subs.get(key)
  }

  keys(): IterableIterator<InterestKey> {
    return this.#subs.keys()
  }

  values(): IterableIterator<ReceivedSub> {
    return this.#subs.values()
  }

  /** @returns change of weight; 0 when the peer said nothing new */
  put(sub: ReceivedSub): number {
    const key = interestKey(sub.subject, sub.queue)
    const before = this.#subs.get(key)?.weight ?? 0
    if (before !== sub.weight) this.#subs.set(key, sub)
    return sub.weight - before
  }

  /** @returns what was removed; undefined when the peer never announced it */
  take(key: InterestKey): ReceivedSub | undefined {
    const sub = this.#subs.get(key)
    this.#subs.delete(key)
    return sub
  }
}
