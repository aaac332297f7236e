/**
 * Notes on one message: whom it concerns, and what became of it there. A list of EXPLAINED_*, kept
 * until the next message is explained.
 */
import {
  EXPLAINED_BYTES,
  EXPLAINED_DENIED,
  EXPLAINED_GENERATION,
  EXPLAINED_KIND,
  EXPLAINED_PLACE,
  EXPLAINED_TARGET,
  EXPLAINED_TEXT,
  EXPLAINED_TEXT_BYTES,
} from './layout'
import { grown, newScratch, SCRATCH_BYTES, scratchBytes } from './scratch'

export let explained: u32 = 0
let explainedMax: u32 = 0
export let explainedCount: u32 = 0
/** Where texts of links begin. */
export let explainedTexts: u32 = 0
let textsMax: u32 = 0
let textsUsed: u32 = 0

/** Makes room at the first use: most threads never explain anything. False without memory. */
export function clearExplained(): bool {
  explainedCount = 0
  textsUsed = 0
  if (explained == 0) {
    explained = newScratch()
    explainedMax = explained == 0 ? 0 : SCRATCH_BYTES / EXPLAINED_BYTES
  }
  if (explainedTexts == 0) {
    explainedTexts = newScratch()
    textsMax = explainedTexts == 0 ? 0 : SCRATCH_BYTES
  }
  return explained != 0 && explainedTexts != 0
}

/** Without memory the note is left out. Returns its address, 0 = it was. */
export function note(kind: u32, place: u32, target: u32, generation: u32): u32 {
  if (explainedCount == explainedMax) {
    const used = explainedCount * EXPLAINED_BYTES
    const larger = grown(explained, used)
    if (larger == 0) return 0
    explained = larger
    explainedMax = (scratchBytes(used) << 1) / EXPLAINED_BYTES
  }
  const at = explained + explainedCount * EXPLAINED_BYTES
  explainedCount++
  store<u32>(at, kind, EXPLAINED_KIND)
  store<u32>(at, place, EXPLAINED_PLACE)
  store<u32>(at, target, EXPLAINED_TARGET)
  store<u32>(at, generation, EXPLAINED_GENERATION)
  store<u32>(at, 0, EXPLAINED_TEXT)
  store<u32>(at, 0, EXPLAINED_TEXT_BYTES)
  return at
}

export function noteDenied(place: u32, target: u32, generation: u32): void {
  note(EXPLAINED_DENIED, place, target, generation)
}

/** Room for a text of a note; 0 without memory: the note has none then. */
export function roomForText(at: u32, bytes: u32): u32 {
  // Short copies write up to 15 bytes behind the end.
  const need = (bytes + 31) & ~15
  while (textsUsed + need > textsMax) {
    const larger = grown(explainedTexts, textsMax)
    if (larger == 0) return 0
    explainedTexts = larger
    textsMax = scratchBytes(textsMax) << 1
  }
  store<u32>(at, textsUsed, EXPLAINED_TEXT)
  store<u32>(at, bytes, EXPLAINED_TEXT_BYTES)
  const room = explainedTexts + textsUsed
  textsUsed += need
  return room
}
