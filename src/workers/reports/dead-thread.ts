import type { Kernel } from '../../kernel/kernel.ts'
import { arenaAddress } from '../../kernel/shared-memory.ts'
import { type AccountCounts, addCounts, TrafficTable } from './traffic-table.ts'

const NO_INDEX = -1

/**
 * What the connections of a thread that has died had done by then. Their records stay readable
 * until a successor takes over the memory.
 *
 * @param accountNames by number
 */
function trafficOfDead(
  { layout, words }: Kernel,
  arena: number,
  accountNames: readonly string[],
): readonly AccountCounts[] {
  const table = new TrafficTable()
  const word = (address: number) => words[address >>> 2]! >>> 0
  const long = (address: number) => word(address) + word(address + 4) * 2 ** 32
  const firstAccount = word(layout.HEADER_ACCOUNTS)
  let slab = word(arena + layout.ARENA_CONNECTION_SLABS)
  for (; slab !== 0; slab = word(slab + layout.SLAB_NEXT)) {
    const end = slab + layout.SLAB_BYTES - layout.CONNECTION_BYTES
    for (let record = slab + layout.SLAB_ITEMS; record <= end; record += layout.CONNECTION_BYTES) {
      if (!isConnection(layout, word, record)) continue
      const number =
        (word(record + layout.CONNECTION_ACCOUNT) - firstAccount) / layout.ACCOUNT_BYTES
      const sums = table.of(accountNames[number] ?? '')
      const isLeaf = word(record + layout.CONNECTION_KIND) === layout.KIND_LEAF
      addCounts(isLeaf ? sums.leafs : sums.clients, [
        long(record + layout.CONNECTION_IN_MSGS),
        long(record + layout.CONNECTION_IN_BYTES),
        long(record + layout.CONNECTION_OUT_MSGS),
        long(record + layout.CONNECTION_OUT_BYTES),
        0,
        0,
        1,
      ])
    }
  }
  return table.entries
}

/** Not one that has closed, of which is known what it did, nor one of the broker's own clients. */
function isConnection(
  layout: Kernel['layout'],
  word: (address: number) => number,
  record: number,
): boolean {
  if (word(record + layout.CONNECTION_CID) === 0) return false
  if ((word(record + layout.CONNECTION_INDEX) | 0) === NO_INDEX) return false
  return (word(record + layout.CONNECTION_FLAGS) & layout.FLAG_CLOSED) === 0
}

export function trafficOfDeadThread(
  kernel: Kernel,
  thread: number,
  accountNames: readonly string[],
): readonly AccountCounts[] {
  return trafficOfDead(kernel, arenaAddress(kernel, thread), accountNames)
}
