/** Something that is wrong, or at least odd, with claims; the texts are nats-server's. */
export interface Issue {
  readonly text: string
  /** What is wrong for now only is `time`; a `warning` is no reason to refuse. */
  readonly kind: 'error' | 'time' | 'warning'
}

/** Collects what is found. */
export class Issues {
  readonly #found: Issue[] = []

  error(text: string): void {
    this.#found.push({ text, kind: 'error' })
  }

  time(text: string): void {
    this.#found.push({ text, kind: 'time' })
  }

  warn(text: string): void {
    this.#found.push({ text, kind: 'warning' })
  }

  get found(): readonly Issue[] {
    return this.#found
  }
}

/** Whether a server refuses claims of which this was found. */
export function isBlocking(
  issues: readonly Issue[],
  { withTimes }: { readonly withTimes: boolean },
): boolean {
  return issues.some(({ kind }) => kind === 'error' || (withTimes && kind === 'time'))
}

/** The errors in one line, as nats-server's resolvers tell who has sent the JWT. */
export function validationErrorsText(issues: readonly Issue[]): string {
  const errors = issues.filter(({ kind }) => kind === 'error').map(({ text }) => text)
  return `validation errors: [${errors.join(' ')}]`
}
