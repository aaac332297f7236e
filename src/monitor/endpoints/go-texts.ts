import { formatDuration } from '../../base/duration.ts'

const MS_PER_S = 1000
const NS_PER_US = 1000
const NS_PER_MS = 1e6

/** nats-server's myUptime: `1y2d3h4m5s`, without what is 0 in front. */
export function uptimeText(durationMs: number): string {
  const seconds = Math.trunc(durationMs / MS_PER_S)
  const minutes = Math.trunc(seconds / 60)
  const hours = Math.trunc(minutes / 60)
  const days = Math.trunc(hours / 24)
  const years = Math.trunc(days / 365)
  const rest = `${seconds % 60}s`
  if (years > 0) return `${years}y${days % 365}d${hours % 24}h${minutes % 60}m${rest}`
  if (days > 0) return `${days}d${hours % 24}h${minutes % 60}m${rest}`
  if (hours > 0) return `${hours}h${minutes % 60}m${rest}`
  return minutes > 0 ? `${minutes}m${rest}` : rest
}

/** Go's duration; nanoseconds count only below a microsecond and above a millisecond. */
export function rttText(rttNs: number): string {
  const ns = Math.max(0, Math.round(rttNs))
  if (ns === 0) return '0s'
  if (ns > NS_PER_US && ns < NS_PER_MS) return `${Math.trunc(ns / NS_PER_US)}µs`
  return formatDuration(ns)
}
