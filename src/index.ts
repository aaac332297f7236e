/** Sable as a library: a broker inside your own process. */

import { BrokerError } from './base/errors.ts'
import { Broker } from './broker.ts'
import { optionsFromObject, type PartialOptions } from './config/options.ts'
import { createLogSink } from './monitor/log/log-sink.ts'

export { BrokerError } from './base/errors.ts'
export { OptionsError, type PartialOptions } from './config/options.ts'

export interface RunningBroker {
  /** Where clients connect; the real port also when the option was -1. */
  readonly port: number
  /** Where leaf nodes connect, 0 when they are not accepted. */
  readonly leafPort: number
  /** `nats://127.0.0.1:4222`, for a client on this machine. */
  readonly url: string
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
  const checked = optionsFromObject(options)
  const log = await createLogSink({
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
    log,
    configPath: '',
    configDigest: '',
    onFatal: (text) => {
      throw new BrokerError('BRK_FATAL', text)
    },
  })
  return {
    port: broker.port,
    leafPort: broker.leafPort,
    url: broker.url,
    close: async () => {
      await broker.close()
      log.close()
    },
  }
}
