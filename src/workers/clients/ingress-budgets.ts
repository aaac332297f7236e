import type { RateOptions } from '../../config/account-types.ts'
import type { Options } from '../../config/options.ts'
import type { Connection } from '../../io/connection.ts'
import { CELLS_PER_BUDGET, IngressBudget, IngressLimit, isLimited } from '../../io/ingress-limit.ts'

/** Users and accounts with a rate, ever; chosen: a mebibyte, of which what is used is there. */
const BUDGETS_MAX = 65_536

/** A rate that a connection shares with others of its user, or of its account. */
export interface GrantedRate extends RateOptions {
  /** Index of the first of its cells. */
  readonly cell: number
}

/** Cells of all shared budgets, for all threads. */
export function allocateBudgets(): SharedArrayBuffer {
  return new SharedArrayBuffer(BUDGETS_MAX * CELLS_PER_BUDGET * BigInt64Array.BYTES_PER_ELEMENT)
}

/** Who has which cells; on the routing worker. A successor gives them anew, with the grants. */
export class BudgetCells {
  readonly #cells = new Map<string, number>()

  /**
   * @param owner of the rate: `user A/bob`
   * @returns undefined without a rate, or when there are too many
   */
  take(owner: string, rate: RateOptions | undefined): GrantedRate | undefined {
    if (rate === undefined || !isLimited(rate)) return undefined
    const known = this.#cells.get(owner)
    const cell = known ?? this.#cells.size * CELLS_PER_BUDGET
    if (known === undefined) {
      if (this.#cells.size >= BUDGETS_MAX) return undefined
      this.#cells.set(owner, cell)
    }
    const { maxMsgsPerSecond, maxBytesPerSecond } = rate
    return { cell, maxMsgsPerSecond, maxBytesPerSecond }
  }
}

/** Whether anybody has a rate that is only known once a connection has logged in. */
export function hasGrantedRates({ users, nkeys, accounts }: Options): boolean {
  return (
    users.some(isLimited) ||
    nkeys.some(isLimited) ||
    accounts.some(({ limits }) => isLimited(limits))
  )
}

/** Before it is known what the connection may send. */
export function awaitRates(connection: Connection): void {
  connection.ingress = new IngressLimit([], 0, 0)
}

/**
 * Limits what is read from a connection from now on, or takes the limit away.
 *
 * @param own rate of this one connection
 * @param shared rates it has with others
 * @param memory see allocateBudgets
 */
export function limitIngress(
  connection: Connection,
  own: RateOptions,
  shared: readonly GrantedRate[],
  memory: SharedArrayBuffer,
): void {
  if (shared.length === 0 && !isLimited(own)) {
    connection.ingress = undefined
    return
  }
  const budgets = shared.map(
    ({ cell, ...rate }) => new IngressBudget(rate, new BigInt64Array(memory), cell),
  )
  if (isLimited(own)) {
    const { maxMsgsPerSecond, maxBytesPerSecond } = own
    const cells = new BigInt64Array(CELLS_PER_BUDGET)
    budgets.push(new IngressBudget({ maxMsgsPerSecond, maxBytesPerSecond }, cells, 0))
  }
  const { msgs, bytes } = connection.received
  connection.ingress = new IngressLimit(budgets, msgs, bytes)
}
