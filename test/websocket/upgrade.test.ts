import assert from 'node:assert/strict'
import { test } from 'node:test'
import { program, programsUnderTest, type ServerProgram, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server-process.ts'
import { sleep, until } from '../support/wait.ts'
import { infoOf, WsClient } from './ws-client.ts'

const HOST = 'Host: localhost\r\n'
const UPGRADE = 'Upgrade: websocket\r\n'
const CONNECTION = 'Connection: Upgrade\r\n'
const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
const VERSION = 'Sec-WebSocket-Version: 13\r\n'
const GOOD = HOST + UPGRADE + CONNECTION + KEY + VERSION
const DEFLATE = 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n'
const GET = 'GET / HTTP/1.1\r\n'

/** Requests of which nats-server and Sable must say the same. */
const REQUESTS: Readonly<Record<string, string>> = {
  'a good one': `${GET}${GOOD}\r\n`,
  'a good one, small letters': `${GET}${GOOD.toLowerCase().replace(/sec-websocket-key.*\n/, KEY)}\r\n`,
  'compression and no masking': `${GET}${GOOD}${DEFLATE}Nats-No-Masking: true\r\n\r\n`,
  'a subprotocol': `${GET}${GOOD}Sec-WebSocket-Protocol: nats\r\n\r\n`,
  'a leaf, where there are none': `GET /x/leafnode HTTP/1.1\r\n${GOOD}\r\n`,
  'another method': `POST / HTTP/1.1\r\n${GOOD}\r\n`,
  'a body': `POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc`,
  'no host': `${GET}${UPGRADE}${CONNECTION}${KEY}${VERSION}\r\n`,
  'an empty host': `${GET}Host: \r\n${UPGRADE}${CONNECTION}${KEY}${VERSION}\r\n`,
  'two hosts': `${GET}${HOST}${GOOD}\r\n`,
  'no Upgrade': `${GET}${HOST}${CONNECTION}${KEY}${VERSION}\r\n`,
  'no Connection': `${GET}${HOST}${UPGRADE}${KEY}${VERSION}\r\n`,
  'no key': `${GET}${HOST}${UPGRADE}${CONNECTION}${VERSION}\r\n`,
  'a bad key': `${GET}${HOST}${UPGRADE}${CONNECTION}Sec-WebSocket-Key: abc\r\n${VERSION}\r\n`,
  'no version': `${GET}${HOST}${UPGRADE}${CONNECTION}${KEY}\r\n`,
  'a strange origin': `${GET}${GOOD}Origin: http://example.com\r\n\r\n`,
  'its own origin': `${GET}${GOOD}Origin: http://localhost\r\n\r\n`,
  'an opaque origin': `${GET}${GOOD}Origin: null\r\n\r\n`,
  'MQTT, which is off': `GET /mqtt HTTP/1.1\r\n${GOOD}\r\n`,
  'a page, please': `${GET}${HOST}Connection: close\r\n\r\n`,
  'noise instead of a request': '\x00\x01\x02\x03\r\n\r\n',
  'NATS instead of HTTP': 'CONNECT {}\r\nPING\r\n',
  'another version of HTTP': `GET / HTTP/3.0\r\n${HOST}\r\n`,
  'data before the response': `${GET}${GOOD}\r\n\x81\x00`,
}
const CONFIG = `
websocket {
  listen: "127.0.0.1:-1"
  no_tls: true
  compression: true
  same_origin: true
  headers { X-From: "here" }
}`
/** After these the server closes the connection. */
const CLOSING: ReadonlySet<string> = new Set([
  'a leaf, where there are none',
  'no host',
  'two hosts',
  'a page, please',
  'noise instead of a request',
  'NATS instead of HTTP',
  'another version of HTTP',
  'data before the response',
])

const REFUSAL = / - websocket handshake error: .*|Not configured to accept.*/g
/** Of the requests above, on nats-server. */
const REFUSALS = 14

/** The answer, up to the first frame. */
async function answerTo(port: number, name: string, request: string): Promise<string> {
  await using client = await RawClient.connect(port)
  await client.send(request)
  if (CLOSING.has(name)) await client.readUntilClose()
  else await client.waitFor('an answer', () => isWhole(client.received.toString('latin1')))
  const text = client.received.toString('latin1')
  const isUpgraded = text.startsWith('HTTP/1.1 101')
  const answer = isUpgraded ? text.slice(0, text.indexOf('\r\n\r\n') + 4) : text
  return answer.replace(/\r\nDate: .* GMT\r\n/, '\r\nDate: now\r\n')
}

function isWhole(text: string): boolean {
  const headEnd = text.indexOf('\r\n\r\n') + 4
  const bodyBytes = Number(/\r\nContent-Length: (\d+)\r\n/.exec(text)?.[1] ?? 0)
  return headEnd >= 4 && text.length >= headEnd + bodyBytes
}

async function answers(of: ServerProgram) {
  await using server = await startServer(of, { config: CONFIG })
  const entries = await Promise.all(
    Object.entries(REQUESTS).map(async ([name, request]) => {
      return [name, await answerTo(server.websocketPort, name, request)] as const
    }),
  )
  // What is logged comes later than the answers.
  const logged = () => server.log.match(REFUSAL) ?? []
  await until('the log lines', () => logged().length >= REFUSALS)
  return { answers: Object.fromEntries(entries), log: [...logged()].sort() }
}

const real = program('nats-server')

test('requests are answered as nats-server does', { skip: skipReason(real) }, async () => {
  const [ours, theirs] = await Promise.all([answers(program('sable')), answers(real)])
  assert.deepEqual(ours, theirs)
})

for (const tested of programsUnderTest()) {
  const { name } = tested
  const skip = skipReason(tested)

  test(`${name}: refusals have a status and a body`, { skip }, async () => {
    const { answers: all } = await answers(tested)
    const expected: Readonly<Record<string, string>> = {
      'a good one': '101 Switching Protocols',
      'another method': '405 Method Not Allowed',
      'a bad key': '400 Bad Request',
      'a strange origin': '403 Forbidden',
      'MQTT, which is off': '404 Not Found',
    }
    for (const [request, status] of Object.entries(expected)) {
      const text = all[request]!
      assert.ok(text.startsWith(`HTTP/1.1 ${status}\r\n`), text)
      const isRefusal = !status.startsWith('101')
      assert.equal(text.endsWith(`\r\n\r\n${status.slice(4)}\n`), isRefusal)
      assert.equal(text.includes('\r\nSec-Websocket-Version: 13\r\n'), isRefusal)
      assert.equal(text.includes('\r\nX-From: here\r\n'), !isRefusal)
    }
  })

  test(`${name}: a refused client may try again on the same connection`, { skip }, async () => {
    await using server = await startServer(tested, { config: CONFIG })
    await using client = await RawClient.connect(server.websocketPort)
    await client.send(`${GET}${HOST}\r\n`)
    await client.readUntil('Bad Request\n')
    await client.send(`${GET}${GOOD}\r\n`)
    await client.readUntil('INFO {')
  })

  test(`${name}: who dawdles in the handshake is cut off`, { skip }, async () => {
    const config = CONFIG.replace('no_tls', 'handshake_timeout: "300ms"\n no_tls')
    await using server = await startServer(tested, { config })
    await using silent = await RawClient.connect(server.websocketPort)
    await using slow = await RawClient.connect(server.websocketPort)
    await using quick = await WsClient.connect(`ws://127.0.0.1:${server.websocketPort}`)
    const request = `${GET}${GOOD}\r\n`
    for (let at = 0; at < request.length && slow.closedBy === null; at++) {
      await slow.send(request[at]!)
      await sleep(5)
    }
    await silent.readUntilClose()
    await slow.readUntilClose()
    assert.equal(slow.received.includes('101 Switching'), false)
    await quick.greet()
  })

  test(`${name}: INFO tells of the listener the client came by`, { skip }, async () => {
    await using server = await startServer(tested, { config: CONFIG })
    const { websocketPort: port } = server
    await using client = await WsClient.connect(`ws://127.0.0.1:${port}/any/path?x=y`)
    const info = infoOf(await client.readUntil('\r\n'))
    assert.equal(info['host'], '127.0.0.1')
    assert.equal(info['port'], port)
    assert.equal(info['client_ip'], '127.0.0.1')
    assert.equal(info['tls_required'], undefined)
    assert.equal(info['auth_required'], undefined)
  })

  test(`${name}: the log shows the address a proxy told`, { skip }, async () => {
    await using server = await startServer(tested, { config: CONFIG, flags: ['-D'] })
    const url = `ws://127.0.0.1:${server.websocketPort}`
    const connect = async (forwarded: string) => {
      const headers = { 'X-Forwarded-For': forwarded }
      await using client = await WsClient.connect(url, { headers })
      await client.greet()
    }
    await connect('203.0.113.7')
    await connect('2001:db8::7')
    await connect('not an address')
    const line = (prefix: string) =>
      new RegExp(`\\[DBG\\] ${prefix}127\\.0\\.0\\.1:\\d+ - wid:\\d+ - Client connection created`)
    await until('the lines', () => {
      return (
        line('203\\.0\\.113\\.7/').test(server.log) &&
        line('\\[2001:db8::7\\]/').test(server.log) &&
        line('').test(server.log)
      )
    })
  })
}
