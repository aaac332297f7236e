import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headersOf, leafRequestPath } from '../../../src/protocol/websocket/handshake.ts'
import { allowedOrigins } from '../../../src/protocol/websocket/origin.ts'
import {
  browserTraits,
  checkUpgrade,
  cookieCredentials,
  forwardedIp,
  responseHeaderLines,
  type Upgrade,
  type UpgradePolicy,
} from '../../../src/protocol/websocket/upgrade-request.ts'

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const GOOD: Readonly<Record<string, string>> = {
  Host: 'localhost:8080',
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': KEY,
  'Sec-WebSocket-Version': '13',
}
const POLICY: UpgradePolicy = {
  isTls: false,
  compression: true,
  sameOrigin: false,
  allowed: [],
  responseHeaders: '',
}

interface Case {
  readonly method?: string
  readonly target?: string
  /** undefined takes a header away. */
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly policy?: Partial<UpgradePolicy>
}

function check({ method = 'GET', target = '/', headers = {}, policy = {} }: Case) {
  const raw = Object.entries({ ...GOOD, ...headers }).flatMap(([name, value]) =>
    value === undefined ? [] : [name, value],
  )
  return checkUpgrade({ method, target, headers: headersOf(raw) }, { ...POLICY, ...policy })
}

function granted(request: Case): Upgrade {
  const verdict = check(request)
  assert.ok(verdict.ok, verdict.ok ? '' : verdict.reason)
  return verdict.upgrade
}

function refused(request: Case): [number, string] {
  const verdict = check(request)
  assert.ok(!verdict.ok)
  return [verdict.status, verdict.reason]
}

test('the example of RFC 6455 is granted', () => {
  assert.deepEqual(granted({}), {
    kind: 'client',
    compress: false,
    noMasking: false,
    response:
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
  })
})

test('each check has its status and its words', () => {
  const host = "'Host' missing in request"
  assert.deepEqual(refused({ method: 'POST' }), [405, 'request method must be GET'])
  assert.deepEqual(refused({ headers: { Host: undefined } }), [400, host])
  const upgrade = [400, "invalid value for header 'Upgrade'"]
  assert.deepEqual(refused({ headers: { Upgrade: undefined } }), upgrade)
  assert.deepEqual(refused({ headers: { Upgrade: 'websockets' } }), upgrade)
  const connection = [400, "invalid value for header 'Connection'"]
  assert.deepEqual(refused({ headers: { Connection: 'keep-alive' } }), connection)
  assert.deepEqual(refused({ headers: { 'Sec-WebSocket-Key': undefined } }), [400, 'key missing'])
  for (const key of ['x', 'dGhlIHNhbXBsZSBub25jZQ', `${KEY}AAAA`, 'dGhlIHNhbXBsZSBub25jZQ=!']) {
    assert.deepEqual(refused({ headers: { 'Sec-WebSocket-Key': key } }), [
      400,
      'invalid websocket key',
    ])
  }
  const version = [400, 'invalid version']
  assert.deepEqual(refused({ headers: { 'Sec-WebSocket-Version': undefined } }), version)
  assert.deepEqual(refused({ headers: { 'Sec-WebSocket-Version': '8' } }), version)
  assert.deepEqual(refused({ target: '/mqtt' }), [404, 'mqtt websocket endpoint not enabled'])
})

test('checks are made in order', () => {
  const nothing = { Host: undefined, Upgrade: undefined, Connection: undefined }
  assert.deepEqual(refused({ method: 'POST', headers: nothing })[0], 405)
  assert.equal(refused({ headers: nothing })[1], "'Host' missing in request")
  assert.equal(
    refused({ headers: { Upgrade: undefined, Connection: undefined } })[1],
    "invalid value for header 'Upgrade'",
  )
})

test('lists and letter case of the headers do not matter', () => {
  granted({
    headers: {
      Upgrade: 'h2c, WebSocket',
      Connection: 'keep-alive ,\tupgrade',
      'Sec-WebSocket-Version': '8, 13',
    },
  })
})

test('a path that ends in /leafnode is a leaf', () => {
  for (const target of [
    '/leafnode',
    '/some/path/leafnode',
    '/leafnode?x=/y',
    'http://h/leafnode',
  ]) {
    assert.equal(granted({ target }).kind, 'leaf', target)
  }
  for (const target of ['/', '/leafnodes', '/leafnode/', '/x?y=/leafnode', 'http://leafnode']) {
    assert.equal(granted({ target }).kind, 'client', target)
  }
  assert.equal(leafRequestPath(''), '/leafnode')
  assert.equal(leafRequestPath('/'), '/leafnode')
  assert.equal(leafRequestPath('/some/path/'), '/some/path/leafnode')
})

test('compression and masking are agreed on', () => {
  const extension =
    'Sec-WebSocket-Extensions: permessage-deflate; ' +
    'server_no_context_takeover; client_no_context_takeover\r\n'
  const offer = { 'Sec-WebSocket-Extensions': 'foo, Permessage-Deflate; client_max_window_bits' }
  const both = granted({ headers: { ...offer, 'Nats-No-Masking': 'true' } })
  assert.equal(both.compress, true)
  assert.equal(both.noMasking, true)
  assert.ok(both.response.endsWith(`\r\n${extension}Nats-No-Masking: true\r\n\r\n`))

  const off = granted({ headers: offer, policy: { compression: false } })
  assert.equal(off.compress, false)
  assert.ok(!off.response.includes('Extensions'))
  assert.equal(granted({ headers: { 'Nats-No-Masking': 'yes' } }).noMasking, false)
})

test('configured headers are in the response', () => {
  const responseHeaders = responseHeaderLines({ Server: 'x', 'X-Y': 'z' })
  const { response } = granted({ policy: { responseHeaders } })
  assert.ok(response.endsWith('\r\nServer: x\r\nX-Y: z\r\n\r\n'))
})

test('origins', () => {
  const outcome = (origin: string, policy: Partial<UpgradePolicy>, host = 'localhost:8080') => {
    const verdict = check({ headers: { Origin: origin, Host: host }, policy })
    return verdict.ok ? 'ok' : verdict.reason.replace('origin not allowed: ', '')
  }
  const same = { sameOrigin: true }
  assert.equal(outcome('http://evil', {}), 'ok')
  assert.equal(outcome('http://localhost:8080', same), 'ok')
  assert.equal(outcome('http://LOCALHOST:8080', same), 'ok')
  assert.equal(outcome('http://localhost', same, 'localhost'), 'ok')
  assert.equal(outcome('https://localhost', { ...same, isTls: true }, 'localhost:443'), 'ok')
  assert.equal(outcome('http://[::1]:80', same, '[::1]'), 'ok')
  assert.equal(outcome('http://localhost:8081', same), 'not same origin')
  assert.equal(outcome('https://localhost:8080', same), 'not same origin')
  assert.equal(outcome('http://other:8080', same), 'not same origin')
  assert.equal(outcome('null', same), 'parse "null": invalid URI for request')

  const allowed = allowedOrigins(['http://host1:9222', 'https://host2.com'])
  assert.equal(outcome('http://host1:9222', { allowed }), 'ok')
  assert.equal(outcome('https://Host2.com:443', { allowed }), 'ok')
  assert.equal(outcome('http://host2.com', { allowed }), 'not in the allowed list')
  assert.equal(outcome('http://host1', { allowed }), 'not in the allowed list')
  const both = { sameOrigin: true, allowed }
  assert.equal(outcome('http://localhost:8080', both), 'not in the allowed list')
  assert.equal(outcome('http://host1:9222', both, 'host1:9222'), 'ok')
  assert.equal(outcome('http://host1:9222', both), 'not same origin')

  assert.equal(check({ policy: both }).ok, true, 'no origin')
  const old = { 'Sec-WebSocket-Origin': 'http://evil' }
  assert.deepEqual(refused({ headers: old, policy: same }), [
    403,
    'origin not allowed: not same origin',
  ])
})

test('the address a proxy tells is taken if it is one', () => {
  const ipOf = (value: string) => forwardedIp(headersOf(['X-Forwarded-For', value]))
  assert.equal(ipOf('1.2.3.4'), '1.2.3.4')
  assert.equal(ipOf('2001:db8::1'), '2001:db8::1')
  assert.equal(ipOf('1.2.3.4, 5.6.7.8'), '')
  assert.equal(ipOf('unknown'), '')
  assert.equal(forwardedIp(headersOf([])), '')
  const twice = headersOf(['X-Forwarded-For', '1.1.1.1', 'X-Forwarded-For', '2.2.2.2'])
  assert.equal(forwardedIp(twice), '1.1.1.1')
})

test('browsers are known by their user agent', () => {
  const traits = (agent: string) => browserTraits(headersOf(['User-Agent', agent]))
  const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36'
  const safari = 'Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/17.0 Safari/605.1.15'
  assert.deepEqual(traits(chrome), { isBrowser: true, isSafari: false })
  assert.deepEqual(traits(safari), { isBrowser: true, isSafari: true })
  assert.deepEqual(traits('nats-go'), { isBrowser: false, isSafari: false })
})

test('cookies by name', () => {
  const names = { jwtCookie: 'j', userCookie: 'u', passCookie: 'p', tokenCookie: '' }
  const found = (...lines: string[]) =>
    cookieCredentials(headersOf(lines.flatMap((line) => ['Cookie', line])), names)
  assert.deepEqual(found('u=bob; p=s3cret; t=x'), {
    jwt: '',
    user: 'bob',
    pass: 's3cret',
    token: '',
  })
  assert.deepEqual(found('j=a.b.c', 'p="quoted"'), {
    jwt: 'a.b.c',
    user: '',
    pass: 'quoted',
    token: '',
  })
  assert.deepEqual(found('u=a=b'), { jwt: '', user: 'a=b', pass: '', token: '' })
  assert.equal(found('x=1; bad name=2; u=back\\slash'), undefined)
  assert.equal(found(), undefined)
})
