import assert from 'node:assert/strict'
import { test } from 'node:test'
import { operatorDefaults } from '../../src/config/operator-defaults.ts'
import { HTTP_ENDPOINTS } from '../../src/monitor/endpoints/endpoint-list.ts'
import type { JsonObject } from '../../src/monitor/endpoints/json-value.ts'
import { Query } from '../../src/monitor/endpoints/query.ts'
import { monitorAnswer } from '../../src/monitor/monitor-answer.ts'
import { ProcessMeter } from '../../src/monitor/process-meter.ts'
import {
  accountReport,
  accountStat,
  connectionReport,
  type FakeContext,
  fakeContext,
  START_MS,
  subscriptionReport,
  threadReport,
} from './fake-source.ts'

async function get(context: FakeContext, path: string): Promise<JsonObject> {
  const { pathname, search } = new URL(path, 'http://x')
  const endpoint = HTTP_ENDPOINTS.get(pathname)
  assert.ok(endpoint, pathname)
  const answer = await endpoint.overHttp(new Query(search.slice(1)), context, () => {})
  return JSON.parse(answer.body) as JsonObject
}

async function refusal(context: FakeContext, path: string): Promise<string> {
  return get(context, path).then(
    () => '',
    (error: Error) => error.message,
  )
}

test('connz asks for what it is asked for', async () => {
  const context = fakeContext()
  await get(context, '/connz?sort=idle&auth=1&subs=detail&offset=3&limit=5&user=u&acc=A&state=ALL')
  assert.deepEqual(context.source.connectionQuery, {
    sort: 'idle',
    state: 'all',
    cid: 0,
    user: 'u',
    account: 'A',
    filterSubject: '',
    withSubscriptions: true,
    withAuth: true,
    offset: 3,
    limit: 5,
  })
  const json = await get(context, '/connz?cid=7&offset=-3&limit=-1&state=closed&sort=stop')
  assert.equal(context.source.connectionQuery?.cid, 7)
  assert.equal(context.source.connectionQuery?.sort, 'stop')
  assert.equal(json['limit'], 1)
  assert.equal(json['offset'], 0)
  assert.equal((await get(context, '/connz?limit=0'))['limit'], 1024)
})

test('connz says what it cannot do', async () => {
  const context = fakeContext()
  const texts = {
    '/connz?sort=foo': 'invalid sorting option: foo',
    '/connz?sort=stop': 'sort by stop only valid on closed connections',
    '/connz?sort=reason&state=all': 'sort by reason only valid on closed connections',
    '/connz?state=foo': 'Error decoding state for foo',
    '/connz?subs=x': `Error decoding boolean for 'subs': strconv.ParseBool: parsing "x": invalid syntax`,
  }
  for (const [path, text] of Object.entries(texts)) assert.equal(await refusal(context, path), text)
})

test('connz of an account that is not there, and of MQTT clients, is empty', async () => {
  const context = fakeContext()
  context.source.page = { connections: [connectionReport()], total: 1 }
  const mqtt = await get(context, '/connz?mqtt_client=x')
  assert.deepEqual([mqtt['total'], mqtt['connections']], [1, []])
  context.source.page = undefined
  const unknown = await get(context, '/connz?acc=x')
  assert.deepEqual([unknown['server_id'], unknown['total'], unknown['connections']], ['', 0, null])
})

test('a connection shows who logged in only when asked', async () => {
  const context = fakeContext()
  const report = connectionReport({
    user: 'u',
    account: 'A',
    jwt: 'j',
    issuerKey: 'i',
    nameTag: 'n',
    tags: ['t'],
    tls: {
      version: '1.3',
      cipherSuite: 'C',
      isFirst: true,
      certificates: [{ subject: 'CN=x', spkiSha256: 'aa', certSha256: 'bb' }],
    },
    subscriptionList: [subscriptionReport({ queue: 'q', max: 3 })],
  })
  const closed = { ...report, stopMs: START_MS + 5000, reason: 'Client Closed' }
  context.source.page = { connections: [report, closed], total: 2 }
  const shown = async (parameters: string) => {
    const { connections } = await get(context, `/connz?${parameters}`)
    return connections as readonly JsonObject[]
  }
  const [bare, bareClosed] = await shown('')
  assert.equal(bare!['tls_first'], true)
  for (const member of ['authorized_user', 'account', 'jwt', 'name_tag', 'tls_peer_certs']) {
    assert.equal(bare![member], undefined, member)
  }
  // As nats-server, which has them in what it keeps.
  assert.equal(bareClosed!['jwt'], 'j')
  assert.equal(bareClosed!['name_tag'], 'n')
  assert.equal(bareClosed!['authorized_user'], undefined)
  assert.equal(bareClosed!['uptime'], '5s')
  assert.equal(bareClosed!['stop'], '2026-01-02T03:04:10Z')

  const [full, fullClosed] = await shown('auth=1&subs=detail')
  assert.equal(full!['authorized_user'], 'u')
  assert.equal(full!['account'], 'A')
  assert.equal(full!['name_tag'], 'A')
  assert.deepEqual(full!['tls_peer_certs'], [
    { subject: 'CN=x', spki_sha256: 'aa', cert_sha256: 'bb' },
  ])
  assert.equal(fullClosed!['tls_peer_certs'], undefined)
  assert.deepEqual(full!['subscriptions_list_detail'], [
    { subject: 'foo', qgroup: 'q', sid: '1', msgs: 0, max: 3, cid: 5 },
  ])
  assert.deepEqual((await shown('subs=1'))[0]!['subscriptions_list'], ['foo'])
})

test('subsz lists only when asked, and tests literal subjects only', async () => {
  const context = fakeContext()
  context.source.listed = [subscriptionReport({ account: 'A' })]
  const bare = await get(context, '/subsz')
  assert.deepEqual(
    [bare['num_subscriptions'], bare['cache_hit_rate'], bare['total'], bare['subscriptions_list']],
    [7, 0.25, 0, undefined],
  )
  const json = await get(context, '/subsz?subs=1&test=a.b&acc=A&offset=1&limit=2')
  assert.equal(json['total'], 1)
  assert.deepEqual(context.source.subscriptionQuery, {
    account: 'A',
    test: 'a.b',
    offset: 1,
    limit: 2,
  })
  assert.equal(
    await refusal(context, '/subsz?test=a.*'),
    'invalid test subject, must be valid publish subject: a.*',
  )
})

test('varz adds up its threads', async () => {
  const context = fakeContext()
  context.source.threadReports = [
    threadReport({
      connections: { clients: 2, leafs: 0 },
      in: { msgs: 5, bytes: 50 },
      clientIn: { msgs: 4, bytes: 40 },
      slowConsumers: { clients: 1, leafs: 0 },
      stalledClients: 3,
    }),
    threadReport({
      connections: { clients: 1, leafs: 2 },
      in: { msgs: 1, bytes: 2 },
      slowConsumers: { clients: 0, leafs: 2 },
      staleConnections: { clients: 1, leafs: 1 },
    }),
  ]
  const json = await get(context, '/varz')
  const expected = {
    connections: 3,
    leafnodes: 2,
    in_msgs: 6,
    in_bytes: 52,
    in_client_msgs: 4,
    slow_consumers: 3,
    stale_connections: 2,
    stalled_clients: 3,
    subscriptions: 7,
    mem: 1000,
    cpu: 12.5,
    gomaxprocs: 3,
    slow_consumer_stats: { clients: 1, routes: 0, gateways: 0, leafs: 2 },
    stale_connection_stats: { clients: 1, routes: 0, gateways: 0, leafs: 1 },
  }
  for (const [member, value] of Object.entries(expected)) {
    assert.deepEqual(json[member], value, member)
  }
})

test('varz shows options with units of nats-server, and no secrets', async () => {
  const context = fakeContext()
  const { leafnodes, websocket } = context.source.facts.options
  context.source.options = {
    httpBasePath: 'foo/../bar/',
    serverTags: ['x'],
    serverMetadata: { b: '1', a: '2' },
    featureFlags: { js_ack_fc_v2: true, foo: true },
    trustedProxies: ['PKEY'],
    writeTimeout: 'close',
    monitorToken: 'very-secret',
    websocket: { ...websocket, port: -1, handshakeTimeoutMs: 3000, noTls: true },
    leafnodes: { ...leafnodes, port: -1 },
  }
  const ports = { client: 4222, leaf: 7422, websocket: 8080 }
  const ends = { client: START_MS, leaf: 0, websocket: 0 }
  context.source.facts = { ...context.source.facts, ports, certificateEnds: ends }
  const json = await get(context, '/varz')
  assert.equal(json['http_base_path'], 'foo/../bar/')
  assert.equal(json['write_timeout'], 'close')
  assert.equal(json['ping_interval'], 120e9)
  assert.deepEqual(json['feature_flags'], {
    js_ack_fc_v2: true,
    js_api_reply_v2: false,
    js_raft_delete_range: true,
    js_snapshot_sources: false,
  })
  assert.deepEqual(json['proxies'], { trusted: [{ key: 'PKEY' }] })
  assert.equal((json['websocket'] as JsonObject)['handshake_timeout'], 3e9)
  assert.equal((json['leaf'] as JsonObject)['port'], 7422)
  assert.equal(json['tls_cert_not_after'], '2026-01-02T03:04:05Z')
  assert.ok(!JSON.stringify(json).includes('very-secret'))
})

test('varz counts logins of accounts that are not pinned, where some are', async () => {
  const context = fakeContext()
  assert.equal((await get(context, '/varz'))['pinned_account_fails'], undefined)
  context.source.options = { operator: { ...operatorDefaults(), pinnedAccounts: ['A'] } }
  assert.equal((await get(context, '/varz'))['pinned_account_fails'], 4)
})

test('accountz shows names, one account, or says that it is not there', async () => {
  const context = fakeContext()
  const jwt = `h.${Buffer.from('{"sub":"A","nats":{}}').toString('base64url')}.s`
  context.source.reports = [
    accountReport({
      jwt,
      mappings: [
        { source: 'k', destinations: [{ subject: 'l', weight: 100, cluster: '' }] },
        { source: '1', destinations: [{ subject: '2', weight: 100, cluster: 'c' }] },
      ],
      exports: [
        {
          type: 'service',
          subject: 'q',
          needsToken: true,
          responseType: 'Singleton',
          latency: { sampling: 0, subject: 'lat' },
          approvedAccounts: ['B'],
          revokedActivations: new Map([['X', START_MS]]),
        },
      ],
      imports: [
        {
          type: 'stream',
          subject: 's',
          account: 'B',
          localSubject: 'p.s',
          isInvalid: false,
          isShared: false,
          isTracked: false,
          latency: undefined,
        },
      ],
      responses: new Map([
        [
          '_R_.x',
          {
            type: 'service',
            subject: 'inbox',
            account: 'B',
            localSubject: '_R_.x',
            isInvalid: false,
            isShared: false,
            isTracked: false,
            latency: undefined,
          },
        ],
      ]),
    }),
  ]
  assert.deepEqual((await get(context, '/accountz'))['accounts'], ['A'])
  const detail = (await get(context, '/accountz?acc=A'))['account_detail'] as JsonObject
  assert.deepEqual(detail['decoded_jwt'], { sub: 'A', nats: {} })
  assert.deepEqual(detail['exports'], [
    {
      subject: 'q',
      type: 'service',
      token_req: true,
      response_type: 'Singleton',
      service_latency: { sampling: 'headers', results: 'lat' },
      approved_accounts: ['B'],
      revoked_activations: { X: '2026-01-02T03:04:05Z' },
    },
  ])
  // In a map Go writes the kind as its number.
  assert.deepEqual(detail['responses'], {
    '_R_.x': {
      subject: 'inbox',
      account: 'B',
      to: '_R_.x',
      local_subject: '_R_.x',
      type: 2,
      invalid: false,
      share: false,
      tracking: false,
    },
  })
  assert.deepEqual(detail['imports'], [
    {
      subject: 's',
      account: 'B',
      local_subject: 'p.s',
      type: 'stream',
      invalid: false,
      share: false,
      tracking: false,
    },
  ])
  assert.deepEqual(detail['mappings'], {
    '1': [{ subject: '2', weight: 100, cluster: 'c' }],
    k: [{ subject: 'l', weight: 100 }],
  })
  assert.equal(await refusal(context, '/accountz?acc=X'), 'Account X does not exist')
})

test('accstatz hides accounts without connections', async () => {
  const context = fakeContext()
  context.source.stats = [accountStat(), accountStat({ account: 'B', leafs: 1 })]
  const names = async (path: string) =>
    ((await get(context, path))['account_statz'] as readonly JsonObject[]).map(({ acc }) => acc)
  assert.deepEqual(await names('/accstatz'), ['B'])
  assert.deepEqual(await names('/accstatz?unused=1'), ['A', 'B'])
})

test('healthz says which listeners are not there', async () => {
  const context = fakeContext()
  const ask = async (parameters: string) => {
    const endpoint = HTTP_ENDPOINTS.get('/healthz')!
    const { status, body } = await endpoint.overHttp(new Query(parameters), context, () => {})
    return [status, body]
  }
  assert.deepEqual(await ask('js-enabled=true'), [200, '{"status":"ok"}'])
  context.source.waitingListeners = ['server', 'leafnode']
  const error = 'failed to be ready for connections after 1ms: server, leafnode'
  assert.deepEqual(await ask(''), [500, `{"status":"error","error":"${error}"}`])
  assert.deepEqual(await ask('details=1'), [
    500,
    `{"status":"error","errors":[{"type":"CONNECTION","error":"${error}"}]}`,
  ])
  assert.equal((await ask('stream=x'))[0], 400)
  assert.equal((await ask('account=a&consumer=x'))[0], 400)
  assert.deepEqual(context.warnings.slice(0, 3), [
    'Healthcheck: js-enabled deprecated, use js-enabled-only instead',
    `Healthcheck failed: "${error}"`,
    'Healthcheck failed: 1 errors',
  ])
})

test('the command line is shown without secrets', async () => {
  const argv = process.argv
  process.argv = ['node', 'nats-server', '--pass', 'very-secret', '--user=very-secret']
  try {
    const json = await get(fakeContext(), '/debug/vars')
    assert.deepEqual(Object.keys(json), ['cmdline', 'memstats'])
    assert.ok(!JSON.stringify(json).includes('very-secret'))
  } finally {
    process.argv = argv
  }
})

async function system(context: FakeContext, name: string, options?: object, account = '') {
  const body = options === undefined ? '' : JSON.stringify(options)
  return monitorAnswer({ name, body: Buffer.from(body), account }, context)
}

test('requests of the system account have the same answers', async () => {
  const context = fakeContext()
  context.source.reports = [accountReport()]
  const names =
    'VARZ CONNZ SUBSZ ROUTEZ GATEWAYZ LEAFZ ACCOUNTZ JSZ HEALTHZ EXPVARZ IPQUEUESZ RAFTZ PROFILEZ'
  for (const name of names.split(' ')) {
    const answer = await system(context, name)
    assert.ok(answer?.ok, name)
    assert.ok(!answer.json.includes('\n'), name)
    JSON.parse(answer.json)
  }
  assert.equal(await system(context, 'NOTHING'), undefined)
  assert.equal(context.httpRequests.size, 0)
})

test('options of system requests reach the endpoint', async () => {
  const context = fakeContext()
  await system(context, 'CONNZ', { state: 1, sort: 'reason', acc: 'X', filter_subject: 'a.>' }, 'A')
  assert.equal(context.source.connectionQuery?.state, 'closed')
  assert.equal(context.source.connectionQuery?.account, 'A')
  assert.equal(context.source.connectionQuery?.filterSubject, 'a.>')
  await system(context, 'CONNZ', { filter_subject: '>' })
  assert.equal(context.source.connectionQuery?.filterSubject, '')
  await system(context, 'SUBSZ', undefined, 'A')
  assert.equal(context.source.subscriptionQuery?.account, 'A')
})

test('errors and silence of system requests', async () => {
  const context = fakeContext()
  assert.deepEqual(await system(context, 'CONNZ', { filter_subject: 'a' }), {
    ok: false,
    code: 500,
    text: 'filter by subject only valid with account filtering',
  })
  assert.deepEqual(await system(context, 'INFO', undefined, 'X'), {
    ok: false,
    code: 500,
    text: 'Account X does not exist',
  })
  const wrong = await system(context, 'CONNZ', { offset: 'x' })
  assert.ok(wrong?.ok === false && wrong.code === 400)
  assert.equal(await system(context, 'JSZ', { leader_only: true }), undefined)
  assert.equal(await system(context, 'STATZ', undefined, 'X'), undefined)
  assert.ok((await system(context, 'STATZ', { include_unused: true }, 'X'))?.ok)
})

test('the share of the processor is that since the look before', () => {
  let [ms, us] = [0, 0]
  const meter = new ProcessMeter(
    () => ms,
    () => us,
  )
  assert.equal(meter.usage().cpuPercent, 0)
  ;[ms, us] = [2000, 3_000_000]
  assert.equal(meter.usage().cpuPercent, 150)
  // Too soon to say anything new.
  ;[ms, us] = [2500, 9_000_000]
  assert.equal(meter.usage().cpuPercent, 150)
  ;[ms, us] = [4000, 9_000_000]
  assert.equal(meter.usage().cpuPercent, 300)
})
