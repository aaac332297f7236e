import type { Metric } from 'prom-client'
import type { Endpoint } from '../endpoints/endpoint.ts'
import { HEALTHZ } from '../endpoints/healthz.ts'
import type { JsonObject } from '../endpoints/json-value.ts'
import { ROUTEZ } from '../endpoints/routez.ts'
import { SUBSZ } from '../endpoints/subsz.ts'
import { VARZ } from '../endpoints/varz.ts'
import type { MonitorContext } from '../monitor-context.ts'
import type { SlowEvents } from '../slow/slow-events.ts'
import { exporterMetrics } from './exporter-metrics.ts'
import type { MetricFamily } from './family.ts'
import type { BrokerMeasurements } from './measurements.ts'
import { sableMetrics } from './sable-metrics.ts'

export interface MetricsSource {
  readonly context: MonitorContext
  readonly slowEvents: SlowEvents
  measure(): Promise<BrokerMeasurements>
}

export interface MetricsText {
  /** Of Prometheus' text format. */
  readonly contentType: string
  readonly body: string
}

/** What /metrics answers. */
export async function metricsPage(source: MetricsSource): Promise<MetricsText> {
  return writeMetrics(await collectMetrics(source))
}

async function collectMetrics(source: MetricsSource): Promise<MetricFamily[]> {
  const { context, slowEvents } = source
  const server = context.source.server()
  const ask = async ({ forSystem }: Endpoint) =>
    (await forSystem({ options: {}, account: '' }, context)) as JsonObject
  const [measurements, threads, leafs, accounts, varz, subsz, routez, healthz] = await Promise.all([
    source.measure(),
    context.source.threads(),
    context.source.leafs(false),
    context.source.accountStats(),
    ask(VARZ),
    ask(SUBSZ),
    ask(ROUTEZ),
    ask(HEALTHZ),
  ])
  const { connections } = measurements.merged
  return [
    ...exporterMetrics({
      server,
      varz,
      subsz,
      routez,
      healthz,
      connections,
      leafs: leafs.links,
      accounts,
    }),
    ...sableMetrics({
      measurements,
      threads,
      slowEvents,
      usage: context.source.usage(),
      startMs: server.startMs,
    }),
  ]
}

/** prom-client is loaded by the first who scrapes: most servers are never scraped. */
async function writeMetrics(families: readonly MetricFamily[]): Promise<MetricsText> {
  const { Registry } = await import('prom-client')
  const registry = new Registry()
  // It asks nothing but a name and `get` of what it writes; its own classes count up, while what we
  // have are counts.
  for (const family of families) registry.registerMetric(metricOf(family) as unknown as Metric)
  return { contentType: registry.contentType, body: await registry.metrics() }
}

function metricOf({ name, help, type, samples }: MetricFamily) {
  const values = samples.map(({ suffix = '', labels, value }) => ({
    metricName: name + suffix,
    labels,
    value,
  }))
  return { name, get: () => ({ name, help, type, values }) }
}
