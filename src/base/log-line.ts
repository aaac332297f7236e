/** Debug and trace are switched on one by one: neither includes the other. */
export type LogLevel = 'info' | 'warn' | 'error' | 'fatal' | 'debug' | 'trace'

/** One line on its way to the log sink; structured-cloneable, so that it can cross threads. */
export interface LogLine {
  readonly level: LogLevel
  /** Wall clock of the thread that logged it, microseconds since 1970. */
  readonly atUs: number
  readonly text: string
}

/**
 * Where any part of the program logs to, on any thread. Texts follow nats-server's word for word
 * where it has them.
 *
 * Ask debugEnabled or traceEnabled before you build a text that costs; debug() and trace() drop
 * theirs when off. `fatal` only writes: who logs it decides how the process ends.
 */
export interface Logger {
  readonly debugEnabled: boolean
  readonly traceEnabled: boolean
  info(text: string): void
  warn(text: string): void
  error(text: string): void
  fatal(text: string): void
  debug(text: string): void
  trace(text: string): void
}

/** Which of the two optional levels are on. */
export interface LogSwitches {
  readonly debug: boolean
  readonly trace: boolean
}

/** A Logger over one function; the switches may change while it is in use (reload). */
export class LineLogger implements Logger {
  debugEnabled = false
  traceEnabled = false
  readonly #put: (level: LogLevel, text: string) => void

  constructor(switches: LogSwitches, put: (level: LogLevel, text: string) => void) {
    this.#put = put
    this.setSwitches(switches)
  }

  setSwitches(switches: LogSwitches): void {
    this.debugEnabled = switches.debug
    this.traceEnabled = switches.trace
  }

  info(text: string): void {
    this.#put('info', text)
  }

  warn(text: string): void {
    this.#put('warn', text)
  }

  error(text: string): void {
    this.#put('error', text)
  }

  fatal(text: string): void {
    this.#put('fatal', text)
  }

  debug(text: string): void {
    if (this.debugEnabled) this.#put('debug', text)
  }

  trace(text: string): void {
    if (this.traceEnabled) this.#put('trace', text)
  }
}
