/** Sable as a library: a broker inside your own process. */

import { BrokerError } from './base/errors.ts'
import { Broker } from './broker.ts'
import { optionsFromObject, type PartialOptions } from './config/options.ts'
import { EmbeddedLog } from './lifecycle/embedded-log.ts'
import { logSinkOptions } from './lifecycle/log-options.ts'
import type { LeafReport } from './monitor/leaf-report.ts'
import { createLogSink } from './monitor/log/log-sink.ts'
import { ACCOUNT_RULES } from './router/account-rules.ts'
import type { ReloadReport } from './workers/reload/reload-types.ts'

export { BrokerError } from './base/errors.ts'
export { OptionsError, type PartialOptions } from './config/options.ts'
export type { LeafLinkReport, LeafRemoteReport, LeafReport } from './monitor/leaf-report.ts'
export type { ReloadReport } from './workers/reload/reload-types.ts'

export interface RunningBroker {
  /** Where clients connect; the real port also when the option was -1. */
  readonly port: number
  /** Where leaf nodes connect, 0 when they are not accepted. */
  readonly leafPort: number
  /** Where WebSocket clients and leafs connect, 0 when they are not accepted. */
  readonly websocketPort: number
  /** Where monitors ask by HTTP or HTTPS, 0 when they cannot. */
  readonly monitorPort: number
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
  /**
   * Puts other options in force: all of them, as for startBroker, what is left out has its default;
   * -1 keeps the port. Clients that may still be here stay. Without options, those of last time:
   * then files of certificates, and account JWTs in a directory, are read again.
   *
   * Rejects with OptionsError for options that make no sense, with BrokerError when something
   * differs that cannot be reloaded (see docs/OPTIONS.md); nothing has changed then.
   */
  reload(options?: PartialOptions): Promise<ReloadReport>
  /** Closes all connections and ends all threads. */
  close(): Promise<void>
}

/**
 * Starts a broker with the options of a configuration file, in camelCase (see docs/OPTIONS.md).
 * Logs to `logFile` or syslog if it is given, to stderr if `debug` or `trace` is on, otherwise
 * errors only.
 *
 * @throws OptionsError for options that make no sense, BrokerError when a port cannot be bound
 */
export async function startBroker(options: PartialOptions = {}): Promise<RunningBroker> {
  const checked = optionsFromObject(options, ACCOUNT_RULES)
  const logOptions = { ...logSinkOptions(checked), isTerminal: false }
  const opening = createLogSink(logOptions).then((sink) => new EmbeddedLog(sink, logOptions))
  const broker = await Broker.start({
    options: checked,
    log: opening,
    configPath: '',
    configDigest: '',
    onFatal: (text) => {
      throw new BrokerError('BRK_FATAL', text)
    },
  })
  let current = options
  return {
    port: broker.port,
    leafPort: broker.leafPort,
    websocketPort: broker.websocketPort,
    monitorPort: broker.monitorPort,
    url: broker.url,
    leafs: () => broker.leafReport(true),
    reloadCertificates: () => broker.reloadCertificates(),
    reload: async (given = current) => {
      const read = { options: optionsFromObject(given, ACCOUNT_RULES), digest: '', warnings: [] }
      const report = await broker.reload(() => read)
      current = given
      return report
    },
    close: async () => {
      await broker.close()
      const log = await opening
      await log.drain()
      log.close()
    },
  }
}
