/** Sable as a library: a broker inside your own process. */

import { BrokerError } from './base/errors.ts'
import { LineLogger, type LogLevel } from './base/log-line.ts'
import { Broker } from './broker.ts'
import { optionsFromObject, type PartialOptions } from './config/options.ts'
import { createLogSink, type LogSink } from './monitor/log/log-sink.ts'
import { ACCOUNT_RULES } from './router/account-rules.ts'
import type { LeafReport } from './workers/leaf-report.ts'

export { BrokerError } from './base/errors.ts'
export { OptionsError, type PartialOptions } from './config/options.ts'
export type { LeafLinkReport, LeafRemoteReport, LeafReport } from './workers/leaf-report.ts'

export interface RunningBroker {
  /** Where clients connect; the real port also when the option was -1. */
  readonly port: number
  /** Where leaf nodes connect, 0 when they are not accepted. */
  readonly leafPort: number
  /** Where WebSocket clients and leafs connect, 0 when they are not accepted. */
  readonly websocketPort: number
  /** `nats://127.0.0.1:4222`, for a client on this machine. */
  readonly url: string
  /**
   * State of all leaf links, and of all remotes, those out of reach included; undefined in the rare
   * moment in which the thread that has them is being replaced.
   */
  leafs(): Promise<LeafReport | undefined>
  /**
   * Reads the files of certificates and keys again: handshakes from now on use them, connections
   * stay. Rejects with BrokerError when a file cannot be used; nothing has changed then.
   */
  reloadCertificates(): Promise<void>
  /** Closes all connections and ends all threads. */
  close(): Promise<void>
}

/**
 * Starts a broker with the options of a configuration file, in camelCase (see docs/OPTIONS.md).
 * Logs to `logFile` if it is given, to stderr if `debug` or `trace` is on, otherwise errors only.
 *
 * @throws OptionsError for options that make no sense, BrokerError when a port cannot be bound
 */
export async function startBroker(options: PartialOptions = {}): Promise<RunningBroker> {
  const checked = optionsFromObject(options, ACCOUNT_RULES)
  const isQuiet = checked.logFile === '' && !checked.debug && !checked.trace
  const opening = createLogSink({
    format: checked.logFormat,
    file: checked.logFile === '' ? undefined : checked.logFile,
    sizeLimitBytes: checked.logSizeLimit,
    maxFiles: checked.logMaxNum,
    logtime: checked.logtime,
    logtimeUtc: checked.logtimeUtc,
    debug: checked.debug,
    trace: checked.trace,
    pid: process.pid,
    isTerminal: false,
  })
  const broker = await Broker.start({
    options: checked,
    log: isQuiet ? opening.then(withoutInfo) : opening,
    configPath: '',
    configDigest: '',
    onFatal: (text) => {
      throw new BrokerError('BRK_FATAL', text)
    },
  })
  return {
    port: broker.port,
    leafPort: broker.leafPort,
    websocketPort: broker.websocketPort,
    url: broker.url,
    leafs: () => broker.leafReport(true),
    reloadCertificates: () => broker.reloadCertificates(),
    close: async () => {
      await broker.close()
      const log = await opening
      log.close()
    },
  }
}

const QUIET_LEVELS: ReadonlySet<LogLevel> = new Set(['warn', 'error', 'fatal'])

/** A broker inside another program does not speak unless something is wrong. */
function withoutInfo(sink: LogSink): LogSink {
  return {
    logger: new LineLogger({ debug: false, trace: false }, (level, text) => {
      if (QUIET_LEVELS.has(level)) sink.logger[level](text)
    }),
    lostLineCount: 0,
    accept: (lines) => sink.accept(lines.filter(({ level }) => QUIET_LEVELS.has(level))),
    reopen: () => sink.reopen(),
    reconfigure: (options) => sink.reconfigure(options),
    close: () => sink.close(),
  }
}
