import type { SublistReport } from '../reports.ts'
import type { JsonObject } from './json-value.ts'

/** nats-server's SublistStats. */
export function sublistJson(report: SublistReport): JsonObject {
  return {
    num_subscriptions: report.subscriptions,
    num_cache: report.cached,
    num_inserts: report.inserts,
    num_removes: report.removes,
    num_matches: report.matches,
    cache_hit_rate: report.matches === 0 ? 0 : report.cacheHits / report.matches,
    max_fanout: report.fanoutMax,
    avg_fanout: report.fanoutAverage,
  }
}
