import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  connectionPrefix,
  identifiedPrefix,
  presentedUserText,
} from '../../src/monitor/log/connection-prefix.ts'
import {
  traceOperation,
  tracePayload,
  traceRemovedSubscription,
} from '../../src/monitor/log/trace-lines.ts'
import { redactConnect } from '../../src/protocol/redact-connect.ts'
import { program, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'

const ALL = { tracedBytesMax: 0, headersOnly: false }
const utf8 = (text: string): Buffer => Buffer.from(text)

describe('prefix of a connection', () => {
  it('names address, kind and number', () => {
    assert.equal(connectionPrefix('client', '127.0.0.1:54321', 7), '127.0.0.1:54321 - cid:7 - ')
    assert.equal(connectionPrefix('leaf', '[::1]:1', 8), '[::1]:1 - lid:8 - ')
    assert.equal(connectionPrefix('leafWebsocket', '[::1]:1', 8), '[::1]:1 - lid_ws:8 - ')
    assert.equal(connectionPrefix('route', '1.2.3.4:1', 8), '1.2.3.4:1 - rid:8 - ')
  })

  it('shows the address a proxy forwarded before the proxy', () => {
    const proxy = '10.0.0.1:99'
    assert.equal(connectionPrefix('websocket', proxy, 1, '::5'), '[::5]/10.0.0.1:99 - wid:1 - ')
    assert.equal(
      connectionPrefix('websocket', proxy, 1, '1.1.1.1'),
      '1.1.1.1/10.0.0.1:99 - wid:1 - ',
    )
  })

  it('grows by what the client said of itself, and only by that', () => {
    const names = { version: '1.2.3', lang: 'lang', name: 'name' }
    assert.equal(
      identifiedPrefix('p - ', names, '$G', { user: 'bob' }),
      'p - "v1.2.3:lang:name" - "$G/user:bob" - ',
    )
    assert.equal(identifiedPrefix('p - ', { lang: 'go' }, '$G', {}), 'p - "go" - ')
    assert.equal(
      identifiedPrefix('p - ', { name: 'n' }, 'A', { token: 't' }),
      'p - "n" - "A/token" - ',
    )
    assert.equal(identifiedPrefix('p - ', {}, 'A', { nkey: 'UX', user: 'b' }), 'p - "A/nkey:UX" - ')
    assert.equal(
      identifiedPrefix('p - ', {}, 'A', { jwt: 'e', publicKey: 'UK' }),
      'p - "A/jwt:UK" - ',
    )
    assert.equal(identifiedPrefix('p - ', {}, '$G', {}), 'p - ')
  })

  it('shows who failed to be let in, never a token', () => {
    assert.equal(presentedUserText({ user: 'b"b', token: 'secret' }), 'User "b\\"b"')
    assert.equal(presentedUserText({ nkey: 'UX' }), 'Nkey "UX"')
    assert.equal(presentedUserText({ jwt: 'e', publicKey: 'UK' }), 'JWT User "UK"')
    assert.equal(presentedUserText({ token: 'secret' }), 'Token "[REDACTED]"')
    assert.equal(presentedUserText({}), 'User "N/A"')
  })
})

describe('trace lines', () => {
  it('show operations with their direction', () => {
    assert.equal(traceOperation('in', 'PUB', 'foo 5'), '<<- [PUB foo 5]')
    assert.equal(traceOperation('out', 'PONG'), '->> [PONG]')
    assert.equal(traceRemovedSubscription('1'), '<-> [DELSUB 1]')
  })

  it('show payloads quoted as Go quotes them, and empty ones not at all', () => {
    const bytes = Buffer.from([0, 0x7f, 0xff, 9, 0xc3])
    assert.equal(
      tracePayload('in', bytes, 0, ALL),
      String.raw`<<- MSG_PAYLOAD: ["\x00\x7f\xff\t\xc3"]`,
    )
    assert.equal(tracePayload('out', utf8('hello'), 0, ALL), '->> MSG_PAYLOAD: ["hello"]')
    assert.equal(tracePayload('in', utf8(''), 0, ALL), null)
  })

  it('cut long payloads by bytes', () => {
    const cut = { tracedBytesMax: 10, headersOnly: false }
    const shown = (text: string): string | null => tracePayload('in', utf8(text), 0, cut)
    assert.equal(shown('0123456789'), '<<- MSG_PAYLOAD: ["0123456789"]')
    assert.equal(shown('0123456789A'), '<<- MSG_PAYLOAD: ["0123456789..."]')
    assert.equal(shown('012345678éz'), String.raw`<<- MSG_PAYLOAD: ["012345678\xc3..."]`)
  })

  it('show the header block alone when only headers are wanted', () => {
    const headers = { tracedBytesMax: 0, headersOnly: true }
    const message = utf8('NATS/1.0\r\nA: b\r\n\r\nhello')
    assert.equal(
      tracePayload('in', message, message.length - 5, headers),
      String.raw`<<- MSG_PAYLOAD: ["NATS/1.0\r\nA: b"]`,
    )
    assert.equal(tracePayload('in', utf8('hello'), 0, headers), null)
  })
})

/** CONNECT arguments and how nats-server 2.15 shows them. */
const REDACTED: readonly (readonly [argument: string, shown: string])[] = [
  ['{}', '{}'],
  ['{"user":"bob","pass":"sekret"}', '{"user":"bob","pass":"[REDACTED]"}'],
  ['{"auth_token":"tokén","name":"n"}', '{"auth_token":"[REDACTED]","name":"n"}'],
  [
    '{"lang":"go", "pass" : "x y", "password":"zz"}',
    '{"lang":"go", "pass" : "[REDACTED]", "password":"[REDACTED]"}',
  ],
  [
    '{"pass":"","passive":true,"sig":"qq","proxy_sig":"pp","nkey":"U","mysig":"keep"}',
    '{"pass":"[REDACTED]","passive":[REDACTED],"sig":"[REDACTED]","proxy_sig":"[REDACTED]","nkey":"[REDACTED]","mysig":"keep"}',
  ],
  ['{"pass":123,"name":"x"}', '{"pass":[REDACTED],"name":"x"}'],
]

describe('secrets in a traced CONNECT', () => {
  it('are replaced', () => {
    for (const [argument, shown] of REDACTED) assert.equal(redactConnect(argument), shown)
  })

  it('are replaced as a whole, whatever they contain', () => {
    const argument = JSON.stringify({ user: 'bob', pass: 'a"b,c}\\', name: 'n' })
    assert.equal(redactConnect(argument), '{"user":"bob","pass":"[REDACTED]","name":"n"}')
    assert.equal(redactConnect('{"PASS":"x"}'), '{"PASS":"[REDACTED]"}')
  })
})

describe('our lines and those of nats-server', () => {
  const peer = program('nats-server')
  const payload = Buffer.from('a\x00\x7f\té\u200b😀\ufffd"\\z')
  const names = { version: '1.2.3', lang: 'la"ng', name: 'né\nx' }

  it('are the same for one connection', { skip: skipReason(peer) }, async () => {
    await using server = await startServer(peer, { flags: ['-V', '-T=false'] })
    await using client = await RawClient.connect(server.port)
    await client.readUntil('\r\n')
    const argument = JSON.stringify({
      ...names,
      user: 'bob',
      pass: 'x',
      headers: true,
      echo: false,
    })
    await client.send(utf8(`CONNECT ${argument}\r\nSUB foo q 1\r\nUNSUB 1\r\n`))
    await client.send(utf8(`PUB foo ${payload.length}\r\n`))
    await client.send(Buffer.concat([payload, utf8('\r\nPING\r\n')]))
    await client.readUntil('PONG')
    await until('the last line', () => server.log.includes('[PONG]'))

    const real = server.log.split('\n').filter((line) => line.includes('[TRC]'))
    const address = /127\.0\.0\.1:\d+/.exec(real[0]!)![0]
    const id = Number(/cid:(\d+)/.exec(real[0]!)![1])
    const early = connectionPrefix('client', address, id)
    const late = identifiedPrefix(early, names, '$G', { user: 'bob' })
    const texts = [
      early + traceOperation('in', 'CONNECT', redactConnect(argument)),
      late + traceOperation('in', 'SUB', 'foo q 1'),
      late + traceOperation('in', 'UNSUB', '1'),
      late + traceRemovedSubscription('1'),
      late + traceOperation('in', 'PUB', `foo ${payload.length}`),
      late + tracePayload('in', payload, 0, ALL),
      late + traceOperation('in', 'PING'),
      late + traceOperation('out', 'PONG'),
    ]
    const expected = texts.map((text) => `[${server.pid}] [TRC] ${text}`)
    // Which operations are answered with +OK is the protocol's matter, not that of the texts.
    assert.deepEqual(
      real.filter((line) => !line.endsWith('->> [OK]')),
      expected,
    )
  })

  it('are the same for all redacted secrets', { skip: skipReason(peer) }, async () => {
    await using server = await startServer(peer, { flags: ['-V', '-T=false'] })
    for (const [argument, shown] of REDACTED) {
      await using client = await RawClient.connect(server.port)
      await client.send(utf8(`CONNECT ${argument}\r\n`))
      await until(shown, () => server.log.includes(`[CONNECT ${shown}]\n`))
    }
  })
})
