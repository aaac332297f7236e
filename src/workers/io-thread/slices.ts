import { setImmediate as nextTurn } from 'node:timers/promises'

/** Other events of the thread wait at most about this long; chosen. */
const SLICE_MS = 2
/** Items between two pauses, whoever waits for what they have set off; chosen. */
const SLICE_ITEMS = 32

/**
 * Does something for very many, so that nobody notices: other events get their turn in between, and
 * what an item has left unfinished is done before many more begin.
 *
 * @param work a promise where the item is not done at once; must not reject
 * @param pause awaited between two slices: for those who are sent the results
 * @returns false when `isStale` said so before the end
 */
export async function inSlicesOf<Item>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<void> | void,
  pause: () => Promise<unknown> = async () => {},
  isStale: () => boolean = () => false,
): Promise<boolean> {
  let pending: Promise<void>[] = []
  let count = 0
  let endMs = performance.now() + SLICE_MS
  for (const item of items) {
    if (count === SLICE_ITEMS || performance.now() >= endMs) {
      await Promise.all(pending)
      await pause()
      await nextTurn()
      if (isStale()) return false
      pending = []
      count = 0
      endMs = performance.now() + SLICE_MS
    }
    const unfinished = work(item)
    if (unfinished !== undefined) pending.push(unfinished)
    count++
  }
  await Promise.all(pending)
  await pause()
  return !isStale()
}

/** Steps of a walk before it is asked whether others should get their turn. */
const WALK_STEPS = 32
/** What messages may have to wait for a monitor. */
const WALK_MS = 0.5

/** A walk over very much that only looks: shorter turns, because nothing is urgent about it. */
export class Slices {
  #endMs = performance.now() + WALK_MS

  isOver(done: number): boolean {
    return done % WALK_STEPS === 0 && performance.now() > this.#endMs
  }

  async next(): Promise<void> {
    await nextTurn()
    this.#endMs = performance.now() + WALK_MS
  }
}
