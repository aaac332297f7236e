import { setTimeout as delay } from 'node:timers/promises'
import { Crowd } from '../crowd.ts'
import type { Measurement } from '../measurement.ts'
import { type MonitorClient, startMonitored } from '../monitor-client.ts'
import type { ConnzScenario, MonitoredScenario } from '../scenarios/types.ts'
import type { StartedServer } from '../server-process.ts'
import type { RunContext } from './context.ts'

interface MonitoredCrowd {
  readonly server: StartedServer
  /** Of its monitoring port. */
  readonly client: MonitorClient
  /** Connections that do nothing. */
  readonly count: number
}

/**
 * Measures a server with a monitoring port and many idle connections, all of which must still be
 * answered in the end.
 */
export async function withMonitoredCrowd(
  scenario: Pick<ConnzScenario | MonitoredScenario, 'connections' | 'settleMs'>,
  command: readonly string[],
  context: RunContext,
  measure: (monitored: MonitoredCrowd) => Promise<Measurement>,
): Promise<Measurement> {
  const count = context.connections ?? scenario.connections[context.size]
  const { server, client } = await startMonitored(command)
  let crowd: Crowd | undefined
  try {
    crowd = await Crowd.open(count, () => server.endpoint)
    await delay(scenario.settleMs[context.size])
    const measurement = await Promise.race([measure({ server, client, count }), crowd.failure])
    await Promise.race([crowd.prove(), crowd.failure])
    return measurement
  } finally {
    crowd?.close()
    client.close()
    await server.stop()
  }
}
