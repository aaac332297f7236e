import type { pino as Pino } from 'pino'
import { type Clock, systemClock } from '../../base/clock.ts'
import { BrokerError } from '../../base/errors.ts'
import { LineLogger, type Logger, type LogLevel, type LogLine } from '../../base/log-line.ts'
import { LogFile } from './log-file.ts'
import { createTextLine, type LineHead } from './text-line.ts'
import { writeFully } from './write-fully.ts'

export interface LogSinkOptions extends LineHead {
  /** `text` is nats-server's form, `json` one object a line: level, time, pid, msg. */
  readonly format: 'text' | 'json'
  /** Without it, lines go to stderr. */
  readonly file?: string | undefined
  /** See LogFileOptions; 0 or absent: never rotated. */
  readonly sizeLimitBytes?: number | undefined
  readonly maxFiles?: number | undefined
  readonly debug: boolean
  readonly trace: boolean
  /** True colours the levels, unless lines go to a file. */
  readonly isTerminal: boolean
  readonly clock?: Clock
}

/** Where all log lines of the process end: one per process, on the main thread. */
export interface LogSink {
  readonly logger: Logger
  /** Lines that could not be written (disk full, reader of stderr gone). */
  readonly lostLineCount: number
  /** Takes the lines of another thread. They were filtered there, and keep their own times. */
  accept(lines: readonly LogLine[]): void
  /** Opens the log file anew (signal USR1) and says so in the log. */
  reopen(): void
  /**
   * Uses other options from the next line on (reload).
   *
   * @throws BrokerError BRK_LOG_FILE when the file cannot be opened; the old options stay
   */
  reconfigure(options: LogSinkOptions): void
  close(): void
}

const STDERR_FD = 2

/**
 * Opens the log.
 *
 * pino stands underneath in both formats, with our synchronous destination and none of its
 * transports. Importing it takes 17-22 ms from node_modules and 8-11 ms bundled (measured on a
 * 2-core machine), so it is imported here and not at the top: start what needs no log, such as
 * worker threads, before awaiting this.
 *
 * @throws BrokerError BRK_LOG_FILE when the file cannot be opened
 */
export async function createLogSink(options: LogSinkOptions): Promise<LogSink> {
  const { default: pino } = await import('pino')
  return new PinoLogSink(pino, options)
}

class PinoLogSink implements LogSink {
  readonly logger: LineLogger
  lostLineCount = 0
  readonly #pino: typeof Pino
  #clock: Clock
  #file: LogFile | null
  #render: Pino.Logger
  /** Time of the line being written; pino asks for it while it builds the line. */
  #lineAtUs = 0

  constructor(pino: typeof Pino, options: LogSinkOptions) {
    this.#pino = pino
    this.#clock = options.clock ?? systemClock
    this.#file = this.#openFile(options)
    this.#render = this.#createPino(options)
    this.logger = new LineLogger(options, (level, text) =>
      this.#put(level, this.#clock.wallUs(), text),
    )
    this.#announceRotation()
  }

  accept(lines: readonly LogLine[]): void {
    for (const line of lines) this.#put(line.level, line.atUs, line.text)
  }

  reopen(): void {
    if (this.#file === null) {
      this.logger.info('File log re-open ignored, not a file logger')
      return
    }
    try {
      this.#file.reopen()
    } catch (error) {
      this.logger.error(`File log not re-opened: ${reasonOf(error)}`)
      return
    }
    this.logger.info('File log re-opened')
  }

  reconfigure(options: LogSinkOptions): void {
    const file = this.#openFile(options)
    this.#file?.close()
    this.#file = file
    this.#clock = options.clock ?? systemClock
    this.#render = this.#createPino(options)
    this.logger.setSwitches(options)
    this.#announceRotation()
  }

  close(): void {
    this.#file?.close()
  }

  #put(level: LogLevel, atUs: number, text: string): void {
    this.#lineAtUs = atUs
    this.#render[level](text)
  }

  #write(line: string): void {
    const bytes = Buffer.from(line)
    const isWritten = this.#file === null ? writeFully(STDERR_FD, bytes) : this.#file.write(bytes)
    if (!isWritten) this.lostLineCount++
  }

  #openFile(options: LogSinkOptions): LogFile | null {
    if (options.file === undefined || options.file === '') return null
    const clock = options.clock ?? systemClock
    const textLine = createTextLine(options, false)
    return new LogFile({
      path: options.file,
      sizeLimitBytes: options.sizeLimitBytes ?? 0,
      maxFiles: options.maxFiles ?? 0,
      clock,
      // nats-server ends these lines, and no others, with CR LF.
      ownLine: (level, text) =>
        options.format === 'json'
          ? jsonLine(options, level, clock.wallUs(), text)
          : `${textLine(level, clock.wallUs(), text)}\r\n`,
    })
  }

  #announceRotation(): void {
    if (this.#file?.isTooLong) this.logger.info('Rotating logfile...')
  }

  #createPino(options: LogSinkOptions): Pino.Logger {
    const { symbols } = this.#pino
    const logger = this.#pino(
      {
        level: 'trace', // LineLogger filters: pino's levels cannot have trace on and debug off
        base: options.pid === null ? null : { pid: options.pid },
        timestamp: () => (options.logtime ? `,"time":"${isoTime(this.#lineAtUs)}"` : ''),
        formatters: { level: (label) => ({ level: label }) },
      },
      { write: (line: string) => this.#write(line) },
    )
    if (options.format === 'text') {
      const isColoured = options.isTerminal && this.#file === null
      const textLine = createTextLine(options, isColoured)
      const levels = logger.levels.labels as Readonly<Record<number, LogLevel>>
      // pino's own hook for another line format, without a detour over JSON.
      Object.defineProperty(logger, symbols.asJsonSym, {
        value: (_facts: object, text: string, level: number) =>
          `${textLine(levels[level] ?? 'info', this.#lineAtUs, text)}\n`,
      })
    }
    return logger
  }
}

function jsonLine(head: LineHead, level: LogLevel, atUs: number, msg: string): string {
  const time = head.logtime ? { time: isoTime(atUs) } : {}
  const pid = head.pid === null ? {} : { pid: head.pid }
  return `${JSON.stringify({ level, ...time, ...pid, msg })}\n`
}

/** `2026-11-22T10:12:13.123456Z`. Always UTC: programs read these. */
function isoTime(atUs: number): string {
  const second = Math.floor(atUs / 1e6)
  const micros = String(atUs - second * 1e6).padStart(6, '0')
  return `${new Date(second * 1000).toISOString().slice(0, 19)}.${micros}Z`
}

function reasonOf(error: unknown): string {
  return error instanceof BrokerError ? error.message : String(error)
}
