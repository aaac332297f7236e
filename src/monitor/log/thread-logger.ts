import { type Clock, systemClock } from '../../base/clock.ts'
import { LineLogger, type LogLevel, type LogLine, type LogSwitches } from '../../base/log-line.ts'

/**
 * Lines that go to the main thread in one message at most. Chosen: a trace flood still costs few
 * messages.
 */
export const LOG_BATCH_LINES_MAX = 256

export interface ThreadLoggerOptions extends LogSwitches {
  /** Sends lines to the main thread, whose LogSink.accept takes them. */
  readonly post: (lines: readonly LogLine[]) => void
  readonly clock?: Clock
}

/**
 * The Logger of a worker thread: keeps lines until the current turn of the event loop is over, so
 * that a read that logs many lines costs one message.
 *
 * Errors and fatal lines go at once, with all lines before them: the thread may not live to see its
 * next turn. Call flush() before ending the thread on purpose.
 */
export class ThreadLogger extends LineLogger {
  readonly #post: (lines: readonly LogLine[]) => void
  readonly #clock: Clock
  #lines: LogLine[] = []

  constructor(options: ThreadLoggerOptions) {
    super(options, (level, text) => this.#add(level, text))
    this.#post = options.post
    this.#clock = options.clock ?? systemClock
  }

  flush(): void {
    if (this.#lines.length === 0) return
    const lines = this.#lines
    this.#lines = []
    this.#post(lines)
  }

  #add(level: LogLevel, text: string): void {
    const count = this.#lines.push({ level, atUs: this.#clock.wallUs(), text })
    if (level === 'error' || level === 'fatal' || count >= LOG_BATCH_LINES_MAX) this.flush()
    else if (count === 1) setImmediate(() => this.flush())
  }
}
