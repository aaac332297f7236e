import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { ACCOUNTS_MAX, LEAFS_MAX } from '../../src/monitor/metrics/exporter-metrics.ts'
import { flatten } from '../../src/monitor/metrics/flatten.ts'
import { metricsPage } from '../../src/monitor/metrics/metrics-page.ts'
import { accountStat, START_MS, threadReport } from '../monitor/fake-source.ts'
import { EXPORTER_NAMES } from './exporter-names.ts'
import { type FakeMetrics, fakeMetrics, leafLink, slowEvent } from './fake-metrics.ts'
import { type Family, parsePrometheus, sampleOf } from './prometheus-text.ts'

const NODE = { server_id: 'NID' }

async function scrape(source: FakeMetrics): Promise<ReadonlyMap<string, Family>> {
  const { contentType, body } = await metricsPage(source)
  assert.equal(contentType, 'text/plain; version=0.0.4; charset=utf-8')
  return parsePrometheus(body)
}

describe('/metrics', () => {
  let families: ReadonlyMap<string, Family>

  before(async () => {
    const source = fakeMetrics()
    source.context.httpRequests.set('/', 2).set('/varz', 3)
    source.context.source.threadReports = [
      threadReport({ in: { msgs: 5, bytes: 50 }, out: { msgs: 6, bytes: 60 } }),
    ]
    source.context.source.links = [leafLink('hub "one"\\\n', 4)]
    source.context.source.stats = [
      accountStat({ account: 'A', clients: 2, sent: { msgs: 1, bytes: 9 }, slowConsumers: 8 }),
    ]
    source.slowEvents.add(slowEvent())
    source.slowEvents.add(slowEvent({ kind: 'stall', count: 4 }))
    families = await scrape(source)
  })

  test('has every name of prometheus-nats-exporter, with its type', () => {
    for (const [name, type] of EXPORTER_NAMES) {
      assert.equal(families.get(name)?.type, type, name)
      assert.ok(families.get(name)!.series.length > 0, name)
    }
  })

  test('has what the endpoints have', () => {
    assert.equal(sampleOf(families, 'gnatsd_varz_in_msgs', NODE), 5)
    assert.equal(sampleOf(families, 'gnatsd_varz_out_bytes', NODE), 60)
    assert.equal(sampleOf(families, 'gnatsd_varz_http_req_stats_varz', NODE), 3)
    assert.equal(sampleOf(families, 'gnatsd_varz_start', NODE), START_MS)
    assert.equal(sampleOf(families, 'gnatsd_varz_server_name', { ...NODE, value: 'one' }), 1)
    assert.equal(sampleOf(families, 'gnatsd_subsz_num_subscriptions', NODE), 7)
    assert.equal(sampleOf(families, 'gnatsd_healthz_status', NODE), 0)
    assert.equal(sampleOf(families, 'gnatsd_healthz_status_value', { ...NODE, value: 'ok' }), 1)
    assert.equal(sampleOf(families, 'gnatsd_connz_num_connections', NODE), 3)
    assert.equal(sampleOf(families, 'gnatsd_connz_subscriptions', NODE), 4)
    assert.equal(sampleOf(families, 'gnatsd_connz_out_bytes', NODE), 200)
    assert.equal(sampleOf(families, 'gnatsd_leafz_conn_nodes_total', NODE), 1)
    const hub = {
      account: 'A',
      account_id: 'A',
      ip: '10.0.0.1',
      port: '7422',
      name: 'hub "one"\\\n',
    }
    assert.equal(sampleOf(families, 'gnatsd_leafz_conn_in_msgs', { ...NODE, ...hub }), 4)
    assert.equal(sampleOf(families, 'gnatsd_leafz_conn_rtt', hub), 0.25)
    const account = { account: 'A', account_id: 'A', account_name: 'A' }
    assert.equal(sampleOf(families, 'gnatsd_accstatz_current_connections', account), 2)
    assert.equal(sampleOf(families, 'gnatsd_accstatz_sent_bytes', account), 9)
    assert.equal(sampleOf(families, 'gnatsd_accstatz_slow_consumers', account), 8)
  })

  test('has histograms in seconds', () => {
    const local = { path: 'local' }
    const bucket = 'sable_delivery_latency_seconds_bucket'
    assert.equal(sampleOf(families, bucket, { ...local, le: '0.00002' }), 0)
    assert.equal(sampleOf(families, bucket, { ...local, le: '0.00005' }), 2)
    assert.equal(sampleOf(families, bucket, { ...local, le: '0.005' }), 3)
    assert.equal(sampleOf(families, 'sable_delivery_latency_seconds_count', { path: 'lane' }), 1)
    const rtt = 'sable_client_rtt_seconds'
    assert.equal(sampleOf(families, `${rtt}_bucket`, { le: '10' }), 1)
    assert.equal(sampleOf(families, `${rtt}_bucket`, { le: '+Inf' }), 2)
    assert.ok(Math.abs(sampleOf(families, `${rtt}_sum`) - 20.0015) < 1e-9)
    const delay = families.get('sable_event_loop_delay_seconds')!
    const threads = new Set(delay.series.map(({ labels }) => labels['thread']))
    assert.deepEqual([...threads], ['main', 'routing'])
  })

  test('has what threads and the process are doing', () => {
    const thread = { thread: 'protocol-1' }
    assert.equal(sampleOf(families, 'sable_thread_busy_seconds_total', thread), 1.5)
    assert.equal(sampleOf(families, 'sable_plan_cache_misses_total', thread), 10)
    assert.equal(sampleOf(families, 'sable_arena_free_bytes', thread), 1024)
    const inward = { ...thread, direction: 'in' }
    assert.equal(sampleOf(families, 'sable_thread_message_bytes_total', inward), 50)
    assert.equal(sampleOf(families, 'sable_slow_total', { kind: 'slow_consumer' }), 1)
    assert.equal(sampleOf(families, 'sable_slow_total', { kind: 'stall' }), 4)
    assert.equal(sampleOf(families, 'process_resident_memory_bytes'), 1000)
  })

  test('says so when a listener is not ready', async () => {
    const source = fakeMetrics()
    source.context.source.waitingListeners = ['leafnode']
    const broken = await scrape(source)
    assert.equal(sampleOf(broken, 'gnatsd_healthz_status', NODE), 1)
    assert.equal(sampleOf(broken, 'gnatsd_healthz_status_value', { ...NODE, value: 'error' }), 0)
  })
})

describe('labels', () => {
  test('stay few with a thousand accounts: those with most messages, and the rest', async () => {
    const source = fakeMetrics()
    source.context.source.stats = Array.from({ length: 1000 }, (_, i) =>
      accountStat({
        account: i === 7 ? 'other' : `T${i}`,
        name: i === 8 ? 'other' : `tenant ${i}`,
        clients: 1,
        sent: { msgs: i, bytes: 0 },
      }),
    )
    source.context.source.links = Array.from({ length: 500 }, (_, i) => leafLink(`leaf ${i}`, i))
    const families = await scrape(source)
    const { series } = families.get('gnatsd_accstatz_sent_messages')!
    assert.equal(series.length, ACCOUNTS_MAX + 1)
    assert.equal(sampleOf(families, 'gnatsd_accstatz_sent_messages', { account: 'T999' }), 999)
    const rest = { account: 'other', account_id: 'other', account_name: 'other' }
    const sum = (949 * 950) / 2
    assert.equal(sampleOf(families, 'gnatsd_accstatz_sent_messages', rest), sum)
    assert.equal(sampleOf(families, 'gnatsd_accstatz_current_connections', rest), 950)
    assert.equal(families.get('gnatsd_leafz_info')!.series.length, LEAFS_MAX + 1)
    assert.equal(sampleOf(families, 'gnatsd_leafz_info', { name: 'other' }), 400)
    const total = [...families.values()].reduce((count, { series: all }) => count + all.length, 0)
    assert.ok(total < 2000, `${total} series`)
  })
})

describe('what an endpoint answers', () => {
  test('is flattened as prometheus-nats-exporter does it', () => {
    const families = flatten('varz', 'NID', {
      cpu: 1.5,
      uptime: '1d',
      auth_required: true,
      list: [1],
      leaf: { port: 7422 },
      cluster: { cluster_port: 6222, urls: 3 },
      http_req_stats: new Map([
        ['/', 1],
        ['/debug/vars', 2],
      ]),
      metadata: new Map<string, number>([['ö', 1]]),
      start: '2026-01-02T03:04:05.678901Z',
      version: '2.15.1',
      big: 2n ** 60n,
    })
    const found = families.map(({ name, samples: [sample] }) => [name, sample!.value])
    assert.deepEqual(found, [
      ['gnatsd_varz_cpu', 1.5],
      ['gnatsd_varz_cluster_urls', 3],
      ['gnatsd_varz_http_req_stats', 1],
      ['gnatsd_varz_http_req_stats_debug_vars', 2],
      ['gnatsd_varz_start', Date.UTC(2026, 0, 2, 3, 4, 5, 678)],
      ['gnatsd_varz_version', 1],
      ['gnatsd_varz_big', 2 ** 60],
    ])
  })
})
