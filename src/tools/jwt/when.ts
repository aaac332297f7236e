const UNITS = [
  ['day', 24 * 60 * 60],
  ['hour', 60 * 60],
  ['minute', 60],
  ['second', 1],
] as const

/** A time and how far it is: `2026-11-23T04:00:00Z, in 3 days`. @param time Unix time in s */
export function whenText(time: number, nowMs: number): string {
  const distance = Math.round(time - nowMs / 1000)
  const [unit, seconds] = UNITS.find(([, size]) => Math.abs(distance) >= size) ?? ['second', 1]
  const count = Math.floor(Math.abs(distance) / seconds)
  const span = `${count} ${unit}${count === 1 ? '' : 's'}`
  return `${dateText(time)}, ${distance > 0 ? `in ${span}` : `${span} ago`}`
}

/** Times that no calendar has stay numbers. */
function dateText(time: number): string {
  const date = new Date(time * 1000)
  const isDate = !Number.isNaN(date.getTime())
  return isDate ? date.toISOString().replace('.000Z', 'Z') : `Unix time ${time}`
}
