import type { Measurement } from '../measurement.ts'
import { CONNZ_LIMIT, type MonitorClient, timeConnz } from '../monitor-client.ts'
import type { ConnzScenario } from '../scenarios/types.ts'
import { median } from '../statistics.ts'
import type { RunContext } from './context.ts'
import { withMonitoredCrowd } from './monitored-crowd.ts'

/** The first page of many connections, asked for one time after the other while they do nothing. */
export function runConnz(
  scenario: ConnzScenario,
  command: readonly string[],
  context: RunContext,
): Promise<Measurement> {
  const pages = scenario.pages[context.size]
  return withMonitoredCrowd(scenario, command, context, ({ client, count }) =>
    measure(client, pages, count),
  )
}

async function measure(client: MonitorClient, pages: number, count: number): Promise<Measurement> {
  const time = async (query: string): Promise<{ p50: number | undefined; max: number }> => {
    const timesMs: number[] = []
    for (let page = 0; page < pages; page++) {
      timesMs.push(await timeConnz(client, CONNZ_LIMIT, count, query))
    }
    return { p50: median(timesMs), max: Math.max(...timesMs) }
  }
  const byCid = await time('&sort=cid')
  const byBytes = await time('&sort=bytes_to')
  const withSubscriptions = await time('&subs=1')
  return {
    metrics: {
      connzP50Ms: byCid.p50,
      connzMaxMs: byCid.max,
      connzBytesP50Ms: byBytes.p50,
      connzBytesMaxMs: byBytes.max,
      connzSubsP50Ms: withSubscriptions.p50,
      connzSubsMaxMs: withSubscriptions.max,
    },
  }
}
