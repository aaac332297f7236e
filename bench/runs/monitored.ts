import { setTimeout as delay } from 'node:timers/promises'
import type { Measurement } from '../measurement.ts'
import { CONNZ_LIMIT, type MonitorClient, timeConnz } from '../monitor-client.ts'
import type { Amount, MonitoredScenario } from '../scenarios/types.ts'
import type { StartedServer } from '../server-process.ts'
import { siteOfServer } from '../site.ts'
import { median } from '../statistics.ts'
import { amountsOf, type RunContext } from './context.ts'
import { withMonitoredCrowd } from './monitored-crowd.ts'
import { type PhaseFigures, ThroughputLoad } from './throughput.ts'

const SCRAPE_INTERVAL_MS = 1_000

/**
 * Phases without and with scrapes in turn, on one server, so that a ratio of two is of one server
 * and of what the machine did at about one time.
 */
export function runMonitored(
  scenario: MonitoredScenario,
  command: readonly string[],
  context: RunContext,
): Promise<Measurement> {
  return withMonitoredCrowd(scenario, command, context, async ({ server, client, count }) => {
    return runPairs(scenario, server, await Scraper.open(client, count), context)
  })
}

async function runPairs(
  scenario: MonitoredScenario,
  server: StartedServer,
  scraper: Scraper,
  context: RunContext,
): Promise<Measurement> {
  const { warmup, measured } = amountsOf(context, scenario.amounts)
  const { payloadBytes } = scenario
  const shape = { publishers: 1, subscribers: { smoke: 1, full: 1 }, payloadBytes }
  const site = siteOfServer(server)
  const load = await ThroughputLoad.open(shape, site, context, [warmup, measured])
  try {
    await load.run(warmup)
    const quiet: PhaseFigures[] = []
    const scraped: PhaseFigures[] = []
    const runScraped = async (amount: Amount): Promise<void> => {
      scraped.push(await scraper.during(() => load.run(amount)))
    }
    for (let pair = 0; pair < scenario.pairs[context.size]; pair++) {
      // The order changes from pair to pair: neither kind is always the later one.
      if (pair % 2 === 1) await runScraped(measured)
      quiet.push(await load.run(measured))
      if (pair % 2 === 0) await runScraped(measured)
    }
    const hash = await load.hash()
    const rates = quiet.map(({ publishedPerSecond }) => publishedPerSecond)
    return {
      metrics: {
        publishedPerSecond: median(rates),
        cpuNsPerMessage: median(quiet.map(cpuNsPerMessage)),
        ofUnscrapedRate: median(
          scraped.map(({ publishedPerSecond }, pair) => publishedPerSecond / rates[pair]!),
        ),
        scrapedCpuNsPerMessage: median(scraped.map(cpuNsPerMessage)),
        connzP50Ms: median(scraper.connzMs),
        connzMaxMs: Math.max(...scraper.connzMs),
      },
      hash,
      messages: [...quiet, ...scraped].reduce((sum, { published }) => sum + published, 0),
      generatorBusy: Math.max(...quiet.map(({ generatorBusy }) => generatorBusy)),
    }
  } finally {
    await load.end()
  }
}

function cpuNsPerMessage({ cpuNs, published }: PhaseFigures): number | undefined {
  return cpuNs === undefined ? undefined : cpuNs / published
}

/** Asks for what dashboards and exporters ask for, once a second. */
class Scraper {
  readonly connzMs: number[] = []
  readonly #client: MonitorClient
  readonly #connections: number
  readonly #hasMetrics: boolean

  private constructor(client: MonitorClient, connections: number, hasMetrics: boolean) {
    this.#client = client
    this.#connections = connections
    this.#hasMetrics = hasMetrics
  }

  static async open(client: MonitorClient, connections: number): Promise<Scraper> {
    const { status } = await client.ask('/metrics')
    return new Scraper(client, connections, status === 200)
  }

  /** Scrapes as long as that takes: at its start, then each second. */
  async during<T>(run: () => Promise<T>): Promise<T> {
    const over = new AbortController()
    const ran = run().finally(() => over.abort())
    const [result] = await Promise.all([ran, this.#scrapeUntil(over.signal)])
    return result
  }

  async #scrapeUntil(over: AbortSignal): Promise<void> {
    let dueMs = performance.now()
    do {
      await this.#client.get('/varz')
      this.connzMs.push(await timeConnz(this.#client, CONNZ_LIMIT, this.#connections))
      if (this.#hasMetrics) await this.#client.get('/metrics')
      dueMs += SCRAPE_INTERVAL_MS
      const waitMs = Math.max(0, dueMs - performance.now())
      await delay(waitMs, undefined, { signal: over }).catch(() => {}) // over: nothing to wait for
    } while (!over.aborted)
  }
}
