import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeBroker, FakeClock, FakeLink, hasLine, settle, Wire } from './fake-broker.ts'
import { LineReader } from './line-reader.ts'
import { accepted, CONNECT_INFO, FIRST_INFO, info, solicited } from './one-sided.ts'

function pair(): [hub: FakeBroker, spoke: FakeBroker] {
  const clock = new FakeClock()
  return [
    new FakeBroker('hub', clock, { cluster: 'h', domain: 'hd' }),
    new FakeBroker('spoke', clock, { cluster: 's' }),
  ]
}

test('two servers shake hands: INFO, CONNECT, INFO, interest both ways', () => {
  const [hub, spoke] = pair()
  hub.change('from.hub', undefined, 1)
  spoke.change('from.spoke', 'q', 2)
  const wire = new Wire(spoke, hub)
  settle(wire)
  assert.equal(
    wire.hubLink.written,
    'INFO {"server_id":"Nhub","server_name":"hub","version":"2.15.1","proto":1,"go":"none",' +
      '"host":"127.0.0.1","port":7422,"headers":true,"auth_required":true,"max_payload":1048576,' +
      '"ip":"127.0.0.1:7422","client_id":1,"nonce":"abcdefghijklmno","cluster":"h","domain":"hd",' +
      '"compression":"off","info_on_connect":true,"leafnode_urls":["127.0.0.1:7422"]} \r\n' +
      'INFO {"server_id":"Nhub","server_name":"hub","version":"2.15.1","proto":1,"go":"none",' +
      '"host":"127.0.0.1","port":7422,"headers":true,"auth_required":true,"max_payload":1048576,' +
      '"ip":"127.0.0.1:7422","client_id":1,"cluster":"h","domain":"hd","connect_info":true,' +
      '"remote_account":"$G","info_on_connect":true,"leafnode_urls":["127.0.0.1:7422"]} \r\n' +
      'LS+ from.hub\r\nLS+ $LDS.hub\r\n',
  )
  assert.equal(
    wire.spokeLink.written,
    'CONNECT {"version":"2.15.1","server_id":"Nspoke","name":"spoke","cluster":"s","headers":true,' +
      '"compress_mode":"off","remote_account":"$G","protocol":1}\r\n' +
      'LS+ from.spoke q 2\r\nLS+ $LDS.spoke\r\n',
  )
  assert.deepEqual(hub.view(wire.hubLink), ['$LDS.spoke', 'from.spoke q 2'])
  const { name, cluster, remoteAccount, domain, headers, isSpoke } = wire.spokeLink.peer!
  assert.deepEqual(
    { name, cluster, remoteAccount, domain, headers, isSpoke },
    { name: 'hub', cluster: 'h', remoteAccount: '$G', domain: 'hd', headers: true, isSpoke: true },
  )
  assert.equal(wire.hubLink.peer?.isSpoke, false)
  assert.ok(spoke.log.lines.includes('INF Leafnode connection created for account: $G'))
  assert.ok(hub.log.lines.includes('INF Leafnode connection created'))
  assert.ok(spoke.log.lines.includes('INF JetStream using domains: local "", remote "hd"'))
  wire.cut()
  assert.ok(hub.log.lines.includes('INF Leafnode connection closed: Client Closed - Remote: spoke'))
  assert.ok(hub.log.lines.includes('TRC <-> [DELSUB from.spoke q]'))
  assert.deepEqual([hub.interest.size, hub.view(wire.hubLink)], [0, []])
})

test('headers are on only if both ends do them', () => {
  const clock = new FakeClock()
  const wire = new Wire(new FakeBroker('s', clock), new FakeBroker('h', clock, { headers: false }))
  settle(wire)
  assert.equal(wire.hubLink.peer?.headers, false)
  assert.equal(wire.spokeLink.peer?.headers, false)
  const link = new FakeLink(clock)
  const session = wire.hub.accept(link)
  session.start()
  session.onConnect('{"headers":true}')
  assert.equal(link.peer?.headers, false)
})

test('the accepting side takes nothing but CONNECT first', () => {
  for (const first of ['LS+ foo\r\n', 'PING\r\n', 'INFO {}\r\n', 'HELLO\r\n']) {
    const { link, session, broker, tell } = accepted()
    tell(first)
    assert.equal(link.take(), "-ERR 'Authorization Violation'\r\n", first)
    assert.equal(link.closedWith, 'authenticationFailure')
    assert.ok(session.isEnded)
    assert.ok(broker.log.lines.includes('ERR authentication error'))
  }
})

test('CONNECT {} is enough where no credentials are asked for', () => {
  const { link, tell, broker } = accepted()
  tell('CONNECT {}\r\nLS+ foo\r\n')
  assert.match(link.take(), /^INFO .*"connect_info":true.*\r\nLS\+ \$LDS\.hub\r\n$/)
  assert.deepEqual(broker.view(link), ['foo'])
})

test('a repeated CONNECT starts anew: what was wanted before is forgotten', () => {
  const { link, tell, broker } = accepted()
  tell('CONNECT {"name":"a"}\r\nLS+ foo\r\n')
  const first = link.take()
  tell('CONNECT {"name":"b","cluster":"c"}\r\nLS+ bar\r\n')
  assert.equal(link.take(), first)
  assert.deepEqual(broker.view(link), ['bar'])
  assert.deepEqual([broker.interest.size, link.peer?.name], [1, 'b'])
})

test('a leaf that sends no CONNECT in time is told so and closed', () => {
  const { link, session, broker } = accepted()
  assert.equal(session.nextDeadlineMs(), broker.clock.nowMs + 2000)
  session.onTimer(broker.clock.nowMs + 1999)
  assert.equal(link.closedWith, undefined)
  session.onTimer(broker.clock.nowMs + 2000)
  assert.equal(link.take(), "-ERR 'Authentication Timeout'\r\n")
  assert.equal(link.closedWith, 'authenticationTimeout')
  assert.equal(session.nextDeadlineMs(), Number.POSITIVE_INFINITY)
})

test('credentials that are refused, now or later, end the connection', async () => {
  const refusal = { ok: false, why: 'authorization' } as const
  const failing = () => Promise.reject(new Error('pool is gone'))
  for (const authenticate of [() => refusal, async () => refusal, failing]) {
    const { link, tell, broker } = accepted({ authenticate })
    tell('CONNECT {"user":"bob","pass":"secret"}\r\n')
    await new Promise(setImmediate)
    assert.equal(link.take(), "-ERR 'Authorization Violation'\r\n")
    assert.equal(link.closedWith, 'authenticationFailure')
    assert.ok(broker.log.lines.includes('ERR authentication error - User "bob"'))
    assert.doesNotMatch(broker.log.lines.join('\n'), /secret/)
    assert.equal(broker.interest.size, 0)
  }
})

test('the credentials and the nonce reach the check, and lines wait for its answer', async () => {
  const seen: unknown[] = []
  const { link, tell, broker } = accepted({
    authenticate: async ({ user, pass, authToken }, nonce) => {
      seen.push({ user, pass, authToken, nonce })
      return { ok: true }
    },
  })
  tell('CONNECT {"user":"u","pass":"p"}\r\nLS+ early\r\n')
  assert.deepEqual(broker.view(link), [])
  await new Promise(setImmediate)
  assert.deepEqual(seen, [{ user: 'u', pass: 'p', authToken: '', nonce: 'abcdefghijklmno' }])
  assert.deepEqual(broker.view(link), ['early'])
})

test('an account that is full says so', () => {
  const { link, tell } = accepted({
    authenticate: () => ({ ok: false, why: 'maxAccountConnections' }),
  })
  tell('CONNECT {}\r\n')
  assert.equal(link.take(), "-ERR 'maximum account active connections exceeded'\r\n")
  assert.equal(link.closedWith, 'maxAccountConnectionsExceeded')
})

test('CONNECT of something that is no leaf node, or no welcome one, is refused with the reason', () => {
  const cases = [
    ['{"lang":"go"}', 'attempted to connect to leaf node port', 'incorrectPort'],
    ['{"cluster":"a b"}', 'cluster name cannot contain spaces', 'protocolViolation'],
    ['{"cluster":"h"}', 'remote leafnode has same cluster name', 'clusterNamesIdentical'],
    ['{"account":"x"}', 'Authorization Violation', 'authenticationFailure'],
    [
      '{"gateway":"gg"}',
      'Rejecting connection from gateway "gg" on the leafnode port',
      'wrongGateway',
    ],
    [
      '{"version":"2.7.4"}',
      'connection rejected since minimum version required is "2.8.0"',
      'minimumVersionRequired',
    ],
    [
      '{}',
      'connection rejected since minimum version required is "2.8.0"',
      'minimumVersionRequired',
    ],
  ] as const
  for (const [connect, text, reason] of cases) {
    const minVersion = text.includes('minimum') ? '2.8.0' : ''
    const { link, tell, broker } = accepted({ minVersion })
    tell(`CONNECT ${connect}\r\n`)
    const sent = link.take()
    // Servers tell who they are first where the leaf has to know; see below.
    assert.equal(sent.slice(sent.indexOf('-ERR')), `-ERR '${text}'\r\n`)
    assert.equal(/^INFO .*"connect_info":true/.test(sent), minVersion !== '')
    assert.equal(link.closedWith, reason)
    assert.equal(broker.interest.size, 0)
  }
})

test('a leaf that is too old learns that from a server it takes for a hub', () => {
  const clock = new FakeClock()
  const wire = new Wire(
    new FakeBroker('old', clock, { version: '2.9.25' }),
    new FakeBroker('hub', clock),
    {
      accept: { minVersion: '2.10.0' },
    },
  )
  settle(wire)
  const text = 'connection rejected since minimum version required is "2.10.0"'
  assert.deepEqual(
    wire.hubLink.journal.map((line) => line.split(' ')[0]),
    ['INFO', 'INFO', '-ERR'],
  )
  assert.ok(hasLine(wire.hub.log, `ERR ${text} - Account:$G Local:hub `))
  assert.ok(hasLine(wire.spoke.log, `ERR Leafnode Error '${text}' - `))
  assert.equal(wire.penaltyMs, 5000)
  assert.equal(wire.hub.interest.size, 0)
})

test('CONNECT that is no JSON closes without a word', () => {
  const { link, tell, broker } = accepted()
  tell('CONNECT {bad\r\n')
  assert.equal(link.take(), '')
  assert.equal(link.closedWith, 'protocolViolation')
  assert.ok(broker.log.lines.some((line) => line.startsWith('ERR CONNECT cannot be read: ')))
})

test('INFO of a connected leaf changes nothing, but may not claim to answer CONNECT', () => {
  const { link, tell } = accepted()
  tell('CONNECT {"cluster":"c","headers":true}\r\n')
  const { peer } = link
  link.take()
  tell('INFO {"cluster":"other","headers":false,"import":{"deny":[">"]}}\r\n')
  assert.deepEqual([link.take(), link.peer], ['', peer])
  tell('INFO {"connect_info":true}\r\n')
  assert.equal(link.take(), "-ERR 'Authorization Violation'\r\n")
  assert.equal(link.closedWith, 'protocolViolation')
})

test('a leaf whose user may do only so much is told, and held to it', () => {
  const { link, tell, broker } = accepted({
    authenticate: () => ({
      ok: true,
      publish: { allow: ['up.>'] },
      subscribe: { deny: ['secret'] },
    }),
  })
  broker.change('up.x', undefined, 1)
  broker.change('other', undefined, 1)
  broker.change('>', undefined, 1)
  tell('CONNECT {"deny_pub":["noisy"]}\r\n')
  const sent = link.take()
  assert.match(sent, /"import":\{"deny":\["secret"\]\},"export":\{"allow":\["up.\\u003e"\]\}/)
  assert.match(sent, /\r\nLS\+ up\.x\r\nLS\+ >\r\nLS\+ \$LDS\.hub\r\n$/)
  assert.deepEqual(link.peer?.outgoing, { deny: ['secret', 'noisy'] })
  assert.deepEqual(link.peer?.incoming, { allow: ['up.>'], deny: [] })
  assert.ok(broker.log.lines.includes('DBG Not permitted to subscribe to "other" on behalf of $G'))
  tell('LS+ *\r\nLS+ secret\r\n')
  assert.deepEqual(broker.wanted.get(link)?.size, 0)
  assert.equal(link.take(), `-ERR 'Permissions Violation for Subscription to "secret"'\r\n`)
  assert.equal(link.closedWith, 'protocolViolation')
  assert.ok(
    broker.log.lines.includes(
      'ERR Subscription Violation on "secret" - Check other side configuration',
    ),
  )
})

test('a newer link from the same server replaces the older one', () => {
  const hub = new FakeBroker('hub')
  const connect = 'CONNECT {"name":"leaf","cluster":"c","remote_account":"$G"}\r\n'
  const links = [new FakeLink(hub.clock), new FakeLink(hub.clock)] as const
  for (const link of links) {
    const session = hub.accept(link)
    session.start()
    new LineReader(session).feed(Buffer.from(`${connect}LS+ foo\r\n`))
  }
  assert.match(links[0].take(), /-ERR 'Duplicate Remote LeafNode Connection'\r\n$/)
  assert.equal(links[0].closedWith, 'duplicateRemoteLeafnode')
  assert.equal(links[1].closedWith, undefined)
  assert.deepEqual([hub.view(links[0]), hub.view(links[1])], [[], ['foo']])
  const place = '(no id)@192.0.2.1:7422'
  const line = `WRN Replacing connection from same server - Old:${place} New:${place}`
  assert.ok(hub.log.lines.includes(line))
})

test('links of one server for different accounts, or without an account, are no duplicates', () => {
  const hub = new FakeBroker('hub')
  for (const account of ['"A"', '"B"', '""', '""']) {
    const session = hub.accept(new FakeLink(hub.clock))
    session.start()
    new LineReader(session).feed(
      Buffer.from(`CONNECT {"name":"leaf","remote_account":${account}}\r\n`),
    )
  }
  assert.equal(hub.interest.size, 4)
})

test('the dialling side gives up a peer that says nothing', () => {
  const { link, session, broker } = solicited()
  session.onTimer(broker.clock.nowMs + 1000)
  assert.equal(link.take(), '')
  assert.equal(link.closedWith, 'readError')
})

test('the dialling side waits two seconds for the answer to CONNECT', () => {
  const { link, session, broker, tell } = solicited()
  tell(FIRST_INFO)
  assert.match(link.take(), /^CONNECT /)
  session.onTimer(broker.clock.nowMs + 1999)
  assert.equal(link.closedWith, undefined)
  session.onTimer(broker.clock.nowMs + 2000)
  assert.equal(link.take(), "-ERR 'Stale Leaf Node Connection - Closing'\r\n")
  assert.equal(link.closedWith, 'staleConnection')
})

test('no interest is announced before the answer to CONNECT, but it may be received', () => {
  const { link, broker, tell } = solicited()
  broker.change('foo', undefined, 1)
  tell(FIRST_INFO)
  link.take()
  broker.change('bar', undefined, 1)
  tell('LS+ hub.wants\r\n')
  assert.equal(link.take(), '')
  assert.deepEqual(broker.view(link), ['hub.wants'])
  tell(CONNECT_INFO)
  assert.equal(link.take(), 'LS+ foo\r\nLS+ bar\r\nLS+ $LDS.spoke\r\n')
})

test('a hub too old to answer CONNECT is told interest at once', () => {
  const { link, tell } = solicited()
  tell(info({ info_on_connect: false }))
  assert.match(link.take(), /^CONNECT .*\r\nLS\+ \$LDS\.spoke\r\n$/)
})

test('a client or route port is recognised as the wrong port', () => {
  for (const members of [
    { leafnode_urls: undefined, info_on_connect: undefined },
    { client_id: 0 },
    { client_id: undefined, leafnode_urls: undefined },
  ]) {
    const { link, broker, tell } = solicited()
    tell(info(members))
    assert.equal(link.take(), '')
    assert.equal(link.closedWith, 'incorrectPort')
    assert.ok(broker.log.lines.includes('ERR attempted to connect to wrong port'))
  }
})

test('the peer is told which compression was agreed on', () => {
  for (const [members, mode] of [
    [{ compression: 's2_auto' }, 'off'],
    [{ compression: 'off' }, 'off'],
    [{}, 'not supported'],
  ] as const) {
    const { link, tell } = solicited()
    tell(info(members))
    assert.ok(link.take().includes(`"compress_mode":"${mode}"`))
  }
})

test('credentials, role and denies go into CONNECT', () => {
  const { link, tell } = solicited({
    credentials: (nonce) => ({ user: 'u', pass: 'p', sig: `signed ${nonce}` }),
    isHub: true,
    denyImports: ['no.>'],
    requestsIsolation: true,
  })
  tell(FIRST_INFO)
  assert.equal(
    link.take(),
    'CONNECT {"version":"2.15.1","sig":"signed n","user":"u","pass":"p","server_id":"Nspoke",' +
      '"name":"spoke","is_hub":true,"cluster":"s","headers":true,"deny_pub":["no.\\u003e"],' +
      '"isolate":true,"compress_mode":"off","remote_account":"$G","protocol":1}\r\n',
  )
})

test('TLS is started before CONNECT, and nothing is said after its failure', async () => {
  let isSecured = false
  const startTls = async (): Promise<void> => {
    isSecured = true
  }
  const good = solicited({ startTls, credentials: () => ({ user: isSecured ? 'u' : 'too early' }) })
  good.tell(info({ tls_required: true }))
  assert.equal(good.link.take(), '')
  await new Promise(setImmediate)
  assert.match(good.link.take(), /^CONNECT .*"user":"u"/)
  const bad = solicited({
    startTls: async () => bad.session.onClosed('tlsHandshakeFailure'),
  })
  bad.tell(info({ tls_required: true }))
  await new Promise(setImmediate)
  assert.deepEqual([bad.link.take(), bad.link.closedWith], ['', 'tlsHandshakeFailure'])
  assert.equal(bad.session.nextDeadlineMs(), Number.POSITIVE_INFINITY)
})

test('the INFO that is shown to TLS is the first one, and only that', () => {
  const seen: unknown[] = []
  const { link, tell } = solicited({
    startTls: ({ tlsRequired }) => {
      seen.push(tlsRequired)
      return undefined
    },
  })
  tell(info({ tls_required: true }))
  assert.match(link.take(), /^CONNECT /)
  tell(info({ connect_info: true, tls_required: true }))
  assert.deepEqual(seen, [true])
})

test('the first INFO is waited for only once the peer is to send it', () => {
  const broker = new FakeBroker('spoke')
  const session = broker.solicit(new FakeLink(broker.clock))
  session.start()
  assert.equal(session.nextDeadlineMs(), Number.POSITIVE_INFINITY)
  broker.clock.nowMs += 5000
  session.awaitInfo()
  assert.equal(session.nextDeadlineMs(), broker.clock.nowMs + 1000)
})

test('credentials that cannot be read end the connection', async () => {
  const fails = (): never => {
    throw new Error('Error reading LeafNode Remote Credentials file "x": gone')
  }
  for (const credentials of [fails, async () => fails()]) {
    const { link, broker, tell } = solicited({ credentials })
    tell(FIRST_INFO)
    await new Promise(setImmediate)
    assert.equal(link.closedWith, 'writeError')
    assert.ok(broker.log.lines.some((line) => line.includes('Credentials file "x": gone')))
  }
})

test('a spoke honours what the hub says it may publish and subscribe', () => {
  const { link, broker, tell } = solicited({ denyExports: ['local.only'] })
  broker.change('allowed', undefined, 1)
  broker.change('denied', undefined, 1)
  tell(FIRST_INFO)
  link.take()
  const permissions = { import: { deny: ['denied'] }, export: { allow: ['up.>'] } }
  tell(info({ connect_info: true, remote_account: '$G', ...permissions }))
  assert.equal(link.take(), 'LS+ allowed\r\nLS+ $LDS.spoke\r\n')
  assert.deepEqual(link.peer?.outgoing, { allow: ['up.>'], deny: ['local.only'] })
  tell(info({ leafnode_urls: ['a:1'] }))
  assert.deepEqual(link.peer?.outgoing, { allow: ['up.>'], deny: ['local.only'] })
  tell('LS+ up.x\r\nLS+ down.x\r\nLS+ down.*\r\n')
  assert.deepEqual(broker.view(link), ['down.*', 'up.x'])
  assert.equal(link.closedWith, undefined)
})

test('when permissions change the hub is told what differs, and no more', () => {
  const { link, broker, tell } = solicited()
  for (const subject of ['foo', 'bar', 'baz']) broker.change(subject, undefined, 1)
  broker.change('jobs', 'q', 2)
  tell(`${FIRST_INFO}${CONNECT_INFO}`)
  link.take()
  tell(info({ import: { deny: ['foo', 'jobs'] } }))
  assert.equal(link.take(), 'LS- foo\r\nLS- jobs q\r\n')
  broker.change('foo', undefined, -1)
  broker.change('foo', undefined, 1)
  assert.equal(link.take(), '')
  tell(info({ import: { deny: ['bar'] } }))
  assert.equal(link.take(), 'LS- bar\r\nLS+ jobs q 2\r\nLS+ foo\r\n')
  tell(info({ import: { deny: ['bar'] } }))
  assert.equal(link.take(), '')
  // An answer to CONNECT without permissions lifts them all.
  tell(CONNECT_INFO)
  assert.equal(link.take(), 'LS+ bar\r\n')
})

test('a hub with a broken cluster name, or with broken JSON, is left', () => {
  const spaces = solicited()
  spaces.tell(info({ cluster: 'a b' }))
  assert.equal(spaces.link.take(), "-ERR 'cluster name cannot contain spaces'\r\n")
  assert.equal(spaces.link.closedWith, 'protocolViolation')
  const broken = solicited()
  broken.tell('INFO {bad\r\n')
  assert.deepEqual([broken.link.take(), broken.link.closedWith], ['', 'protocolViolation'])
})

test('nobody logs in to a server that dialled', () => {
  const { link, tell } = solicited()
  tell(`${FIRST_INFO}${CONNECT_INFO}`)
  link.take()
  tell('CONNECT {}\r\n')
  assert.equal(link.take(), "-ERR 'Authorization Violation'\r\n")
  assert.equal(link.closedWith, 'protocolViolation')
})

test('addresses the peer knows of are passed on, from each INFO', () => {
  const seen: (readonly string[])[] = []
  const { tell } = solicited({ onDiscovered: (urls) => seen.push(urls) })
  tell(FIRST_INFO)
  tell(CONNECT_INFO)
  tell(info({ leafnode_urls: ['a:1', 'b:2'] }))
  assert.deepEqual(seen.at(-1), ['a:1', 'b:2'])
})

test('a hub that dialled holds what comes against deny_exports, a spoke against deny_imports', () => {
  const lists = { denyExports: ['no.out'], denyImports: ['no.in'] }
  const hub = solicited({ ...lists, isHub: true })
  hub.tell(info({}))
  assert.deepEqual(hub.link.peer?.incoming.deny, ['no.out'])
  assert.deepEqual(hub.link.peer?.outgoing.deny, ['no.out'])
  const spoke = solicited(lists)
  spoke.tell(info({}))
  assert.equal(spoke.link.peer?.incoming.deny?.includes('no.in'), true)
  assert.equal(spoke.link.peer?.incoming.deny?.includes('no.out'), false)
})
