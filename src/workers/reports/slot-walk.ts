import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Kernel } from '../../kernel/kernel.ts'
import { arenaAddress, threadField } from '../../kernel/shared-memory.ts'

/** Slots looked at before others get their turn: about a millisecond. */
const SLICE = 8192

/**
 * All subscription slots that are in the sublist, of all threads. On the routing worker, which no
 * slot in the sublist can leave without its doing: what `visit` reads stays as it is.
 *
 * Others get their turn now and then; what changes meanwhile may be visited or not.
 */
export async function walkSubscriptions(
  kernel: Kernel,
  visit: (slot: number, thread: number) => void,
): Promise<void> {
  const { layout, words } = kernel
  const word = (address: number) => words[address >>> 2]! >>> 0
  const threads = word(layout.HEADER_THREAD_COUNT)
  let seen = 0
  for (let thread = 0; thread < threads; thread++) {
    let slab = firstSlab(kernel, thread)
    while (slab !== 0) {
      const end = slab + layout.SLAB_BYTES - layout.SUB_BYTES
      for (let slot = slab + layout.SLAB_ITEMS; slot <= end; slot += layout.SUB_BYTES) {
        if (word(slot + layout.SUB_ENTRY) !== 0) visit(slot, thread)
        seen += 1
      }
      slab = word(slab + layout.SLAB_NEXT)
      if (seen < SLICE) continue
      seen = 0
      await nextTurn()
      // A successor of the thread may be making its memory anew.
      if (!isRunning(kernel, thread)) slab = 0
    }
  }
}

/** The memory of a thread that starts is not in order yet, and it has no subscriptions. */
function firstSlab(kernel: Kernel, thread: number): number {
  if (!isRunning(kernel, thread)) return 0
  const { layout, words } = kernel
  const at = (arenaAddress(kernel, thread) + layout.ARENA_SLOT_SLABS) >>> 2
  return Atomics.load(words, at) >>> 0
}

function isRunning(kernel: Kernel, thread: number): boolean {
  const { layout, words } = kernel
  const state = Atomics.load(words, threadField(kernel, thread, layout.THREAD_STATE) >> 2)
  return state === layout.THREAD_STATE_RUNNING
}
