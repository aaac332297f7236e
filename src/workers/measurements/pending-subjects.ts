import type { Kernel } from '../../kernel/kernel.ts'
import type { SlowSubject } from '../../monitor/slow/slow-event.ts'
import { frameLines } from '../messages/outbound-frames.ts'

/** Subjects told of at most. */
const SUBJECTS_MAX = 5
/** Subjects looked at apart; what else waits is left out. */
const DIFFERENT_MAX = 256
const MESSAGE_LINE = /^([HL]?)MSG (\S+) .*?(\d+)$/
const SUBJECT_CHARS_MAX = 256
/** CR LF behind the line and behind the payload. */
const ENDS_BYTES = 4

/** From the first frame to the end of the last one. */
interface Part {
  readonly from: number
  readonly to: number
}

/**
 * Subjects of what waits for a connection's socket, most bytes first. The work is bounded: of each
 * chunk only the first frames are read, and stand for the others in it.
 *
 * @param inFlight first of the chunks that the socket was given and has not taken yet, 0 = none
 * @param framesMax read at most, but one of each chunk
 */
export function pendingSubjects(
  kernel: Kernel,
  record: number,
  inFlight: number,
  framesMax: number,
): SlowSubject[] {
  const parts = [...chunkParts(kernel, inFlight), ...queuedParts(kernel, record)]
  const framesEach = Math.max(1, Math.floor(framesMax / Math.max(1, parts.length)))
  const sums = new Map<string, { msgs: number; bytes: number }>()
  for (const { from, to } of parts) addPart(sums, kernel.bytes.subarray(from, to), framesEach)
  return [...sums]
    .map(([subject, { msgs, bytes }]) => ({
      subject: shown(subject),
      msgs: Math.round(msgs),
      bytes: Math.round(bytes),
    }))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, SUBJECTS_MAX)
}

/** A thousand events are kept: none may hold much. */
function shown(subject: string): string {
  const text = Buffer.from(subject, 'latin1').toString()
  return text.length > SUBJECT_CHARS_MAX ? `${text.slice(0, SUBJECT_CHARS_MAX)}…` : text
}

function addPart(
  sums: Map<string, { msgs: number; bytes: number }>,
  frames: Uint8Array,
  framesMax: number,
): void {
  const seen: { subject: string; bytes: number }[] = []
  let seenBytes = 0
  let count = 0
  for (const line of frameLines(frames)) {
    const [, , subject, size] = MESSAGE_LINE.exec(line) ?? []
    const bytes = line.length + (size === undefined ? 2 : ENDS_BYTES + Number(size))
    seenBytes += bytes
    if (subject !== undefined) seen.push({ subject, bytes })
    if (++count === framesMax) break
  }
  const share = frames.length / Math.max(1, seenBytes)
  for (const { subject, bytes } of seen) {
    const sum = sums.get(subject) ?? { msgs: 0, bytes: 0 }
    if (sum.msgs === 0) {
      if (sums.size >= DIFFERENT_MAX) continue
      sums.set(subject, sum)
    }
    sum.msgs += share
    sum.bytes += bytes * share
  }
}

function* chunkParts({ layout, words }: Kernel, first: number): Iterable<Part> {
  for (let chunk = first; chunk !== 0; chunk = words[(chunk + layout.CHUNK_NEXT) >> 2]!) {
    yield { from: chunk + layout.CHUNK_DATA, to: words[(chunk + layout.CHUNK_END) >> 2]! }
  }
}

/** The last chunk is still being filled. */
function* queuedParts({ layout, words }: Kernel, record: number): Iterable<Part> {
  let chunk = words[(record + layout.CONNECTION_HEAD) >> 2]!
  while (chunk !== 0) {
    const next = words[(chunk + layout.CHUNK_NEXT) >> 2]!
    const isTail = next === 0
    const end = isTail ? record + layout.CONNECTION_POSITION : chunk + layout.CHUNK_END
    yield { from: chunk + layout.CHUNK_DATA, to: words[end >> 2]! }
    chunk = next
  }
}
