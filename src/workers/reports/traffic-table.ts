/** What is counted by account and kind of connection; places in Counts. */
export const IN_MSGS = 0
export const IN_BYTES = 1
export const OUT_MSGS = 2
export const OUT_BYTES = 3
/** Times it was too slow for what it was sent. */
export const SLOW = 4
/** 1 = it ended because it did not answer PINGs. */
export const STALE = 5
/** 1 for each connection. */
export const CONNECTIONS = 6
const COUNTS = 7

export type Counts = number[]

export interface AccountCounts {
  readonly account: string
  readonly clients: Counts
  readonly leafs: Counts
}

export function noCounts(): Counts {
  return new Array<number>(COUNTS).fill(0)
}

export function addCounts(to: Counts, more: readonly number[]): void {
  for (let i = 0; i < COUNTS; i++) to[i]! += more[i]!
}

/** Sums by account. */
export class TrafficTable {
  readonly #accounts = new Map<string, AccountCounts>()

  of(account: string): AccountCounts {
    let counts = this.#accounts.get(account)
    if (counts === undefined) {
      counts = { account, clients: noCounts(), leafs: noCounts() }
      this.#accounts.set(account, counts)
    }
    return counts
  }

  addAll(entries: readonly AccountCounts[]): void {
    for (const { account, clients, leafs } of entries) {
      const sum = this.of(account)
      addCounts(sum.clients, clients)
      addCounts(sum.leafs, leafs)
    }
  }

  get entries(): AccountCounts[] {
    return [...this.#accounts.values()]
  }
}
