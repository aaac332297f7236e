import type { Json } from './peer-client.ts'

/** Members whose values differ from server to server, and from run to run. */
const VARYING = new Set([
  'id',
  'server_id',
  'timestamp',
  'time',
  'now',
  'start',
  'stop',
  'seq',
  'ver',
  'rtt',
  'mem',
  'cpu',
  'gomaxprocs',
])

/** The same JSON with such values masked by their types; the order of members stays. */
export function masked(value: Json, name = ''): Json {
  if (Array.isArray(value)) return value.map((item) => masked(item))
  if (VARYING.has(name) && (typeof value !== 'object' || value === null)) return typeof value
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, masked(inner, key)]))
}

/** As text, so that the order of members counts. */
export function maskedText(value: Json): string {
  return JSON.stringify(masked(value), null, 1)
}
