import { closeSync, fstatSync, openSync, readdirSync, renameSync, unlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { BrokerError, fileErrorText, systemErrorReason } from '../../base/errors.ts'
import type { LogLevel } from '../../base/log-line.ts'
import { calendarParts } from './text-line.ts'
import { type WriteFailure, writeFully } from './write-fully.ts'

/** Owner writes, group reads. Source: nats-server's log files. */
const LOG_FILE_MODE = 0o640

const LINE_END = Buffer.from('\n')

/** What follows `<name>.` in the name of an archive: local date, time and nanoseconds. */
const ARCHIVE_STAMP = /^\d{4}(?:\.\d{2}){5}\.\d{1,9}$/

export interface LogFileOptions {
  readonly path: string
  /** A write that takes the file beyond this many bytes starts a new file; 0 never does. */
  readonly sizeLimitBytes: number
  /** Files to keep, the current one included; 0 keeps all. */
  readonly maxFiles: number
  readonly clock: Clock
  /** Makes the lines the file itself adds (`Rotated log, …`), line end included. */
  readonly ownLine: (level: LogLevel, text: string) => string
}

/**
 * A log file, opened for appending, that puts itself aside when it gets too long. Main thread only.
 */
export class LogFile {
  readonly #options: LogFileOptions
  #fd: number
  #sizeBytes: number
  /** Grows when a rotation fails, so that the next line does not try again. */
  #limitBytes: number
  #isClosed = false
  /** The last line is there in part. */
  #isTorn = false

  /** @throws BrokerError BRK_LOG_FILE when the file cannot be opened */
  constructor(options: LogFileOptions) {
    this.#options = options
    this.#fd = open(options.path)
    this.#sizeBytes = fstatSync(this.#fd).size
    this.#limitBytes = limitOf(options)
  }

  /** True when the file that was found is already too long: its next line rotates it. */
  get isTooLong(): boolean {
    return this.#sizeBytes > this.#limitBytes
  }

  /** Returns why a line is lost, at least in part. */
  write(line: Uint8Array): WriteFailure | undefined {
    if (this.#isClosed) return { writtenBytes: 0, error: 'the file is closed' }
    const bytes = this.#isTorn ? Buffer.concat([LINE_END, line]) : line
    const failure = writeFully(this.#fd, bytes)
    const writtenBytes = failure?.writtenBytes ?? bytes.length
    if (writtenBytes > 0) this.#isTorn = writtenBytes < bytes.length
    this.#sizeBytes += writtenBytes
    if (this.isTooLong) this.#rotate()
    return failure
  }

  /**
   * Opens the path anew, for a file that was moved away. Nothing written is lost: the old file
   * stays in use until the new one is open.
   *
   * @throws BrokerError BRK_LOG_FILE when the path cannot be opened; the old file stays in use
   */
  reopen(): void {
    const fd = open(this.#options.path)
    closeSync(this.#fd)
    this.#fd = fd
    this.#isTorn = false
    this.#sizeBytes = fstatSync(fd).size
    this.#limitBytes = limitOf(this.#options)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    closeSync(this.#fd)
  }

  #rotate(): void {
    const { path } = this.#options
    const archivePath = `${path}.${this.#stamp()}`
    try {
      renameSync(path, archivePath)
      this.reopen()
    } catch (error) {
      this.#onRotationFailed(error)
      return
    }
    this.#sizeBytes = this.#writeOwn('info', `Rotated log, backup saved as "${archivePath}"`)
    if (this.#options.maxFiles > 0) this.#purge()
  }

  #onRotationFailed(error: unknown): void {
    this.#limitBytes *= 2
    const reason = error instanceof BrokerError ? error.message : systemErrorReason(error)
    const next = `will attempt next rotation at size ${this.#limitBytes}`
    this.#writeOwn('error', `Unable to rotate logfile (${reason}), ${next}`)
  }

  #purge(): void {
    const { path, maxFiles } = this.#options
    const folder = dirname(path)
    let archives: string[]
    try {
      archives = archivesIn(folder, basename(path))
    } catch (error) {
      const text = `Unable to read directory "${folder}" for log purge (${systemErrorReason(error)})`
      this.#writeOwn('error', `${text}, will attempt next rotation`)
      return
    }
    for (const name of archives.slice(0, Math.max(0, archives.length - (maxFiles - 1)))) {
      try {
        unlinkSync(join(folder, name))
      } catch (error) {
        const text = `Unable to remove backup log file "${name}" (${systemErrorReason(error)})`
        this.#writeOwn('error', `${text}, will attempt next rotation`)
        return
      }
      this.#writeOwn('info', `Purged log file "${name}"`)
    }
  }

  /** Past the size check, or a limit shorter than this line would rotate for ever. */
  #writeOwn(level: LogLevel, text: string): number {
    const bytes = Buffer.from(this.#options.ownLine(level, text))
    writeFully(this.#fd, bytes)
    return bytes.length
  }

  #stamp(): string {
    const atUs = this.#options.clock.wallUs()
    const [date, time] = calendarParts(Math.floor(atUs / 1000), false)
    const nanoseconds = String((atUs % 1e6) * 1000).padStart(9, '0')
    return [...date, ...time, nanoseconds].join('.')
  }
}

function limitOf(options: LogFileOptions): number {
  return options.sizeLimitBytes > 0 ? options.sizeLimitBytes : Number.POSITIVE_INFINITY
}

function open(path: string): number {
  try {
    return openSync(path, 'a', LOG_FILE_MODE)
  } catch (error) {
    const text = `error opening file: ${fileErrorText('open', path, error)}`
    throw new BrokerError('BRK_LOG_FILE', text, { context: { path }, cause: error })
  }
}

/** Names of the archives of `baseName`, oldest first: their stamps sort by time. */
function archivesIn(folder: string, baseName: string): string[] {
  const prefix = `${baseName}.`
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && entry.name.startsWith(prefix))
    .map((entry) => entry.name)
    .filter((name) => ARCHIVE_STAMP.test(name.slice(prefix.length)))
    .sort()
}
