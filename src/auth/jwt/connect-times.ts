import type { TimeRange } from './claims.ts'

/** Whether users may be connected now, and until when: Unix time in ms, 0 = without an end. */
export type ConnectWindow =
  | { readonly isOpen: true; readonly endsMs: number }
  | { readonly isOpen: false }

const CLOSED: ConnectWindow = { isOpen: false }
const TIME_OF_DAY = /^(\d{1,2}):(\d{2}):(\d{2})(?:[.,]\d+)?$/
/** What looks like a name; Intl takes offsets too, Go does not. */
const ZONE_NAME = /^[A-Za-z][\w+/-]*$/
/** Zones whose formatter is kept; there are some hundred, few are in use in one place. */
const FORMATTERS_MAX = 64

export function isTimeOfDay(text: string): boolean {
  return secondOfDay(text) !== undefined
}

/** Why there is no such time zone, in Go's words; undefined: there is. */
export function timeZoneFault(name: string): string | undefined {
  if (/\.\.|^[/\\]/.test(name)) return 'time: invalid location name'
  return formatterOf(name) === undefined ? `unknown time zone ${name}` : undefined
}

/**
 * The window that now is in, of several the one that ends last.
 *
 * @param zone IANA name; '' = the time zone of the server
 */
export function connectWindow(
  times: readonly TimeRange[],
  zone: string,
  nowMs: number,
): ConnectWindow {
  if (times.length === 0) return { isOpen: true, endsMs: 0 }
  const formatter = formatterOf(zone)
  if (formatter === undefined) return CLOSED
  let endsMs = 0
  for (const { start, end } of times) {
    const startSecond = secondOfDay(start)
    const endSecond = secondOfDay(end)
    if (startSecond === undefined || endSecond === undefined) return CLOSED
    endsMs = Math.max(endsMs, endOfRange(startSecond, endSecond, formatter, nowMs))
  }
  return endsMs === 0 ? CLOSED : { isOpen: true, endsMs }
}

/**
 * When the range that now is in ends, 0 if now is in none; where it ends before it starts, it goes
 * over midnight.
 */
function endOfRange(
  startSecond: number,
  endSecond: number,
  formatter: Intl.DateTimeFormat,
  nowMs: number,
): number {
  const dayMs = Math.floor(wallClockMs(formatter, nowMs) / DAY_MS) * DAY_MS
  const at = (second: number, days = 0) =>
    instantOf(formatter, dayMs + days * DAY_MS + second * 1000)
  const start = at(startSecond)
  const end = at(endSecond)
  if (start < nowMs && end > nowMs) return end
  if (start <= end) return 0
  if (end > nowMs) return end
  const endTomorrow = at(endSecond, 1)
  return start < nowMs && endTomorrow > nowMs ? endTomorrow : 0
}

const DAY_MS = 24 * 60 * 60 * 1000

function secondOfDay(text: string): number | undefined {
  const [, hour, minute, second] = TIME_OF_DAY.exec(text)?.map(Number) ?? []
  if (hour === undefined || minute === undefined || second === undefined) return undefined
  if (hour > 23 || minute > 59 || second > 59) return undefined
  return (hour * 60 + minute) * 60 + second
}

/** Formatters by zone; undefined where there is no such zone. */
const formatters = new Map<string, Intl.DateTimeFormat | undefined>()

function formatterOf(zone: string): Intl.DateTimeFormat | undefined {
  if (formatters.has(zone)) return formatters.get(zone)
  if (formatters.size >= FORMATTERS_MAX) formatters.clear()
  const formatter = createFormatter(zone)
  formatters.set(zone, formatter)
  return formatter
}

function createFormatter(zone: string): Intl.DateTimeFormat | undefined {
  if (zone !== '' && !ZONE_NAME.test(zone)) return undefined
  const timeZone = zone === '' || zone === 'Local' ? undefined : zone
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch {
    return undefined // a RangeError is how Intl says that it does not know the zone
  }
}

/** What clocks on the wall show, as if that were UTC. */
function wallClockMs(formatter: Intl.DateTimeFormat, instantMs: number): number {
  const parts = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 }
  for (const { type, value } of formatter.formatToParts(instantMs)) {
    if (type in parts) parts[type as keyof typeof parts] = Number(value)
  }
  const { year, month, day, hour, minute, second } = parts
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

/**
 * When clocks on the wall show this. Where they never do, or twice, because summer time begins or
 * ends, it is what Go's time.Date makes of it.
 */
function instantOf(formatter: Intl.DateTimeFormat, wallMs: number): number {
  const offset = wallClockMs(formatter, wallMs) - wallMs
  const guess = wallMs - offset
  return offset === 0 ? guess : wallMs - (wallClockMs(formatter, guess) - guess)
}
