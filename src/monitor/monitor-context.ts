import type { Logger } from '../base/log-line.ts'
import type { MonitorSource } from './monitor-source.ts'

/** What endpoints work with. */
export interface MonitorContext {
  readonly source: MonitorSource
  /** Requests to each endpoint, by its path without the base path. */
  readonly httpRequests: Map<string, number>
  warn(text: string): void
}

export function createMonitorContext(source: MonitorSource, log: Logger): MonitorContext {
  return { source, httpRequests: new Map(), warn: (text) => log.warn(text) }
}
