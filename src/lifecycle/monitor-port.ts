import { BrokerError } from '../base/errors.ts'
import { monitoringFault } from '../config/monitoring-checks.ts'
import type { Options } from '../config/option-types.ts'
import { HttpMonitor, type MonitorTls } from '../monitor/http/http-monitor.ts'
import { listenFailureText } from './listener-lines.ts'

/**
 * Binds the monitoring port, if there is to be one.
 *
 * @throws BrokerError with nats-server's text
 */
export async function bindMonitorPort(options: Options): Promise<HttpMonitor | undefined> {
  const { httpHost: host, httpPort, httpsPort, httpBasePath: basePath } = options
  const fault = monitoringFault(options)
  if (fault !== undefined) {
    throw new BrokerError('BRK_LISTEN', `Can't start monitoring: ${fault}`)
  }
  if (httpPort === 0 && httpsPort === 0) return undefined
  const port = Math.max(0, httpPort || httpsPort)
  const tls = await monitorTls(options)
  try {
    return await HttpMonitor.listen({ host, port, basePath, tls })
  } catch (error) {
    const text = listenFailureText('monitor', host, port, error)
    throw new BrokerError('BRK_LISTEN', text, { context: { host, port }, cause: error })
  }
}

/**
 * The certificates of clients, read now; browsers and tools need none. Undefined: plain HTTP.
 *
 * @throws BrokerError when a file cannot be used
 */
export async function monitorTls({ httpsPort, tls }: Options): Promise<MonitorTls | undefined> {
  if (httpsPort === 0 || tls === undefined) return undefined
  const { SecureContexts } = await import('../io/tls/secure-contexts.ts')
  const contexts = new SecureContexts(tls, false)
  return { context: contexts.serverOptions, forName: (name) => contexts.forName(name) }
}
