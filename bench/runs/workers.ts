import type { Measurement } from '../measurement.ts'
import { MonitorClient } from '../monitor-client.ts'
import type { WorkersScenario } from '../scenarios/types.ts'
import { siteOfServer } from '../site.ts'
import type { RunContext } from './context.ts'
import { startWithWorkers } from './start-with-workers.ts'
import { runThroughput } from './throughput.ts'

/**
 * The load on a server with so many protocol workers. Sable's own figures say how many messages
 * went from thread to thread.
 */
export async function runWorkers(
  scenario: WorkersScenario,
  command: readonly string[],
  context: RunContext,
): Promise<Measurement> {
  const workers = scenario.workers[context.size]
  const server = await startWithWorkers([...command, '-m', '-1'], workers)
  const client = server.monitorUrl === undefined ? undefined : new MonitorClient(server.monitorUrl)
  try {
    const load = { ...scenario, kind: 'throughput' } as const
    const measured = await runThroughput(load, siteOfServer(server), context)
    const lanes = client === undefined ? {} : await lanesOf(client)
    return { ...measured, metrics: { ...measured.metrics, ...lanes } }
  } finally {
    client?.close()
    await server.stop()
  }
}

/** Of /metrics since the server started; empty for one that has none of these. */
async function lanesOf(client: MonitorClient): Promise<Measurement['metrics']> {
  const { status, body } = await client.ask('/metrics')
  if (status !== 200) return {}
  const overLanes = sumOf(body, 'sable_delivery_latency_seconds_count', 'path="lane"')
  const local = sumOf(body, 'sable_delivery_latency_seconds_count', 'path="local"')
  const all = overLanes + local
  return {
    ...(all > 0 ? { laneShare: overLanes / all } : {}),
    laneFull: sumOf(body, 'sable_lane_full_total'),
  }
}

/** Of all samples of a metric that have the label. */
export function sumOf(text: string, name: string, label = ''): number {
  return text
    .split('\n')
    .filter((line) => new RegExp(`^${name}[{ ]`).test(line) && line.includes(label))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
