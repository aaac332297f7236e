import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  hostAndPort,
  parseServerUrls,
  redactedUrl,
  type ServerUrl,
} from '../../../src/tools/nats/server-urls.ts'

const PLAIN: ServerUrl = { scheme: 'nats', hostname: 'localhost', port: 4222, userInfo: null }

const PARSED: Readonly<Record<string, readonly Partial<ServerUrl>[]>> = {
  '': [{ hostname: '127.0.0.1' }],
  ' , ': [{ hostname: '127.0.0.1' }],
  localhost: [{}],
  'localhost:': [{}],
  'nats://localhost/': [{}],
  'nats://localhost:5222/a?b': [{ port: 5222 }],
  ':5222': [{ port: 5222 }],
  'nats://s3cr3t@localhost': [{ userInfo: { token: 's3cr3t' } }],
  'nats://a:b@localhost': [{ userInfo: { user: 'a', password: 'b' } }],
  'nats://a:4223@localhost': [{ userInfo: { user: 'a', password: '4223' } }],
  'nats://a:@localhost': [{ userInfo: { user: 'a', password: '' } }],
  'nats://a%40b:c%3Ad@localhost': [{ userInfo: { user: 'a@b', password: 'c:d' } }],
  'nats://a:b@c@localhost': [{ userInfo: { user: 'a', password: 'b@c' } }],
  'nats://[::1]:5222': [{ hostname: '::1', port: 5222 }],
  'nats://[::1]': [{ hostname: '::1' }],
  'TLS://localhost': [{ scheme: 'tls' }],
  'ws://localhost,wss://b:8443': [
    { scheme: 'ws', port: 80 },
    { scheme: 'wss', hostname: 'b', port: 8443 },
  ],
  'wss://localhost': [{ scheme: 'wss', port: 443 }],
  'a, nats://t@b:1 ,c/': [
    { hostname: 'a' },
    { hostname: 'b', port: 1, userInfo: { token: 't' } },
    { hostname: 'c' },
  ],
}

const REFUSED: Readonly<Record<string, string>> = {
  'nats://a b': 'parse "nats://a b": invalid character " " in host name',
  'nats://h:abc': 'parse "nats://h:abc": invalid port ":abc" after host',
  'nats://h:70000': 'parse "nats://h:70000": invalid port ":70000" after host',
  'nats://user:s3cr3t@h:x': 'parse "nats://xxxxx@h:x": invalid port ":x" after host',
  'nats://user:s3cr3t%@h': 'parse "nats://xxxxx@h": invalid URL',
  'nats://[::1': 'parse "nats://[::1": invalid URL',
  'nats://[x]': 'parse "nats://[x]": invalid URL',
  'ws://a,nats://b': 'nats: mixing of websocket and non websocket URLs is not allowed',
}

describe('server URLs', () => {
  for (const [text, expected] of Object.entries(PARSED)) {
    test(`taken: ${JSON.stringify(text)}`, () => {
      const urls = expected.map((part) => ({ ...PLAIN, ...part }))
      assert.deepEqual(parseServerUrls(text, false), urls)
    })
  }

  for (const [text, message] of Object.entries(REFUSED)) {
    test(`refused: ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseServerUrls(text, false), { name: 'ToolError', message })
    })
  }

  test('flags that ask for TLS give servers without a scheme the scheme tls', () => {
    const schemes = parseServerUrls('a,nats://b', true).map(({ scheme }) => scheme)
    assert.deepEqual(schemes, ['tls', 'nats'])
  })

  test('an address has one form, with the port even where a scheme implies it', () => {
    const texts = ['LOCALHOST:80', 'localhost:443', '[0:0::1]:80', '127.0.0.1']
    const addresses = parseServerUrls(texts.join(','), false).map(hostAndPort)
    assert.deepEqual(addresses, ['localhost:80', 'localhost:443', '[::1]:80', '127.0.0.1:4222'])
  })

  test('what people read has neither token nor password', () => {
    const texts = parseServerUrls('nats://t@a,nats://u:p@[::1]:1,b', false).map(redactedUrl)
    assert.deepEqual(texts, ['nats://xxxxx@a:4222', 'nats://u:xxxxx@[::1]:1', 'nats://b:4222'])
  })
})
