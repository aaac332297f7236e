/**
 * The readable truth about who gets a message: a list, searched from end to end. Shares no code
 * with src/, so that a fast sublist can be held against it.
 */
export type ReferenceSubscription<T> = {
  readonly subject: string
  readonly queue: string | null
  readonly value: T
}

export type ReferenceMatch<T> = {
  readonly plain: readonly T[]
  /** One group per name, whatever subjects its members subscribed to. */
  readonly queues: ReadonlyMap<string, readonly T[]>
}

function tokenPattern(token: string, isLast: boolean): string {
  if (token === '*') return '[^.]+'
  if (token === '>' && isLast) return '[^.]+(?:\\.[^.]+)*'
  return token.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

/** null for a subject nobody may subscribe to. */
function subjectPattern(subject: string): RegExp | null {
  const tokens = subject.split('.')
  if (tokens.some((token, i) => token === '' || (token === '>' && i < tokens.length - 1))) {
    return null
  }
  const parts = tokens.map((token, i) => tokenPattern(token, i === tokens.length - 1))
  return new RegExp(`^${parts.join('\\.')}$`, 's')
}

export class ReferenceSublist<T> {
  readonly #rows: { readonly subscription: ReferenceSubscription<T>; readonly pattern: RegExp }[] =
    []

  get size(): number {
    return this.#rows.length
  }

  /** false: the subject is invalid, nothing was inserted. */
  insert(subscription: ReferenceSubscription<T>): boolean {
    const pattern = subjectPattern(subscription.subject)
    if (pattern === null) return false
    this.#rows.push({ subscription, pattern })
    return true
  }

  /** Removes one subscription with this subject, queue and value. false: there is none. */
  remove({ subject, queue, value }: ReferenceSubscription<T>): boolean {
    const at = this.#rows.findIndex(
      ({ subscription: s }) => s.subject === subject && s.queue === queue && s.value === value,
    )
    if (at < 0) return false
    this.#rows.splice(at, 1)
    return true
  }

  /** Members in the order in which they were inserted. Wildcards in `literal` are ordinary text. */
  match(literal: string): ReferenceMatch<T> {
    const plain: T[] = []
    const queues = new Map<string, T[]>()
    if (literal.split('.').includes('')) return { plain, queues }
    for (const { subscription, pattern } of this.#rows) {
      if (!pattern.test(literal)) continue
      if (subscription.queue === null) plain.push(subscription.value)
      else {
        const group = queues.get(subscription.queue) ?? []
        group.push(subscription.value)
        queues.set(subscription.queue, group)
      }
    }
    return { plain, queues }
  }
}
