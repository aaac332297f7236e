import { ConfigError } from './config-error.ts'
import { showBytes } from './config-items.ts'

const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)
/** Digits past this many are out of range whatever they are. */
const INT64_DIGITS_MAX = 19

/** `k` is a thousand, `kb`, `ki` and `kib` are 1024; likewise for the other letters. */
const SUFFIX_LETTERS = 'kmgtpe'
const NUMBER = /^(-?\d+)([kmgtpe](?:b|ib?)?)?$/i

/**
 * Digits with an optional size suffix. Sizes wrap like Go's 64-bit integers, silently.
 *
 * A suffix such as `5mbb` is refused. nats-server drops such a value together with its key, and so
 * would run without the limit somebody asked for.
 */
export function parseInteger(bytes: string): bigint {
  const [, digits, suffix] = NUMBER.exec(bytes) ?? []
  if (digits === undefined) {
    throw new ConfigError(`expected integer, but got '${showBytes(bytes)}'`)
  }
  const significant = digits.replace(/^-?0*/, '').length
  const value = significant > INT64_DIGITS_MAX ? INT64_MAX + 1n : BigInt(digits)
  if (value > INT64_MAX || value < INT64_MIN) {
    throw new ConfigError(`integer '${bytes}' is out of the range`)
  }
  if (suffix === undefined) return value
  const power = BigInt(SUFFIX_LETTERS.indexOf(suffix[0]!.toLowerCase()) + 1)
  return BigInt.asIntN(64, value * (suffix.length === 1 ? 1000n : 1024n) ** power)
}

export function parseFloat64(bytes: string): number {
  if (!/^-?\d+\.\d+$/.test(bytes)) {
    throw new ConfigError(`expected float, but got '${showBytes(bytes)}'`)
  }
  const value = Number(bytes)
  if (!Number.isFinite(value)) throw new ConfigError(`float '${bytes}' is out of the range`)
  return value
}

/** `YYYY-MM-DDTHH:MM:SSZ`, and the day must exist. */
export function parseDate(bytes: string): Date {
  const date = new Date(bytes)
  const isReal = !Number.isNaN(date.getTime()) && `${date.toISOString().slice(0, -5)}Z` === bytes
  if (!isReal) {
    throw new ConfigError(`expected Zulu formatted DateTime, but got '${showBytes(bytes)}'`)
  }
  return date
}
