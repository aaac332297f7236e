/** nats-server DefaultConnListSize and DefaultSubListSize. */
const PAGE_SIZE_DEFAULT = 1024

const INT_MAX = 2n ** 63n - 1n

interface Page {
  readonly offset: number
  readonly limit: number
}

export function pageOf(offset = 0, limit = 0): Page {
  return { offset: Math.max(0, offset), limit: limit > 0 ? limit : PAGE_SIZE_DEFAULT }
}

/** A number that came from a text, for JSON: beyond 2^53 it must not leave Go's int. */
export function goInt(value: number): number | bigint {
  if (Number.isSafeInteger(value)) return value
  const whole = BigInt(value)
  return whole > INT_MAX ? INT_MAX : whole < -INT_MAX ? -INT_MAX : whole
}
