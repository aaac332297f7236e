import { bytes, clock, count, percent, rate, span, time } from '../../../base/figures.ts'
import { histogramSince, quantile } from '../../metrics/histogram.ts'
import type { SlowEvent } from '../../slow/slow-event.ts'
import type { DashboardData, DashboardWorker } from '../dashboard-report.ts'
import { Chart } from './chart.ts'
import { type Cell, element, fillTable, number, wide, wrap } from './table.ts'

function byId<Kind extends HTMLElement>(id: string): Kind {
  return document.getElementById(id) as Kind
}

const throughput = new Chart(byId<HTMLCanvasElement>('throughput'), rate)
const latency = new Chart(byId<HTMLCanvasElement>('latency'), time)

export function redraw(): void {
  throughput.draw()
  latency.draw()
}

/** Whether anything was heard lately. */
export function showLive(isLive: boolean, text: string): void {
  const dot = byId('live')
  dot.className = isLive ? 'dot live' : 'dot'
  dot.ariaLabel = text
  dot.title = text
}

/** @param before an earlier answer of the same server; rates are of the time between the two */
export function show(now: DashboardData, before: DashboardData): void {
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000)
  const perSecond = (pick: (data: DashboardData) => number) =>
    Math.max(0, (pick(now) - pick(before)) / seconds)
  const inMsgs = perSecond(({ totals }) => totals.in.msgs)
  const outMsgs = perSecond(({ totals }) => totals.out.msgs)
  const recent = histogramSince(now.latency, before.latency)
  const half = quantile(recent, 0.5)
  const most = quantile(recent, 0.99)
  throughput.add(inMsgs, outMsgs)
  latency.add(half, most)
  showServer(now)
  const { totals } = now
  byId('tiles').replaceChildren(
    tile('messages in', rate(inMsgs)),
    tile('messages out', rate(outMsgs)),
    tile('bytes in', `${bytes(perSecond((data) => data.totals.in.bytes))}/s`),
    tile('bytes out', `${bytes(perSecond((data) => data.totals.out.bytes))}/s`),
    tile('latency p50', time(half)),
    tile('latency p99', time(most)),
    tile('clients', count(totals.connections.clients)),
    tile('leaf links', count(totals.connections.leafs)),
    tile('subscriptions', count(totals.subscriptions)),
    tile('client round trip p50', time(quantile(now.clientRtt, 0.5))),
    tile('processor', percent(totals.cpuPercent / 100)),
    tile('memory', bytes(totals.rssBytes)),
    tile('slow consumers', count(totals.slowConsumers), totals.slowConsumers > 0),
    tile('stalls', count(totals.stalledClients)),
  )
  showTables(now, before, seconds)
}

function tile(name: string, value: string, isBad = false): HTMLElement {
  const made = wrap('div', [element('b', value), element('span', name)])
  made.className = isBad ? 'tile bad' : 'tile'
  return made
}

function showServer({ server, atMs }: DashboardData): void {
  byId('name').textContent = server.name
  document.title = server.name
  byId('about').textContent =
    `port ${server.port}, compatible with nats-server ${server.version}, ` +
    `up ${span(atMs - server.startMs)}`
}

function showTables(now: DashboardData, before: DashboardData, seconds: number): void {
  fillTable(
    byId('workers'),
    ['Worker', 'Busy', '#Clients', '#In', '#Out', '#Plans found', '#In lanes', '#Memory'],
    now.workers.map((worker) => {
      const earlier = before.workers.find(({ name }) => name === worker.name) ?? worker
      return workerRow(worker, earlier, seconds)
    }),
    'No worker answers.',
  )
  fillTable(
    byId('leafs'),
    ['Server', 'State', 'Account', '#Round trip', '#In', '#Out', '#Pending', '#Dropped'],
    [...now.leafs.links.map((link) => leafRow(link, before, seconds)), ...remoteRows(now)],
    'No leaf links.',
  )
  const { subjects, seconds: counted } = now.topSubjects
  fillTable(
    byId('subjects'),
    ['Subject', 'Account', '#Messages'],
    subjects.map(({ account, subject, msgs }) => [
      wide(subject),
      account,
      number(rate(msgs / Math.max(counted, 0.001))),
    ]),
    'Nothing was published since the last look.',
  )
  fillTable(
    byId('slow'),
    ['Time', 'What', 'Connection', 'Account', '#Pending', 'Subjects'],
    now.slow.map(slowRow),
    'None so far.',
  )
  if (now.connections === undefined) return
  fillTable(
    byId('connections'),
    ['Connection', 'User', 'Account', 'Address', '#Round trip', '#Sent', '#Received', '#Pending'],
    now.connections.map((one) => [
      wide(label(one.cid, one.name)),
      wide(one.user),
      one.account,
      one.ip,
      number(time(one.rttNs / 1e6)),
      number(count(one.in.msgs)),
      number(count(one.out.msgs)),
      number(bytes(one.pendingBytes)),
    ]),
    'Nobody is connected.',
  )
}

function label(cid: number, name: string): string {
  return name === '' ? `cid ${cid}` : `cid ${cid} ${name}`
}

function workerRow(now: DashboardWorker, before: DashboardWorker, seconds: number): Cell[] {
  const busy = now.busyMs - before.busyMs
  const share = Math.min(1, busy / Math.max(1, busy + now.idleMs - before.idleMs))
  const hits = now.planHits - before.planHits
  const plans = hits + now.planMisses - before.planMisses
  const used = now.arenaBytes - now.arenaFreeBytes
  return [
    now.name,
    { share, text: percent(share) },
    number(count(now.connections.clients + now.connections.leafs)),
    number(rate((now.in.msgs - before.in.msgs) / seconds)),
    number(rate((now.out.msgs - before.out.msgs) / seconds)),
    number(plans <= 0 ? '–' : percent(hits / plans)),
    number(bytes(now.laneBytes)),
    number(`${bytes(used)} of ${bytes(now.arenaBytes)}`),
  ]
}

type Link = DashboardData['leafs']['links'][number]

function leafRow(link: Link, before: DashboardData, seconds: number): Cell[] {
  const earlier = before.leafs.links.find(({ id }) => id === link.id) ?? link
  const state = link.isSpoke ? 'linked to hub' : 'linked leaf'
  const lost = link.droppedMsgs > 0
  return [
    wide(link.name || `${link.ip}:${link.port}`),
    `${state}, ${span(link.uptimeMs)}`,
    link.account,
    number(link.rttMs < 0 ? '–' : time(link.rttMs)),
    number(rate((link.inMsgs - earlier.inMsgs) / seconds)),
    number(rate((link.outMsgs - earlier.outMsgs) / seconds)),
    number(bytes(link.pendingBytes)),
    lost ? { text: count(link.droppedMsgs), kind: 'number bad' } : number('0'),
  ]
}

/** Remotes whose hub is out of reach. */
function remoteRows({ leafs }: DashboardData): Cell[][] {
  return leafs.remotes
    .filter(({ state }) => state !== 'connected')
    .map(({ urls, account, state, lastError, nextAttemptMs }) => {
      const next = nextAttemptMs < 0 ? '' : `, next try in ${time(nextAttemptMs)}`
      const why = lastError === '' ? '' : `: ${lastError}`
      const nothing = ['–', '–', '–', '–', '–'].map(number)
      const text = `${state}${why}${next}`
      return [wide(urls.join(', ')), { text, kind: 'warn' }, account, ...nothing]
    })
}

function slowRow({ timeMs, kind, reason, party, pendingBytes, subjects }: SlowEvent): Cell[] {
  return [
    clock(timeMs),
    { text: `${kind.replace('_', ' ')} (${reason.replace('_', ' ')})`, kind: 'bad' },
    wide(label(party.cid, party.name)),
    party.account,
    number(bytes(pendingBytes)),
    wide(subjects.map(({ subject, bytes: size }) => `${subject} ${bytes(size)}`).join(', ')),
  ]
}
