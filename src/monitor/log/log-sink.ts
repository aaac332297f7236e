import type { pino as Pino } from 'pino'
import { type Clock, systemClock } from '../../base/clock.ts'
import { BrokerError, systemErrorReason } from '../../base/errors.ts'
import { LineLogger, type Logger, type LogLevel, type LogLine } from '../../base/log-line.ts'
import { LogFile } from './log-file.ts'
import { Syslog, type SyslogTarget } from './syslog.ts'
import { createTextLine, type LineHead, type TextLine } from './text-line.ts'
import { writeFully } from './write-fully.ts'

export interface LogSinkOptions extends LineHead {
  /** `text` is nats-server's form, `json` one object a line: level, time, pid, msg. */
  readonly format: 'text' | 'json'
  /** Without it, lines go to syslog. */
  readonly file?: string | undefined
  /** Without both, lines go to stderr. */
  readonly syslog?: SyslogTarget | undefined
  /** See LogFileOptions; 0 or absent: never rotated. */
  readonly sizeLimitBytes?: number | undefined
  readonly maxFiles?: number | undefined
  readonly debug: boolean
  readonly trace: boolean
  /** True colours the levels of lines that go to stderr. */
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
  /** Resolves when lines for syslog have left, or after a second; to be called before close(). */
  drain(): Promise<void>
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
  #output: Output
  #render: Pino.Logger
  /** The line being written; pino has no room for them. */
  #lineAtUs = 0
  #lineLevel: LogLevel = 'info'
  /** Since the last line that was written. */
  #lostInARow = 0
  #isClosed = false

  constructor(pino: typeof Pino, options: LogSinkOptions) {
    this.#pino = pino
    this.#clock = options.clock ?? systemClock
    this.#output = openOutput(options, this.#clock)
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
    const { file } = this.#output
    if (file === undefined) {
      this.logger.info('File log re-open ignored, not a file logger')
      return
    }
    try {
      file.reopen()
    } catch (error) {
      this.logger.error(`File log not re-opened: ${reasonOf(error)}`)
      return
    }
    this.logger.info('File log re-opened')
  }

  reconfigure(options: LogSinkOptions): void {
    const clock = options.clock ?? systemClock
    const output = openOutput(options, clock)
    const old = this.#output
    this.#output = output
    this.#clock = clock
    this.#render = this.#createPino(options)
    this.logger.setSwitches(options)
    this.#announceRotation()
    old.file?.close()
    void old.syslog?.end()
  }

  async drain(): Promise<void> {
    await this.#output.syslog?.end()
  }

  close(): void {
    this.#isClosed = true
    this.#output.file?.close()
    this.#output.syslog?.close()
  }

  #put(level: LogLevel, atUs: number, text: string): void {
    this.#lineAtUs = atUs
    this.#lineLevel = level
    this.#render[level](text)
  }

  #write(line: string): void {
    const reason = this.#lossOf(line)
    if (reason === undefined) {
      const count = this.#lostInARow
      this.#lostInARow = 0
      if (count > 0) this.logger.warn(`${count} log lines were lost`)
      return
    }
    this.lostLineCount++
    this.#lostInARow++
    if (this.#lostInARow === 1) this.#complain(reason)
  }

  /** Why the line is lost; undefined when it is not. */
  #lossOf(line: string): string | undefined {
    const { file, syslog } = this.#output
    if (syslog !== undefined) {
      const text = line.endsWith('\n') ? line.slice(0, -1) : line
      const isTaken = syslog.write({ level: this.#lineLevel, atUs: this.#lineAtUs, text })
      return isTaken ? undefined : 'too much waits for the syslog server'
    }
    const bytes = Buffer.from(line)
    const failure = file === undefined ? writeFully(STDERR_FD, bytes) : file.write(bytes)
    return failure === undefined ? undefined : systemErrorReason(failure.error)
  }

  /** Once for each time lines get lost, and where somebody may still see it. */
  #complain(reason: string): void {
    const { file, syslog } = this.#output
    if (this.#isClosed || (file === undefined && syslog === undefined)) return
    complain(`log lines are lost: ${reason}`)
  }

  #announceRotation(): void {
    if (this.#output.file?.isTooLong) this.logger.info('Rotating logfile...')
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
      const { file, syslog } = this.#output
      const isColoured = options.isTerminal && file === undefined
      // A syslog server puts level, time and process in front itself.
      const textLine: TextLine =
        syslog === undefined ? createTextLine(options, isColoured) : (_level, _atUs, text) => text
      const lineEnd = syslog === undefined ? '\n' : ''
      const levels = logger.levels.labels as Readonly<Record<number, LogLevel>>
      // pino's own hook for another line format, without a detour over JSON.
      Object.defineProperty(logger, symbols.asJsonSym, {
        value: (_facts: object, text: string, level: number) =>
          textLine(levels[level] ?? 'info', this.#lineAtUs, text) + lineEnd,
      })
    }
    return logger
  }
}

/** Where lines go to; with neither it is stderr. */
interface Output {
  readonly file?: LogFile
  readonly syslog?: Syslog
}

function openOutput(options: LogSinkOptions, clock: Clock): Output {
  const { file, syslog } = options
  if (file !== undefined && file !== '') return { file: openFile(file, options, clock) }
  if (syslog === undefined) return {}
  const onAway = (reason: string) => complain(`the syslog server cannot be reached: ${reason}`)
  return { syslog: new Syslog({ target: syslog, pid: options.pid ?? process.pid, onAway }) }
}

function openFile(path: string, options: LogSinkOptions, clock: Clock): LogFile {
  const textLine = createTextLine(options, false)
  return new LogFile({
    path,
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

/** About the log itself, when the log is not the place. */
function complain(text: string): void {
  writeFully(STDERR_FD, Buffer.from(`nats-server: ${text}\n`))
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
