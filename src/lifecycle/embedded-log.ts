import { LineLogger, type LogLevel, type LogLine } from '../base/log-line.ts'
import type { LogSink, LogSinkOptions } from '../monitor/log/log-sink.ts'

const QUIET_LEVELS: ReadonlySet<LogLevel> = new Set(['warn', 'error', 'fatal'])

/**
 * The log of a broker inside another program: it does not speak unless something is wrong, or it
 * was told where to, or what of.
 */
export class EmbeddedLog implements LogSink {
  readonly logger: LineLogger
  readonly #sink: LogSink
  #isQuiet: boolean

  constructor(sink: LogSink, options: LogSinkOptions) {
    this.#sink = sink
    this.#isQuiet = isQuiet(options)
    this.logger = new LineLogger(options, (level, text) => {
      if (this.#isShown(level)) sink.logger[level](text)
    })
  }

  #isShown(level: LogLevel): boolean {
    return !this.#isQuiet || QUIET_LEVELS.has(level)
  }

  get lostLineCount(): number {
    return this.#sink.lostLineCount
  }

  accept(lines: readonly LogLine[]): void {
    this.#sink.accept(lines.filter(({ level }) => this.#isShown(level)))
  }

  reopen(): void {
    this.#sink.reopen()
  }

  reconfigure(given: LogSinkOptions): void {
    // Its stderr is that of another program.
    const options = { ...given, isTerminal: false }
    this.#sink.reconfigure(options)
    this.logger.setSwitches(options)
    this.#isQuiet = isQuiet(options)
  }

  drain(): Promise<void> {
    return this.#sink.drain()
  }

  close(): void {
    this.#sink.close()
  }
}

function isQuiet({ file, syslog, debug, trace }: LogSinkOptions): boolean {
  return file === undefined && syslog === undefined && !debug && !trace
}
