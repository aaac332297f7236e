import { closeSync, openSync } from 'node:fs'
import { createImplicitUserName } from '../auth/authority-settings.ts'
import { BrokerError, fileErrorText } from '../base/errors.ts'
import type { Options } from '../config/options.ts'
import type { ReadConfiguration } from '../config/reload/read-again.ts'
import { type ListenPorts, planReload, withListenPorts } from '../config/reload/reload-plan.ts'
import { needsImplicitUser } from '../config/system-account.ts'
import type { LogSink } from '../monitor/log/log-sink.ts'
import type { ReloadReport } from '../workers/reload/reload-types.ts'
import { checkTlsFiles, tlsBlocks } from '../workers/reload/tls-reload.ts'
import type { Supervisor } from '../workers/threads/supervisor.ts'
import type { ThreadSettings } from '../workers/threads/thread-settings.ts'
import { advertisedPlaces } from './advertised-places.ts'
import { areFilesNewer } from './certificate-times.ts'
import { logSinkOptions } from './log-options.ts'
import { reloadReportText } from './reload-report.ts'

/** nats-server's text for a server that was started without a file. */
const NO_FILE = 'can only reload config when a file is provided using -c or --config'
const LOG_FILE_MODE = 0o640
/** Those that LogSinkOptions are made from and that can change. */
const LOG_OPTIONS = [
  'debug',
  'trace',
  'logtime',
  'logtimeUtc',
  'logFile',
  'syslog',
  'remoteSyslog',
] as const satisfies readonly (keyof Options)[]

/** Files of the main thread that follow the options. */
export interface FollowingFiles {
  /** Both log what fails, as nats-server does, and the reload goes on. */
  writePidFile(options: Options): void
  movePortsFile(old: Options, options: Options): void
}

export interface ReloaderOptions {
  readonly supervisor: Supervisor
  readonly log: LogSink
  readonly ports: ListenPorts
  readonly files: FollowingFiles
  /** Undefined: there is no file to read. */
  readonly read: ReadConfiguration | undefined
  readonly digest: string
}

/**
 * Carries out reloads, one after the other.
 *
 * Everything that can fail comes first: reading, comparing, files of TLS and of the log, and that
 * all threads are prepared. Up to there nothing has changed; behind it nothing is taken back.
 */
export class Reloader {
  readonly #options: ReloaderOptions
  #last: Promise<unknown> = Promise.resolve()
  #lastId = 0
  #isEnded = false
  #digest: string
  #loadedAtMs = Date.now()

  constructor(options: ReloaderOptions) {
    this.#options = options
    this.#digest = options.digest
  }

  /** Those in force. */
  get options(): Options {
    return this.#options.supervisor.settings.options
  }

  /** `sha256:…` of the configuration in force; '' when it does not come from a file. */
  get digest(): string {
    return this.#digest
  }

  /** When the configuration in force was read, in Unix milliseconds. */
  get loadedAtMs(): number {
    return this.#loadedAtMs
  }

  /** From now on reloads are refused. */
  end(): void {
    this.#isEnded = true
  }

  /**
   * @param read where the new configuration comes from, if not from the file
   * @throws BrokerError BRK_RELOAD with nats-server's text; the old configuration is in force then
   */
  reload(read = this.#options.read): Promise<ReloadReport> {
    const reload = this.#last.then(() => this.#reload(read))
    this.#last = reload.catch(() => {})
    return reload
  }

  async #reload(read: ReadConfiguration | undefined): Promise<ReloadReport> {
    if (this.#isEnded) throw refusal('server is shutting down')
    if (read === undefined) throw refusal(NO_FILE)
    const readAtMs = Date.now()
    const next = read()
    if ('error' in next) throw refusal(next.error)
    const { supervisor, log, ports } = this.#options
    const old = supervisor.settings
    const plan = planReload({
      old: withListenPorts(old.options, ports),
      next: withListenPorts(next.options, ports),
      isCertificateNew: areFilesNewer(next.options.tls, this.#loadedAtMs),
    })
    if ('refusal' in plan) throw refusal(plan.refusal)
    const settings = this.#settingsFor(next.options, old)
    await checkFiles(old.options, next.options)
    const order = { id: ++this.#lastId, settings, changes: plan.changes }
    const fault = await supervisor.reload.prepare(order)
    if (fault !== '') throw refusal(fault)
    // From here on it is in force, also for threads that start now.
    supervisor.settings = settings
    this.#digest = next.digest
    this.#loadedAtMs = readAtMs
    for (const warning of next.warnings) log.logger.warn(warning)
    const closed = await this.#closeExcess(old.options, next.options)
    this.#logLines(plan.lines, closed)
    this.#follow(old.options, next.options)
    const counts = await supervisor.reload.apply(order)
    log.logger.info(`Reloaded server configuration ${next.digest && `(${next.digest})`}`.trimEnd())
    const disconnected = counts.disconnected + closed
    const report = { changed: plan.changed, ...counts, disconnected }
    log.logger.info(reloadReportText(report))
    return report
  }

  #settingsFor(options: Options, old: ThreadSettings): ThreadSettings {
    const { ports } = this.#options
    const implicitUser = needsImplicitUser(options)
      ? old.implicitUser || createImplicitUserName()
      : ''
    try {
      return { ...old, options, implicitUser, ...advertisedPlaces(options, ports) }
    } catch (error) {
      throw refusal(textOf(error))
    }
  }

  async #closeExcess(old: Options, next: Options): Promise<number> {
    if (next.maxConnections === old.maxConnections) return 0
    return this.#options.supervisor.reload.closeExcess(next.maxConnections)
  }

  #logLines(lines: readonly string[], closed: number): void {
    const { logger } = this.#options.log
    for (const line of lines) {
      if (closed > 0 && line.startsWith('Reloaded: max_connections')) {
        logger.info(`Closed ${closed} connections to fall within max_connections`)
      }
      logger.info(line)
    }
  }

  #follow(old: Options, next: Options): void {
    const { log, files } = this.#options
    if (next.pidFile !== old.pidFile && next.pidFile !== '') files.writePidFile(next)
    if (next.portsFileDir !== old.portsFileDir) files.movePortsFile(old, next)
    if (LOG_OPTIONS.every((option) => next[option] === old[option])) return
    try {
      log.reconfigure(logSinkOptions(next))
    } catch (error) {
      // It could be opened a moment ago.
      log.logger.error(`The log goes on as it was: ${textOf(error)}`)
    }
  }
}

/** What can be found out before any thread is asked. */
async function checkFiles(old: Options, next: Options): Promise<void> {
  try {
    await checkTlsFiles(tlsBlocks(next))
    logSinkOptions(next)
  } catch (error) {
    throw refusal(textOf(error))
  }
  if (next.logFile === '' || next.logFile === old.logFile) return
  try {
    closeSync(openSync(next.logFile, 'a', LOG_FILE_MODE))
  } catch (error) {
    throw refusal(`error opening file: ${fileErrorText('open', next.logFile, error)}`)
  }
}

function refusal(text: string): BrokerError {
  return new BrokerError('BRK_RELOAD', text)
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
