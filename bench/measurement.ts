import type { LatencyPhase } from './drivers/tasks.ts'
import type { Better } from './statistics.ts'

/** What is measured: key, words, direction. Reports and JSON go by this one list, in this order. */
export const METRICS = {
  publishedPerSecond: { label: 'published msg/s', better: 'higher', digits: 0 },
  deliveredPerSecond: { label: 'delivered msg/s', better: 'higher', digits: 0 },
  cpuNsPerMessage: { label: 'server CPU ns/published', better: 'lower', digits: 0 },
  ofPlainRate: { label: 'rate, of that without users', better: 'higher', digits: 2 },
  ofUnscrapedRate: { label: 'rate, of that not scraped', better: 'higher', digits: 3 },
  scrapedCpuNsPerMessage: { label: 'CPU ns/published, scraped', better: 'lower', digits: 0 },
  pipelinedPerSecond: { label: 'requests/s, many under way', better: 'higher', digits: 0 },
  answersPerSecond: { label: 'answers/s', better: 'higher', digits: 0 },
  cpuNsPerAnswer: { label: 'server CPU ns/answer', better: 'lower', digits: 0 },
  requestsPerSecond: { label: 'closed loop requests/s', better: 'higher', digits: 0 },
  offeredPerSecond: { label: 'offered requests/s', better: 'higher', digits: 0 },
  loadP50Us: { label: 'open loop p50 us', better: 'lower', digits: 1 },
  loadP99Us: { label: 'open loop p99 us', better: 'lower', digits: 1 },
  loadP999Us: { label: 'open loop p99.9 us', better: 'lower', digits: 1 },
  generatorLateUs: { label: 'generator late p99 us', better: 'lower', digits: 1 },
  closedP50Us: { label: 'closed loop p50 us', better: 'lower', digits: 1 },
  closedP99Us: { label: 'closed loop p99 us', better: 'lower', digits: 1 },
  cpuNsPerRequest: { label: 'server CPU ns/request', better: 'lower', digits: 0 },
  pacedP50Us: { label: 'paced p50 us', better: 'lower', digits: 1 },
  pacedP99Us: { label: 'paced p99 us', better: 'lower', digits: 1 },
  quietP99Us: { label: 'p99 us, no logins', better: 'lower', digits: 1 },
  loginsP99Us: { label: 'p99 us, logins under way', better: 'lower', digits: 1 },
  loginsGrowthMs: { label: 'p99 growth ms', better: 'lower', digits: 2 },
  connectionsPerSecond: { label: 'connections/s', better: 'higher', digits: 0 },
  subscriptionsPerSecond: { label: 'subscriptions/s', better: 'higher', digits: 0 },
  cpuNsPerSubscription: { label: 'server CPU ns/subscription', better: 'lower', digits: 0 },
  subscriptionBytes: { label: 'bytes/subscription', better: 'lower', digits: 0 },
  stormQuietP99Us: { label: 'p99 us, no storm', better: 'lower', digits: 1 },
  stormP99Us: { label: 'p99 us, storm under way', better: 'lower', digits: 1 },
  besideSlowPerSecond: { label: 'published msg/s, one slow', better: 'higher', digits: 0 },
  ofRateWithoutSlow: { label: 'rate, of that without', better: 'higher', digits: 3 },
  laneShare: { label: 'share over lanes', better: 'lower', digits: 2 },
  laneFull: { label: 'waits for a full lane', better: 'lower', digits: 0 },
  residentFirstMib: { label: 'resident MiB, first', better: 'lower', digits: 1 },
  residentLastMib: { label: 'resident MiB, last', better: 'lower', digits: 1 },
  residentMaxMib: { label: 'resident MiB, most', better: 'lower', digits: 1 },
  growthMibPerHour: { label: 'growth MiB/h', better: 'lower', digits: 1 },
  loginsPerSecond: { label: 'logins/s', better: 'higher', digits: 1 },
  idleBytes: { label: 'resident bytes/connection', better: 'lower', digits: 0 },
  connzP50Ms: { label: '/connz?limit=1024 p50 ms', better: 'lower', digits: 1 },
  connzMaxMs: { label: '/connz?limit=1024 max ms', better: 'lower', digits: 1 },
  connzBytesP50Ms: { label: 'connz sort=bytes_to p50 ms', better: 'lower', digits: 1 },
  connzBytesMaxMs: { label: 'connz sort=bytes_to max ms', better: 'lower', digits: 1 },
  connzSubsP50Ms: { label: 'connz subs=1 p50 ms', better: 'lower', digits: 1 },
  connzSubsMaxMs: { label: 'connz subs=1 max ms', better: 'lower', digits: 1 },
  reloadMs: { label: 'reload ms', better: 'lower', digits: 1 },
  reloadWorstMs: { label: 'longest PING ms, reloads', better: 'lower', digits: 1 },
  reloadTypicalMs: { label: 'median of longest by reload', better: 'lower', digits: 1 },
  quietWorstMs: { label: 'longest PING ms, no reload', better: 'lower', digits: 1 },
  quietTypicalMs: { label: 'median of longest by interval', better: 'lower', digits: 1 },
  generatorPauseMs: { label: 'generator pause ms, reloads', better: 'lower', digits: 1 },
  residentMib: { label: 'resident MiB, idle', better: 'lower', digits: 1 },
  startupMs: { label: 'start to INFO ms', better: 'lower', digits: 1 },
  interestMs: { label: 'link up to all interest ms', better: 'lower', digits: 0 },
  interestBytes: { label: 'hub resident bytes/interest', better: 'lower', digits: 0 },
  fleetIdlePercent: { label: 'idle hub, % of a core', better: 'lower', digits: 2 },
  fleetVisibleMs: { label: 'LS+ to all leafs ms', better: 'lower', digits: 1 },
} as const satisfies Record<string, { label: string; better: Better; digits: number }>

export type MetricKey = keyof typeof METRICS

/** One round of one scenario against one server. */
export interface Measurement {
  /** Undefined: does not apply, or is not available on this platform. */
  readonly metrics: Readonly<Partial<Record<MetricKey, number | undefined>>>
  /**
   * Hash of what arrived, in hexadecimal; the same for every correct server at a fixed count of
   * messages.
   */
  readonly hash?: string | undefined
  /** Messages published in the measured part. */
  readonly messages?: number
  /**
   * Share of the time that the busiest driver thread was running; near 1 the generator was the
   * limit.
   */
  readonly generatorBusy?: number
  /** All percentiles, of which the metrics show two. */
  readonly latency?: { readonly closed?: LatencyPhase; readonly paced?: LatencyPhase }
}

/**
 * From this share on a rate says more of the generator (or of a machine too small for both) than of
 * the server.
 */
export const GENERATOR_BUSY_LIMIT = 0.9
