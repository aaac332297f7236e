/**
 * Stream imports: the subject that each makes of a message's, and the audience of that in the
 * importing account. A plan has one variant for each import that applies. Inside an epoch.
 */
import { bucketOfSubject } from './accounts'
import { HOST_NO_ROOM, transform } from './host'
import { ACCOUNT_WILDCARD, IMPORT_ACCOUNT, IMPORT_IS_IDENTITY } from './layout'
import {
  GATHERED,
  GATHERED_NO_MEMORY,
  gatherAudience,
  rawCount,
  streams,
  streamsCount,
} from './matches'
import { check, copyShort } from './memory'
import { subject, subjectBytes } from './message'
import { grown, newScratch, scratchBytes, SCRATCH_BYTES } from './scratch'

export const VARIANT_ACCOUNT: u32 = 0
/** Offset in the texts, IDENTITY = the message's own; its address once all are known. */
export const VARIANT_TEXT: u32 = 4
export const VARIANT_TEXT_BYTES: u32 = 8
export const VARIANT_BUCKET: u32 = 12
export const VARIANT_GENERATION: u32 = 16
export const VARIANT_WILDCARD_GENERATION: u32 = 20
/** Its raw matches. */
export const VARIANT_FROM: u32 = 24
export const VARIANT_TO: u32 = 28
/** Of the import. */
export const VARIANT_BLOCK: u32 = 32
export const VARIANT_BYTES: u32 = 36
const IDENTITY: u32 = 0xffffffff
/** Subjects that take more than this together are not to be. */
const ROOM_MAX: u32 = 16 << 20

export let variants: u32 = 0
let variantsMax: u32 = 0
export let variantsCount: u32 = 0
let texts: u32 = 0
let textsMax: u32 = 0
let textsUsed: u32 = 0

export function formatVariants(): bool {
  variants = newScratch()
  texts = newScratch()
  variantsMax = SCRATCH_BYTES / VARIANT_BYTES
  textsMax = SCRATCH_BYTES
  return variants != 0 && texts != 0
}

export function forgetVariants(): void {
  variantsCount = 0
}

/** Gathers the audiences of all imports found so far. Returns what gatherAudience does. */
export function gatherVariants(connection: u32, key: u32): u32 {
  textsUsed = 0
  for (let i: u32 = 0; i < streamsCount; i++) {
    if (!addVariant(load<u32>(streams + (i << 2)))) return GATHERED_NO_MEMORY
  }
  for (let i: u32 = 0; i < variantsCount; i++) {
    const at = variants + i * VARIANT_BYTES
    const account = load<u32>(at, VARIANT_ACCOUNT)
    const offset = load<u32>(at, VARIANT_TEXT)
    const text = offset == IDENTITY ? subject : texts + offset
    const bytes = load<u32>(at, VARIANT_TEXT_BYTES)
    const bucket = bucketOfSubject(account, text, bytes)
    store<u32>(at, text, VARIANT_TEXT)
    store<u32>(at, bucket, VARIANT_BUCKET)
    // Before the match, as the plan's own.
    store<u32>(at, atomic.load<u32>(bucket), VARIANT_GENERATION)
    store<u32>(at, atomic.load<u32>(account + ACCOUNT_WILDCARD), VARIANT_WILDCARD_GENERATION)
    store<u32>(at, rawCount, VARIANT_FROM)
    const how = gatherAudience(connection, key, account, i + 1, text, bytes)
    if (how != GATHERED) return how
    store<u32>(at, rawCount, VARIANT_TO)
  }
  return GATHERED
}

function addVariant(block: u32): bool {
  let offset = IDENTITY
  let bytes = subjectBytes
  if (load<u32>(block, IMPORT_IS_IDENTITY) == 0) {
    const count = appendTransformed(block)
    if (count < 0) return false
    if (count == 0) return true
    offset = textsUsed
    bytes = <u32>count
    textsUsed += (bytes + 15) & ~15
  }
  if (variantsCount == variantsMax) {
    const used = variantsCount * VARIANT_BYTES
    const larger = grown(variants, used)
    if (larger == 0) return false
    variants = larger
    variantsMax = (scratchBytes(used) << 1) / VARIANT_BYTES
  }
  const at = variants + variantsCount * VARIANT_BYTES
  store<u32>(at, load<u32>(block, IMPORT_ACCOUNT), VARIANT_ACCOUNT)
  store<u32>(at, offset, VARIANT_TEXT)
  store<u32>(at, bytes, VARIANT_TEXT_BYTES)
  store<u32>(at, block, VARIANT_BLOCK)
  variantsCount++
  return true
}

/** Has the host write behind the texts; returns its answer, negative without memory. */
function appendTransformed(block: u32): i32 {
  let count = HOST_NO_ROOM
  while (count == HOST_NO_ROOM) {
    // Vector copies read up to 16 bytes behind the end.
    const room = textsMax - textsUsed
    if (room > 16) {
      count = transform(block, subject, subjectBytes, texts + textsUsed, room - 16)
      check(count < 0 || <u32>count <= room - 16, 32)
    }
    if (count == HOST_NO_ROOM) {
      const larger = textsMax < ROOM_MAX ? grown(texts, textsMax) : 0
      if (larger == 0) return HOST_NO_ROOM
      texts = larger
      textsMax <<= 1
    }
  }
  return count < 0 ? 0 : count
}

/** Writes the subject of a variant. */
export function copyVariantText(target: u32, variant: u32): void {
  copyShort(target, load<u32>(variant, VARIANT_TEXT), load<u32>(variant, VARIANT_TEXT_BYTES))
}
