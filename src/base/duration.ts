/**
 * Durations as Go programs write them: `1h30m`, `250ms`, `1.5s`.
 *
 * nats-server reads and prints durations with Go's time package. Users see both the accepted forms
 * and the texts of refusals, so they are kept here. Go counts whole nanoseconds in a signed 64-bit
 * integer; hence bigint.
 */

const NS_PER_US = 1_000n
const NS_PER_MS = 1_000_000n
const NS_PER_SECOND = 1_000_000_000n
const NS_PER_MINUTE = 60n * NS_PER_SECOND
const NS_PER_HOUR = 60n * NS_PER_MINUTE

const DURATION_NS_MAX = 2n ** 63n - 1n
const DURATION_NS_MIN = -(2n ** 63n)
/** 2^63 has this many digits; a longer number is out of range before its unit is known. */
const WHOLE_DIGITS_MAX = 19

const NS_PER_UNIT: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', NS_PER_US],
  ['µs', NS_PER_US], // U+00B5 micro sign
  ['μs', NS_PER_US], // U+03BC Greek letter mu
  ['ms', NS_PER_MS],
  ['s', NS_PER_SECOND],
  ['m', NS_PER_MINUTE],
  ['h', NS_PER_HOUR],
])

export type DurationResult = { readonly ns: bigint } | { readonly error: string }

/** Sticky: one number with its unit, `1.5h`. Either side of the point may be empty, not both. */
const PART = /(\d*)(\.\d*)?([^.\d]*)/y

/** Parses a Go duration. The refusal is the text Go's time.ParseDuration would give. */
export function parseDuration(text: string): DurationResult {
  const invalid = { error: `time: invalid duration ${quote(text)}` }
  const isNegative = text.startsWith('-')
  let at = isNegative || text.startsWith('+') ? 1 : 0
  if (text.slice(at) === '0') return { ns: 0n }
  if (at === text.length) return invalid

  let sum = 0n
  while (at < text.length) {
    PART.lastIndex = at
    const [part = '', whole = '', fraction = '', unit = ''] = PART.exec(text) ?? []
    if (whole === '' && fraction.length < 2) return invalid
    const wholeDigits = whole.replace(/^0+/, '')
    if (wholeDigits.length > WHOLE_DIGITS_MAX) return invalid
    if (unit === '') return { error: `time: missing unit in duration ${quote(text)}` }
    const nsPerUnit = NS_PER_UNIT.get(unit)
    if (nsPerUnit === undefined) {
      return { error: `time: unknown unit ${quote(unit)} in duration ${quote(text)}` }
    }
    sum += BigInt(wholeDigits === '' ? 0 : wholeDigits) * nsPerUnit
    sum += fractionNs(fraction.slice(1), nsPerUnit)
    if (sum > DURATION_NS_MAX + 1n) return invalid
    at += part.length
  }
  const ns = isNegative ? -sum : sum
  return ns > DURATION_NS_MAX ? invalid : { ns }
}

/** Digits past the eighteenth cannot change a nanosecond; Go drops them as well. */
function fractionNs(digits: string, nsPerUnit: bigint): bigint {
  const kept = digits.slice(0, 18)
  return kept === '' ? 0n : (BigInt(kept) * nsPerUnit) / 10n ** BigInt(kept.length)
}

/** Go's time package has a quoting of its own: bytes outside printable ASCII become `\xHH`. */
function quote(text: string): string {
  let out = '"'
  for (const byte of Buffer.from(text)) {
    if (byte < 0x20 || byte >= 0x80) out += `\\x${byte.toString(16).padStart(2, '0')}`
    else if (byte === 0x22 || byte === 0x5c) out += `\\${String.fromCharCode(byte)}`
    else out += String.fromCharCode(byte)
  }
  return `${out}"`
}

/**
 * Prints nanoseconds the way Go does: `1h0m0s`, `2m0s`, `1.5s`, `250ms`, `15µs`, `0s`.
 * A number is taken as whole nanoseconds, its fraction is dropped.
 */
export function formatDuration(ns: bigint | number): string {
  const value = BigInt.asIntN(64, typeof ns === 'bigint' ? ns : BigInt(Math.trunc(ns)))
  if (value === 0n) return '0s'
  const sign = value < 0n ? '-' : ''
  const left = value < 0n ? -value : value
  if (left < NS_PER_US) return `${sign}${left}ns`
  if (left < NS_PER_MS) return `${sign}${decimal(left, NS_PER_US, 3)}µs`
  if (left < NS_PER_SECOND) return `${sign}${decimal(left, NS_PER_MS, 6)}ms`
  const hours = left / NS_PER_HOUR
  const minutes = (left % NS_PER_HOUR) / NS_PER_MINUTE
  const seconds = `${decimal(left % NS_PER_MINUTE, NS_PER_SECOND, 9)}s`
  if (hours > 0n) return `${sign}${hours}h${minutes}m${seconds}`
  return minutes > 0n ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`
}

function decimal(value: bigint, unit: bigint, fractionDigits: number): string {
  const fraction = (value % unit).toString().padStart(fractionDigits, '0').replace(/0+$/, '')
  return fraction === '' ? `${value / unit}` : `${value / unit}.${fraction}`
}

/** Milliseconds for timers; below a millisecond the result has a fraction. */
export function durationMs(ns: bigint): number {
  return Number(ns) / 1e6
}

/** The way back, for texts about options that are kept in milliseconds. */
export function durationNs(ms: number): bigint {
  const ns = BigInt(Math.round(ms * 1e6))
  return ns > DURATION_NS_MAX ? DURATION_NS_MAX : ns < DURATION_NS_MIN ? DURATION_NS_MIN : ns
}
