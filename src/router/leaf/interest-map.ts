/**
 * Characters of LS+ lines handed to a link in one piece; a burst of a million subjects is not one
 * string.
 */
const CHUNK_CHARS = 64 * 1024

/** `subject` for plain interest, `subject queue` for a group. Neither contains blanks. */
export type InterestKey = string

export function interestKey(subject: string, queue: string | undefined): InterestKey {
  return queue === undefined ? subject : `${subject} ${queue}`
}

function isQueueKey(key: InterestKey): boolean {
  return key.includes(' ')
}

/**
 * What one peer has been told: how often each subject is wanted here, or how many members a queue
 * group has.
 *
 * Invariant: every value is > 0, and the peer, applying all lines returned so far, knows exactly
 * the keys in here, and the values of the queue keys.
 */
export class InterestMap {
  readonly #counts = new Map<InterestKey, number>()

  /** Number of announced subjects and groups. */
  get size(): number {
    return this.#counts.size
  }

  /** Times the key is wanted; 0 = not announced. */
  count(key: InterestKey): number {
    return this.#counts.get(key) ?? 0
  }

  entries(): IterableIterator<[InterestKey, number]> {
    return this.#counts.entries()
  }

  /** Adds without telling the peer: for the table before its first `lines()`. */
  load(key: InterestKey, count: number): void {
    if (count > 0) this.#counts.set(key, this.count(key) + count)
  }

  /**
   * Applies a change and returns the line that tells the peer, or '' when the peer need not know.
   *
   * Plain interest is told when it begins and ends, group sizes at each change. What was never
   * announced (a permission forbade it) cannot be taken back and is ignored.
   */
  update(key: InterestKey, delta: number): string {
    const before = this.count(key)
    if (delta === 0 || (delta < 0 && before === 0)) return ''
    const after = before + delta
    if (after <= 0) {
      this.#counts.delete(key)
      return `LS- ${key}\r\n`
    }
    this.#counts.set(key, after)
    if (isQueueKey(key)) return `LS+ ${key} ${after}\r\n`
    return before === 0 ? `LS+ ${key}\r\n` : ''
  }

  /** The whole table as LS+ lines, in pieces of bounded size. */
  lines(): Generator<string> {
    return this.linesSince(NOTHING)
  }

  /** The lines that make this table of the one a peer was told before. */
  *linesSince(before: InterestMap): Generator<string> {
    let chunk = ''
    for (const line of this.#differences(before)) {
      chunk += line
      if (chunk.length >= CHUNK_CHARS) {
        yield chunk
        chunk = ''
      }
    }
    if (chunk !== '') yield chunk
  }

  *#differences(before: InterestMap): Generator<string> {
    for (const key of before.#counts.keys()) {
      if (!this.#counts.has(key)) yield `LS- ${key}\r\n`
    }
    for (const [key, count] of this.#counts) {
      const known = before.count(key)
      if (isQueueKey(key)) {
        if (known !== count) yield `LS+ ${key} ${count}\r\n`
      } else if (known === 0) {
        yield `LS+ ${key}\r\n`
      }
    }
  }
}

const NOTHING = new InterestMap()
