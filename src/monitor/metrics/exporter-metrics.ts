import type { AccountStatReport } from '../account-report.ts'
import type { JsonObject } from '../endpoints/json-value.ts'
import type { LeafLinkReport } from '../leaf-report.ts'
import type { ServerFacts } from '../monitor-source.ts'
import type { Labels, MetricFamily, Sample } from './family.ts'
import { counter, gauge } from './family.ts'
import { flatten } from './flatten.ts'
import type { OpenConnections } from './measurements.ts'

/**
 * Accounts and leaf links with series of their own: those with the most messages. All others
 * together are `other`, so that tenants cannot fill the memory of Prometheus.
 */
export const ACCOUNTS_MAX = 50
export const LEAFS_MAX = 100
const OTHER = 'other'
/** Of /connz, unless it is asked otherwise: told of for those who know the exporter. */
const CONNZ_LIMIT = 1024
const MS_PER_S = 1000

export interface ExporterSource {
  readonly server: ServerFacts
  readonly varz: JsonObject
  readonly subsz: JsonObject
  readonly routez: JsonObject
  readonly healthz: JsonObject
  readonly connections: OpenConnections
  readonly leafs: readonly LeafLinkReport[]
  readonly accounts: readonly AccountStatReport[]
}

/** The names, types and labels of prometheus-nats-exporter, as its README asks for them. */
export function exporterMetrics(source: ExporterSource): MetricFamily[] {
  const { id } = source.server
  return [
    ...flatten('varz', id, source.varz),
    ...flatten('subsz', id, source.subsz),
    ...flatten('routez', id, source.routez),
    ...healthz(id, source.healthz),
    ...connz(id, source),
    ...leafz(id, source.leafs),
    ...accstatz(id, source.accounts),
  ]
}

function healthz(id: string, { status }: JsonObject): MetricFamily[] {
  const isOk = status === 'ok'
  const labels = { server_id: id }
  return [
    gauge('gnatsd_healthz_status', 'status', isOk ? 0 : 1, labels),
    gauge('gnatsd_healthz_status_value', 'status', isOk ? 1 : 0, {
      ...labels,
      value: String(status),
    }),
  ]
}

/** The exporter adds up the first page of /connz; here it is all connections, at any number. */
function connz(id: string, { connections }: ExporterSource): MetricFamily[] {
  const { count, subscriptions, pendingBytes, in: received, out } = connections
  const labels = { server_id: id }
  const name = (member: string) => `gnatsd_connz_${member}`
  const plain = (member: string, value: number) => gauge(name(member), member, value, labels)
  const growing = (member: string, value: number) => counter(name(member), member, value, labels)
  return [
    plain('num_connections', count),
    plain('total', count),
    plain('offset', 0),
    plain('limit', CONNZ_LIMIT),
    plain('pending_bytes', pendingBytes),
    plain('subscriptions', subscriptions),
    growing('in_bytes', received.bytes),
    growing('out_bytes', out.bytes),
    growing('in_msgs', received.msgs),
    growing('out_msgs', out.msgs),
  ]
}

function leafz(id: string, links: readonly LeafLinkReport[]): MetricFamily[] {
  const { own, rest } = withMost(
    links,
    LEAFS_MAX,
    (link) => link.inMsgs + link.outMsgs,
    isOtherLeaf,
  )
  const sum = (value: (link: LeafLinkReport) => number) => (of: readonly LeafLinkReport[]) =>
    of.reduce((total, link) => total + value(link), 0)
  const family = (member: string, value: (of: readonly LeafLinkReport[]) => number) =>
    ({
      name: `gnatsd_leafz_${member}`,
      help: member.replace('conn_', ''),
      type: 'gauge',
      samples: samplesOf(own, rest, (link) => leafLabels(id, link), value),
    }) as const
  return [
    gauge('gnatsd_leafz_conn_nodes_total', 'nodes_total', links.length, { server_id: id }),
    family('info', (of) => of.length),
    // Of many, the slowest.
    family('conn_rtt', (of) => Math.max(...of.map(({ rttMs }) => Math.max(0, rttMs))) / MS_PER_S),
    family(
      'conn_in_msgs',
      sum((link) => link.inMsgs),
    ),
    family(
      'conn_out_msgs',
      sum((link) => link.outMsgs),
    ),
    family(
      'conn_in_bytes',
      sum((link) => link.inBytes),
    ),
    family(
      'conn_out_bytes',
      sum((link) => link.outBytes),
    ),
    family(
      'conn_subscriptions_total',
      sum((link) => link.subscriptions),
    ),
  ].filter(({ samples }) => samples.length > 0)
}

function isOtherLeaf({ name }: LeafLinkReport): boolean {
  return name === OTHER
}

function leafLabels(id: string, link: LeafLinkReport | undefined): Labels {
  const { account = OTHER, ip = '', port, name = OTHER } = link ?? {}
  const where = port === undefined ? '' : String(port)
  return { server_id: id, account, account_id: account, ip, port: where, name }
}

function accstatz(id: string, accounts: readonly AccountStatReport[]): MetricFamily[] {
  const traffic = ({ sent, received }: AccountStatReport) => sent.msgs + received.msgs
  const { own, rest } = withMost(
    accounts,
    ACCOUNTS_MAX,
    traffic,
    ({ account }) => account === OTHER,
  )
  const family = (member: string, value: (account: AccountStatReport) => number): MetricFamily => ({
    name: `gnatsd_accstatz_${member}`,
    help: member,
    type: 'gauge',
    samples: samplesOf(
      own,
      rest,
      (account) => accountLabels(id, account),
      (of) => of.reduce((total, account) => total + value(account), 0),
    ),
  })
  return [
    family('current_connections', ({ clients }) => clients),
    family('total_connections', ({ totalConnections }) => totalConnections),
    family('subscriptions', ({ subscriptions }) => subscriptions),
    family('leaf_nodes', ({ leafs }) => leafs),
    family('sent_messages', ({ sent }) => sent.msgs),
    family('sent_bytes', ({ sent }) => sent.bytes),
    family('received_messages', ({ received }) => received.msgs),
    family('received_bytes', ({ received }) => received.bytes),
    family('slow_consumers', ({ slowConsumers }) => slowConsumers),
  ]
}

function accountLabels(id: string, report: AccountStatReport | undefined): Labels {
  const { account = OTHER, name = OTHER } = report ?? {}
  return { server_id: id, account, account_id: account, account_name: name }
}

/** Who is called as the rest is belongs to it: two series must not have the same labels. */
function withMost<Item>(
  items: readonly Item[],
  count: number,
  amount: (item: Item) => number,
  isRest: (item: Item) => boolean,
): { own: readonly Item[]; rest: readonly Item[] } {
  const named = items.filter((item) => !isRest(item)).sort((a, b) => amount(b) - amount(a))
  return { own: named.slice(0, count), rest: [...named.slice(count), ...items.filter(isRest)] }
}

function samplesOf<Item>(
  own: readonly Item[],
  rest: readonly Item[],
  labels: (item: Item | undefined) => Labels,
  value: (of: readonly Item[]) => number,
): Sample[] {
  const samples = own.map((item) => ({ labels: labels(item), value: value([item]) }))
  if (rest.length > 0) samples.push({ labels: labels(undefined), value: value(rest) })
  return samples
}
