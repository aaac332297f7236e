/**
 * Lists that a thread keeps for the message at hand and uses again for the next one: blocks that
 * grow as the largest message asks, and never shrink.
 */
import { allocateBlock, blockBytes, releaseBlock } from './arena'

/** Size of every such block before anything was found too large for it. */
export const SCRATCH_BYTES: u32 = 16384

/** What a block that was made for `bytes` really holds. */
@inline
export function scratchBytes(bytes: u32): u32 {
  return blockBytes(bytes)
}

/** @returns 0 without memory */
export function newScratch(): u32 {
  return allocateBlock(SCRATCH_BYTES)
}

/**
 * A scratch of twice the size, with what the old one held.
 *
 * @param used bytes in use, which must fill the old one to more than half
 * @returns 0 without memory: the old one is left as it was
 */
export function grown(old: u32, used: u32): u32 {
  const larger = allocateBlock(blockBytes(used) << 1)
  if (larger == 0) return 0
  for (let i: u32 = 0; i < used; i += 4) store<u32>(larger + i, load<u32>(old + i))
  releaseBlock(old)
  return larger
}
