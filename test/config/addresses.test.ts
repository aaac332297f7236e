import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAdvertise, splitHostPort } from '../../src/config/host-port.ts'
import {
  isSecureWebsocketUrl,
  isWebsocketUrl,
  parseRemoteUrl,
  type RemoteUrl,
  redactUrl,
  remoteUrlText,
} from '../../src/config/remote-url.ts'

const SPLIT: readonly (readonly [address: string, parts: readonly [string, string] | undefined])[] =
  [
    ['h:1', ['h', '1']],
    [':1', ['', '1']],
    ['h:', ['h', '']],
    ['[::1]:1', ['::1', '1']],
    ['[fe80::1%lo]:1', ['fe80::1%lo', '1']],
    ['', undefined],
    ['h', undefined],
    ['::1', undefined],
    ['a:b:1', undefined],
    ['[::1]', undefined],
    ['[::1]x:1', undefined],
    ['[::1:1', undefined],
    ['::1]:1', undefined],
    ['[[::1]:1', undefined],
  ]

for (const [address, parts] of SPLIT) {
  test(`splits "${address}" like Go does`, () => {
    const expected = parts === undefined ? undefined : { host: parts[0], port: parts[1] }
    assert.deepEqual(splitHostPort(address), expected)
  })
}

test('an address to advertise takes the port listened on, unless it has its own', () => {
  assert.deepEqual(parseAdvertise('h', 4222), { host: 'h', port: 4222 })
  assert.deepEqual(parseAdvertise('h:5', 4222), { host: 'h', port: 5 })
  assert.deepEqual(parseAdvertise('h:0', 4222), { host: 'h', port: 4222 })
  assert.deepEqual(parseAdvertise('h:-1', 4222), { host: 'h', port: 4222 })
  assert.deepEqual(parseAdvertise('[::1]', 4222), { host: '::1', port: 4222 })
  assert.deepEqual(parseAdvertise('[::1]:5', 4222), { host: '::1', port: 5 })
  for (const address of ['', 'h:x', '::1', 'a:b:c']) {
    assert.equal(parseAdvertise(address, 4222), undefined, address)
  }
})

const plain = (scheme: string, host: string, port = 7422): RemoteUrl => ({
  scheme,
  host,
  port,
  path: '',
})

const URLS: readonly (readonly [text: string, url: RemoteUrl | undefined])[] = [
  ['nats://h', plain('nats', 'h')],
  [' nats-leaf://h:1 ', plain('nats-leaf', 'h', 1)],
  ['LEAF://h:1/path?q#f', { ...plain('leaf', 'h', 1), path: '/path' }],
  ['wss://h/a%20b/', { ...plain('wss', 'h'), path: '/a%20b/' }],
  ['/x', { ...plain('', 'localhost'), path: '/x' }],
  ['//h:1', plain('', 'h', 1)],
  ['nats://h:', plain('nats', 'h')],
  ['nats://[::1]', plain('nats', '::1')],
  ['nats://[::1]:1', plain('nats', '::1', 1)],
  ['nats://[fe80::1%25lo]:1', plain('nats', 'fe80::1%lo', 1)],
  ['nats://u:p@h', { ...plain('nats', 'h'), user: 'u', pass: 'p' }],
  ['nats://u:@h', { ...plain('nats', 'h'), user: 'u', pass: '' }],
  ['nats://t@h', { ...plain('nats', 'h'), token: 't' }],
  ['nats://u:p%40%3A%C3%A9@h', { ...plain('nats', 'h'), user: 'u', pass: 'p@:é' }],
  ['nats://u:a@b@h', { ...plain('nats', 'h'), user: 'u', pass: 'a@b' }],
  ['localhost:7422', plain('localhost', 'localhost')], // a scheme without a host, in Go's eyes
  ['h', plain('', 'localhost')],
  ['', plain('', 'localhost')],
  ['127.0.0.1:7422', undefined],
  [':1', undefined],
  ['nats://h:x', undefined],
  ['nats://h h', undefined],
  ['nats://h%41', undefined],
  ['nats://u p@h', undefined],
  ['nats://u:%zz@h', undefined],
  ['nats://h/%zz', undefined],
  ['nats://h#%zz', undefined],
  ['nats://[::1', undefined],
  ['nats://[127.0.0.1]:1', undefined],
  ['nats://x[::1]', undefined],
  ['nats://h\n', plain('nats', 'h')],
  ['nats://h\nx', undefined],
]

for (const [text, url] of URLS) {
  test(`${url === undefined ? 'refuses' : 'reads'} the address ${JSON.stringify(text)}`, () => {
    assert.deepEqual(parseRemoteUrl(text), url)
  })
}

test('any user and password that are escaped come back whole', () => {
  const secrets = fc.string({ unit: 'grapheme', minLength: 1 })
  fc.assert(
    fc.property(secrets, secrets, (user, pass) => {
      const userInfo = `${encodeURIComponent(user)}:${encodeURIComponent(pass)}`
      const url = parseRemoteUrl(`nats://${userInfo}@h`)
      assert.deepEqual([url?.user, url?.pass], [user, pass])
    }),
  )
})

test('any text is an address or none, without an exception', () => {
  const texts = fc.oneof(fc.string(), fc.stringMatching(/^[a:/@[\]%.#?1-9]{0,12}$/))
  fc.assert(
    fc.property(texts, (text) => {
      const url = parseRemoteUrl(text)
      assert.ok(url === undefined || (url.host !== '' && url.port >= 0), text)
    }),
  )
})

test('an address as text keeps all that tells it apart', () => {
  const text = 'wss://u%40:p%3A%2F$&!@[::1]:7422/a%20b'.replace('!', '%21')
  const url = parseRemoteUrl(text)
  assert.equal(url && remoteUrlText(url, { isRedacted: false }), text)
  assert.equal(url && remoteUrlText(url, { isRedacted: true }), 'wss://u%40:xxxxx@[::1]:7422/a%20b')
})

test('an address as text shows no token, unless it is asked to', () => {
  const url = { ...plain('', 'h', 1), token: 'secret' }
  assert.equal(remoteUrlText(url, { isRedacted: false }), '//secret@h:1')
  assert.equal(remoteUrlText(url, { isRedacted: true }), '//xxxxx@h:1')
})

test('any address is the same after a way through its text', () => {
  const shapes = {
    scheme: fc.constantFrom('nats', 'ws', 'wss', ''),
    host: fc.constantFrom('h', '::1', '10.0.0.1'),
    port: fc.integer({ min: 1, max: 65_535 }),
    path: fc.constantFrom('', '/', '/a%2Fb'),
    user: fc.string({ unit: 'grapheme' }),
    pass: fc.string({ unit: 'grapheme' }),
  }
  const parts = fc.record(shapes, { noNullPrototype: true })
  fc.assert(
    fc.property(parts, (url) => {
      assert.deepEqual(parseRemoteUrl(remoteUrlText(url, { isRedacted: false })), url)
    }),
  )
})

test('schemes that begin with ws mean WebSocket, those with wss over TLS', () => {
  const kinds = ['ws', 'wss', 'wsx', 'nats', 'tls', ''].map((scheme) => [
    isWebsocketUrl({ scheme }),
    isSecureWebsocketUrl({ scheme }),
  ])
  const [clear, secure, none] = [
    [true, false],
    [true, true],
    [false, false],
  ]
  assert.deepEqual(kinds, [clear, secure, clear, none, none, none])
})

test('passwords and tokens are masked for messages, users are not', () => {
  assert.equal(redactUrl('nats://token@h'), 'nats://xxxxx@h')
  assert.equal(redactUrl('nats://u:p@h:1/x'), 'nats://u:xxxxx@h:1/x')
  assert.equal(redactUrl('nats://u:a@b@h'), 'nats://u:xxxxx@h')
  assert.equal(redactUrl('nats://h:1'), 'nats://h:1')
})
