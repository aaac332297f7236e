import { durationNs, formatDuration } from '../../base/duration.ts'

/** Values as Go's `%v` prints them, for the texts in which nats-server shows options. */

/** Between these exponents Go writes numbers without one. */
const EXPONENT_MIN = -4
const EXPONENT_MAX = 5

/** What stands for every secret. */
export const REDACTED = '[REDACTED]'

/**
 * Stands for a structure of which nats-server shows nothing but where in its memory it is: that
 * would tell nobody anything.
 */
export const STRUCTURE = '{...}'

function goFloat(value: number): string {
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= EXPONENT_MIN && power <= EXPONENT_MAX) return String(value)
  const sign = power < 0 ? '-' : '+'
  return `${mantissa}e${sign}${String(Math.abs(power)).padStart(2, '0')}`
}

/** A time that nats-server keeps in seconds. */
export function goSeconds(ms: number): string {
  return goFloat(Number(durationNs(ms)) / 1e9)
}

export function goDuration(ms: number): string {
  return formatDuration(durationNs(ms))
}

export function goList(values: readonly unknown[]): string {
  return `[${values.join(' ')}]`
}

/** Sorted by key, as Go prints maps. */
export function goMap(entries: Readonly<Record<string, unknown>>): string {
  const keys = Object.keys(entries).sort()
  return `map[${keys.map((key) => `${key}:${entries[key]}`).join(' ')}]`
}

/** A set of texts, which in Go is a map of nothing. */
export function goSet(values: readonly string[]): string {
  return `map[${[...values]
    .sort()
    .map((value) => `${value}:{}`)
    .join(' ')}]`
}

/** A structure, its fields in the order in which Go declares them. */
export function goStruct(fields: readonly unknown[]): string {
  return `{${fields.join(' ')}}`
}

/** Shown like the text it stands for: nothing, or that there is something. */
export function secret(value: string): string {
  return value === '' ? '' : REDACTED
}
