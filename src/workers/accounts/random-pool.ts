import { randomFillSync } from 'node:crypto'

/** Random bytes are made many at a time: each request takes a few. */
const POOL = new Uint32Array(1024)
let poolAt = POOL.length

/** @param below a power of two up to 2^32 */
export function randomBelow(below: number): number {
  if (poolAt === POOL.length) {
    randomFillSync(POOL)
    poolAt = 0
  }
  return POOL[poolAt++]! % below
}
