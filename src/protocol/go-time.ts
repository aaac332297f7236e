const NS_PER_S = 1_000_000_000n
const MS_PER_S = 1000n
const NS_PER_US = 1000n
const US_PER_MS = 1000

/** Time in UTC as Go's encoding/json writes it: RFC 3339, nanoseconds without trailing zeros. */
export function goTime(unixNs: bigint): string {
  const rest = ((unixNs % NS_PER_S) + NS_PER_S) % NS_PER_S
  const seconds = (unixNs - rest) / NS_PER_S
  const day = new Date(Number(seconds * MS_PER_S)).toISOString().slice(0, 19)
  if (rest === 0n) return `${day}Z`
  return `${day}.${String(rest).padStart(9, '0').replace(/0+$/, '')}Z`
}

/** Go's zero time: "never". */
const GO_ZERO_TIME = '0001-01-01T00:00:00Z'

/** The same of Unix milliseconds, to the microsecond; 0 = never. */
export function goTimeOfMs(unixMs: number): string {
  if (unixMs === 0) return GO_ZERO_TIME
  if (!Number.isInteger(unixMs)) {
    return goTime(BigInt(Math.round(unixMs * US_PER_MS)) * NS_PER_US)
  }
  const second = Math.floor(unixMs / SECOND_MS)
  return secondText(second) + FRACTIONS[unixMs - second * SECOND_MS]!
}

const SECOND_MS = 1000
/** `.5Z` for 500 ms. */
const FRACTIONS = Array.from({ length: SECOND_MS }, (_, ms) => {
  const digits = String(ms).padStart(3, '0').replace(/0+$/, '')
  return ms === 0 ? 'Z' : `.${digits}Z`
})

/**
 * The last seconds that were written, each at one place: times that are written together lie close
 * together.
 */
const SECONDS = 256
const seconds = new Float64Array(SECONDS).fill(Number.NaN)
const secondTexts: string[] = []

function secondText(second: number): string {
  const place = second & (SECONDS - 1)
  if (seconds[place] !== second) {
    secondTexts[place] = new Date(second * SECOND_MS).toISOString().slice(0, -'.000Z'.length)
    seconds[place] = second
  }
  return secondTexts[place]!
}
