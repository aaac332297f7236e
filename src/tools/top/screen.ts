import { bytes, count, percent, rate, time } from '../../base/figures.ts'
import { histogramSince, quantile } from '../../monitor/metrics/histogram.ts'
import type { ConnectionFigures, Look } from './server-figures.ts'

/** Columns of the table: title, width (negative: to the right), and what stands in it. */
const COLUMNS: readonly (readonly [
  title: string,
  width: number,
  cell: (one: ConnectionFigures, perSecond: Rates) => string,
])[] = [
  ['CID', -7, ({ cid }) => String(cid)],
  ['NAME', 22, ({ name, ip, port }) => name || `${ip}:${port}`],
  ['ACCOUNT', 12, ({ account }) => account ?? '$G'],
  ['USER', 12, ({ authorized_user: user }) => user ?? ''],
  ['SUBS', -6, ({ subscriptions }) => count(subscriptions)],
  ['PENDING', -10, ({ pending_bytes: pending }) => bytes(pending)],
  ['MSGS IN', -10, (_, { inMsgs }) => rate(inMsgs)],
  ['MSGS OUT', -10, (_, { outMsgs }) => rate(outMsgs)],
  ['BYTES IN', -12, (_, { inBytes }) => `${bytes(inBytes)}/s`],
  ['BYTES OUT', -12, (_, { outBytes }) => `${bytes(outBytes)}/s`],
  ['RTT', -10, ({ rtt }) => rtt ?? ''],
  ['UPTIME', -9, ({ uptime }) => uptime],
  ['IDLE', -8, ({ idle }) => idle],
]

interface Rates {
  readonly inMsgs: number
  readonly outMsgs: number
  readonly inBytes: number
  readonly outBytes: number
}

type Counted = Pick<ConnectionFigures, 'in_msgs' | 'out_msgs' | 'in_bytes' | 'out_bytes'>

/** @param seconds between the two */
function rates(now: Counted, before: Counted, seconds: number): Rates {
  const per = (a: number, b: number) => Math.max(0, a - b) / seconds
  return {
    inMsgs: per(now.in_msgs, before.in_msgs),
    outMsgs: per(now.out_msgs, before.out_msgs),
    inBytes: per(now.in_bytes, before.in_bytes),
    outBytes: per(now.out_bytes, before.out_bytes),
  }
}

export interface ScreenOptions {
  readonly sort: string
  /** Characters of a line; 0: as many as it takes. */
  readonly width: number
}

/**
 * One picture of the server, a text for each line.
 *
 * @param before an earlier look at the same server
 */
export function screen(now: Look, before: Look, { sort, width }: ScreenOptions): string[] {
  const { varz } = now
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000)
  const all = rates(varz, before.varz, seconds)
  const lines = [
    `${varz.server_name}  ${varz.version}  up ${varz.uptime}  ` +
      `cpu ${percent(varz.cpu / 100)}  memory ${bytes(varz.mem)}`,
    `in   ${rate(all.inMsgs)}  ${bytes(all.inBytes)}/s     total ${count(varz.in_msgs)}`,
    `out  ${rate(all.outMsgs)}  ${bytes(all.outBytes)}/s     total ${count(varz.out_msgs)}`,
    `connections ${now.total}  leaf links ${varz.leafnodes}  ` +
      `subscriptions ${count(varz.subscriptions)}  slow consumers ${varz.slow_consumers}`,
    ...ownLines(now, before),
    '',
    COLUMNS.map(([title, size]) => fit(title, size)).join(' '),
    ...now.connections.map((one) => row(one, before, seconds)),
    '',
    `by ${sort}`,
  ]
  return width === 0 ? lines : lines.map((line) => line.slice(0, width))
}

/** What only Sable tells. */
function ownLines({ dashboard: now }: Look, { dashboard: before }: Look): string[] {
  if (now === undefined || before === undefined) return []
  const recent = histogramSince(now.latency, before.latency)
  const latency = `latency p50 ${time(quantile(recent, 0.5))}  p99 ${time(quantile(recent, 0.99))}`
  const workers = now.workers.map((worker) => {
    const earlier = before.workers.find(({ name }) => name === worker.name) ?? worker
    const busy = worker.busyMs - earlier.busyMs
    const span = busy + worker.idleMs - earlier.idleMs
    return `${worker.name} ${percent(busy / Math.max(1, span))}`
  })
  const { subjects, seconds } = now.topSubjects
  const top = subjects
    .slice(0, 3)
    .map(({ subject, msgs }) => `${printable(subject)} ${rate(msgs / Math.max(seconds, 0.001))}`)
  return [
    `${latency}  ${workers.join('  ')}`,
    ...(top.length === 0 ? [] : [`top subjects  ${top.join('  ')}`]),
  ]
}

function row(one: ConnectionFigures, before: Look, seconds: number): string {
  const earlier = before.connections.find(({ cid }) => cid === one.cid) ?? one
  const perSecond = rates(one, earlier, seconds)
  return COLUMNS.map(([, size, cell]) => fit(cell(one, perSecond), size)).join(' ')
}

function fit(text: string, size: number): string {
  const width = Math.abs(size)
  const short = printable(text).slice(0, width)
  return size < 0 ? short.padStart(width) : short.padEnd(width)
}

/** Names come from clients: what moves the cursor must not reach the terminal. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')
}
