import type { LogLevel } from '../../base/log-line.ts'

/** What stands at the head of each line. */
export interface LineHead {
  /** Process id to show, or null to leave it out. */
  readonly pid: number | null
  /** False leaves date and time out, for programs that run under a supervisor that adds its own. */
  readonly logtime: boolean
  readonly logtimeUtc: boolean
}

const LABELS: Readonly<Record<LogLevel, string>> = {
  info: 'INF',
  warn: 'WRN',
  error: 'ERR',
  fatal: 'FTL',
  debug: 'DBG',
  trace: 'TRC',
}

/**
 * ANSI colour of each level; 0;93 is bright yellow without bold. Source: nats-server on a terminal.
 */
const COLOURS: Readonly<Record<LogLevel, string>> = {
  info: '32',
  warn: '0;93',
  error: '31',
  fatal: '31',
  debug: '36',
  trace: '33',
}

/** Renders one line without its line end. */
export type TextLine = (level: LogLevel, atUs: number, text: string) => string

/** Lines as nats-server writes them: `[812] 2026/11/22 10:12:13.123456 [INF] Server is ready`. */
export function createTextLine(head: LineHead, isColoured: boolean): TextLine {
  const pidText = head.pid === null ? '' : `[${head.pid}] `
  const timeText = head.logtime ? createTimeText(head.logtimeUtc) : () => ''
  const labels = { ...LABELS }
  if (isColoured) {
    for (const level of Object.keys(LABELS) as LogLevel[]) {
      labels[level] = `\x1b[${COLOURS[level]}m${LABELS[level]}\x1b[0m`
    }
  }
  return (level, atUs, text) => `${pidText}${timeText(atUs)}[${labels[level]}] ${text}`
}

/** `2026/11/22 10:12:13.123456 `; the part up to the second is made once a second. */
function createTimeText(isUtc: boolean): (atUs: number) => string {
  let cachedSecond = Number.NaN
  let cachedText = ''
  return (atUs) => {
    const second = Math.floor(atUs / 1e6)
    if (second !== cachedSecond) {
      cachedSecond = second
      const [date, time] = calendarParts(second * 1000, isUtc)
      cachedText = `${date.join('/')} ${time.join(':')}`
    }
    return `${cachedText}.${String(atUs - second * 1e6).padStart(6, '0')} `
  }
}

/**
 * Year, month, day and hour, minute, second, padded. Also names the archives of a rotated log file.
 */
export function calendarParts(atMs: number, isUtc: boolean): [date: string[], time: string[]] {
  const at = new Date(atMs)
  const date = isUtc
    ? [at.getUTCFullYear(), at.getUTCMonth() + 1, at.getUTCDate()]
    : [at.getFullYear(), at.getMonth() + 1, at.getDate()]
  const time = isUtc
    ? [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()]
    : [at.getHours(), at.getMinutes(), at.getSeconds()]
  const padded = (part: number): string => String(part).padStart(2, '0')
  return [date.map(padded), time.map(padded)]
}
