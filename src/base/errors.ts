import { getSystemErrorMap } from 'node:util'

/** Facts that go with an error. Never credentials, never a message's payload. */
export type ErrorContext = Readonly<Record<string, string | number | boolean>>

export interface ErrorDetails {
  readonly context?: ErrorContext
  readonly cause?: unknown
}

/**
 * An error of the broker: `code` to classify by, `message` for people, `context` with the numbers.
 *
 * Codes start with BRK_ and never change; messages may. Refusals that belong to normal work (a full
 * lane, an incomplete message) are return values, not errors.
 */
export class BrokerError extends Error {
  readonly code: string
  readonly context: ErrorContext

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.code = code
    this.context = details.context ?? {}
  }

  /**
   * One line for the log: the message, then code and context, `Cannot grow: BRK_ARENA_FULL
   * arenaBytes=4096`.
   */
  get logText(): string {
    const facts = contextText(this.context)
    return `${this.message}: ${this.code}${facts === '' ? '' : ` ${facts}`}`
  }
}

/**
 * `key=value` pairs; texts are quoted, so that a space or a line end in one cannot break the log
 * line.
 */
function contextText(context: ErrorContext): string {
  return Object.entries(context)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? JSON.stringify(value) : value}`)
    .join(' ')
}

/** Where libuv's words differ from those of the C library, which nats-server's log lines carry. */
const C_LIBRARY_WORDS: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'cannot assign requested address',
  EEXIST: 'file exists',
  EISDIR: 'is a directory',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files in system',
  ELOOP: 'too many levels of symbolic links',
  ENAMETOOLONG: 'file name too long',
  ENOSYS: 'function not implemented',
  EIO: 'input/output error',
  EROFS: 'read-only file system',
}

/** What an operating system error means, in the words that nats-server's operators know. */
export function systemErrorReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, errno } = error as NodeJS.ErrnoException
  const known = code === undefined ? undefined : C_LIBRARY_WORDS[code]
  if (known !== undefined) return known
  return (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? error.message
}

/** A failed file operation as Go words it: `open /run/nats.pid: permission denied`. */
export function fileErrorText(operation: string, path: string, error: unknown): string {
  return `${operation} ${path}: ${systemErrorReason(error)}`
}
