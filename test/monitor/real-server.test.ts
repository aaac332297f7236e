import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeCertificates } from '../support/certificates.ts'
import { program, skipReason } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { assertSameJson, comparable } from './same-json.ts'
import { hasLeaf, leafConfig, monitoredConfig, SameTraffic } from './same-traffic.ts'

const SABLE = program('sable')
const REAL = program('nats-server')
const TEST_MS_MAX = 60_000

/** Answers compared as JSON: their parameters, by endpoint. */
const COMPARED: Readonly<Record<string, readonly string[]>> = {
  varz: ['', '?anything=1'],
  connz: [
    '',
    '?callback=f',
    '?subs=1',
    '?subs=detail',
    '?subs=Detail&auth=1',
    '?auth=true',
    '?auth=1&subs=1',
    '?sort=cid&offset=1&limit=2',
    '?sort=start',
    '?sort=uptime&limit=1',
    '?sort=subs&limit=1',
    '?sort=msgs_from&limit=1',
    '?sort=bytes_from&limit=1',
    '?sort=pending',
    '?sort=rtt',
    '?sort=last',
    '?sort=idle',
    '?sort=msgs_to&limit=1',
    '?sort=bytes_to&limit=1',
    '?state=closed',
    '?state=CLOSED&auth=1&subs=detail',
    '?state=closed&subs=1',
    '?state=closed&sort=reason',
    '?state=closed&sort=stop',
    '?state=all&limit=3',
    '?state=any&offset=2',
    '?acc=A',
    '?acc=B&auth=1',
    '?acc=A&state=closed',
    '?acc=nobody',
    '?acc=nobody&state=closed',
    '?user=a&auth=1',
    '?user=a&acc=B',
    '?user=a&state=all',
    '?user=nobody',
    '?cid=9999999',
    '?cid=9999999&state=all',
    '?cid=18446744073709551615&state=all',
    '?mqtt_client=x',
    '?offset=100',
    '?offset=9223372036854775807&limit=9223372036854775807',
    '?offset=-5&limit=-5',
    '?limit=0',
  ],
  leafz: ['', '?subs=1', '?acc=A', '?acc=B'],
  subsz: [
    '',
    '?acc=nobody',
    '?acc=nobody&subs=1',
    '?acc=A&subs=1&test=foo',
    '?subs=1&test=bar',
    '?acc=A&subs=1&test=own&limit=1',
    '?acc=C&subs=1&test=foo&limit=5&offset=9',
  ],
  subscriptionsz: ['?acc=nobody'],
  accountz: ['', '?acc=A', '?acc=B', '?acc=C', '?acc=SYS', '?acc=$G'],
  accstatz: ['', '?unused=1'],
  routez: ['', '?subs=detail'],
  gatewayz: ['', '?accs=1&gw_name=x&acc_name=y&subs=1'],
  jsz: ['', '?accounts=1&streams=1&consumers=1&config=1&raft=1&acc=A&offset=1&limit=2'],
  healthz: ['', '?js-enabled-only=true', '?details=1', '?js-server-only=1'],
  ipqueuesz: ['', '?queues=x'],
}

/** Answers compared as texts, with their status and type. */
const COMPARED_TEXTS: readonly string[] = [
  'nope',
  'varz/',
  '/varz?a=b',
  'connz/x',
  'raftz',
  'raftz?acc=A',
  'healthz?stream=x',
  'healthz?account=a&consumer=x',
  'healthz?consumer=x&details=1',
  'healthz?details=x',
  'healthz?js-enabled=x',
  'connz?auth=x',
  'connz?auth=x%22%0a%c3%a9%ff',
  'connz?subs=x',
  'connz?offset=x',
  'connz?limit=1_000',
  'connz?limit=99999999999999999999',
  'connz?cid=-1',
  'connz?cid=18446744073709551616',
  'connz?state=x',
  'connz?sort=x',
  'connz?sort=stop',
  'connz?sort=reason&state=all',
  'leafz?subs=detail',
  'subsz?subs=x',
  'subsz?test=a.*',
  'subsz?test=a..b',
  'accountz?acc=nobody',
  'accstatz?unused=x',
  'routez?subs=x',
  'gatewayz?accs=x',
  'jsz?limit=x',
  'jsz?leader-only=1',
  'ipqueuesz?all=x',
]

describe('monitoring and nats-server', { skip: skipReason(REAL), timeout: TEST_MS_MAX }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'monitor-test-'))
  const certificates = makeCertificates(folder)
  const servers: ServerProcess[] = []
  const traffic: SameTraffic[] = []
  let ours = ''
  let theirs = ''

  before(async () => {
    const config = monitoredConfig(certificates)
    const both = await Promise.all(
      [SABLE, REAL].map((each) => startServer(each, { config, leafListener: true })),
    )
    servers.push(...both)
    servers.push(await startServer(REAL, { config: leafConfig(both) }))
    ;[ours, theirs] = both.map(({ monitorPort }) => `http://127.0.0.1:${monitorPort}/`) as [
      string,
      string,
    ]
    for (const url of [ours, theirs]) await until('the leaf link', () => hasLeaf(url))
    for (const server of both) {
      const one = new SameTraffic(server)
      traffic.push(one)
      await one.run(certificates)
    }
  })

  after(async () => {
    for (const one of traffic) await one[Symbol.asyncDispose]()
    for (const server of servers.reverse()) await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  for (const [endpoint, parameters] of Object.entries(COMPARED)) {
    for (const query of parameters) {
      test(`/${endpoint}${query}`, async () => {
        const [one, other] = await Promise.all(
          [ours, theirs].map(async (url) => {
            const response = await fetch(url + endpoint + query)
            assert.equal(response.status, 200)
            assert.equal(response.headers.get('content-type'), 'application/json')
            assert.equal(response.headers.get('access-control-allow-origin'), '*')
            return comparable(JSON.parse(await response.text()), endpoint + query)
          }),
        )
        assertSameJson(one!, other!, `/${endpoint}${query}`)
      })
    }
  }

  test('texts of errors', async () => {
    for (const path of COMPARED_TEXTS) {
      const [one, other] = await Promise.all(
        [ours, theirs].map(async (url) => {
          const response = await fetch(url + path, { redirect: 'manual' })
          return [response.status, response.headers.get('content-type'), await response.text()]
        }),
      )
      assert.deepEqual(one, other, path)
    }
  })
})
