import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import { encodeFrameHeader } from '../../src/protocol/websocket/frame-header.ts'
import { programsUnderTest, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { infoOf, WsClient } from './ws-client.ts'

const CONFIG = 'websocket { listen: "127.0.0.1:-1", no_tls: true, compression: true }\n'
const DEFLATE = {
  perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0 },
}
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36'

function connect(server: ServerProcess, options = {}): Promise<WsClient> {
  return WsClient.connect(`ws://127.0.0.1:${server.websocketPort}`, options)
}

/** Text that does not compress to nothing. */
function prose(bytes: number): string {
  let text = ''
  for (let i = 0; text.length < bytes; i++) text += `${(i * 2654435761) % 4294967296} `
  return text.slice(0, bytes)
}

for (const tested of programsUnderTest()) {
  const { name } = tested
  const skip = skipReason(tested)

  test(`${name}: clients of both listeners hear each other`, { skip }, async () => {
    await using server = await startServer(tested, { config: CONFIG })
    await using ws = await connect(server)
    await using tcp = await RawClient.connect(server.port)
    await ws.greet()
    await tcp.send('CONNECT {"verbose":false}\r\nSUB a 1\r\nPING\r\n')
    await tcp.readUntil('PONG')
    ws.send('SUB b 2\r\nPUB a 5\r\nhello\r\nPING\r\n')
    await tcp.readUntil('MSG a 1 5\r\nhello\r\n')
    await ws.readUntil('PONG\r\n')
    await tcp.send('PUB b 5\r\nworld\r\n')
    await ws.readUntil('MSG b 2 5\r\nworld\r\n')
  })

  test(`${name}: operations and frames need not meet`, { skip }, async () => {
    await using server = await startServer(tested, { config: CONFIG })
    await using ws = await connect(server)
    await ws.greet()
    ws.send('SUB a 1\r\nPUB a 1\r\n1\r\nPUB a 1\r\n2\r\nPU')
    ws.send('B a 5\r')
    ws.send('\nhel')
    ws.send('lo\r\nPUB ', { fin: false })
    ws.socket.ping('amid')
    ws.send('a 1', { fin: false })
    ws.send('\r\n3\r\n')
    await ws.readUntil('MSG a 1 1\r\n3\r\n')
    assert.ok(
      ws.text.endsWith(
        'MSG a 1 1\r\n1\r\nMSG a 1 1\r\n2\r\nMSG a 1 5\r\nhello\r\nMSG a 1 1\r\n3\r\n',
      ),
    )
  })

  test(`${name}: a ping is answered with its own payload`, { skip }, async () => {
    await using server = await startServer(tested, { config: CONFIG })
    await using ws = await connect(server)
    const pong = new Promise((resolve) => ws.socket.once('pong', resolve))
    ws.socket.ping('payload')
    assert.equal(String(await pong), 'payload')
  })

  for (const [how, options] of [
    ['plain', {}],
    ['compressed', DEFLATE],
    ['to a browser', { headers: { 'User-Agent': BROWSER } }],
    ['compressed, to a browser', { ...DEFLATE, headers: { 'User-Agent': BROWSER } }],
  ] as const) {
    test(`${name}: a large message comes through, ${how}`, { skip }, async () => {
      await using server = await startServer(tested, { config: CONFIG })
      await using ws = await connect(server, options)
      await ws.greet()
      const payload = prose(900_000)
      ws.send(`SUB a 1\r\nPUB a ${payload.length}\r\n${payload}\r\nPING\r\n`)
      // The PONG that answers this PING comes after the message.
      await ws.readUntil(`MSG a 1 ${payload.length}\r\n${payload}\r\n`)
    })
  }

  test(`${name}: what is sent compressed is read, and answered compressed`, { skip }, async () => {
    await using server = await startServer(tested, { config: CONFIG })
    await using ws = await connect(server, DEFLATE)
    assert.equal(ws.socket.extensions, 'permessage-deflate')
    await ws.greet()
    const publishes = Array.from({ length: 100 }, (_, i) => `PUB a ${`${i}`.length}\r\n${i}\r\n`)
    ws.send(`SUB a 1\r\n${publishes.join('')}`)
    const text = await ws.readUntil('MSG a 1 2\r\n99\r\n')
    assert.equal(text.match(/MSG a 1 /g)?.length, 100)
  })

  test(`${name}: frames to browsers are short`, { skip }, async () => {
    await using server = await startServer(tested, { config: CONFIG })
    await using ws = await connect(server, { headers: { 'User-Agent': BROWSER } })
    await ws.greet()
    ws.send(`SUB a 1\r\nPUB a 20000\r\n${'x'.repeat(20_000)}\r\n`)
    await ws.readUntil(`${'x'.repeat(20_000)}\r\n`)
    for (const message of ws.messages) assert.ok(message.length <= 4096, `${message.length} bytes`)
  })

  test(`${name}: without masks, where both want it`, { skip }, async () => {
    await using server = await startServer(tested, { config: CONFIG })
    await using ws = await connect(server, { headers: { 'Nats-No-Masking': 'true' } })
    await ws.readUntil('INFO ')
    const connectLine = Buffer.from('CONNECT {"verbose":false}\r\nPING\r\n')
    ws.socket.send(connectLine, { mask: false })
    await ws.readUntil('PONG\r\n')
  })

  // ── ends ──────────────────────────────────────────────────────────────────────────────────

  test(`${name}: a close frame is answered alike`, { skip }, async () => {
    await using server = await startServer(tested, { config: CONFIG })
    await using ws = await connect(server)
    await ws.greet()
    ws.socket.close(3333, 'enough')
    assert.deepEqual(await ws.readClose(), { code: 3333, reason: 'enough' })
  })

  const ends: Readonly<Record<string, [(ws: WsClient) => void, number, string]>> = {
    'no mask': [
      (ws) => ws.socket.send(Buffer.from('PING\r\n'), { mask: false }),
      1002,
      'mask bit missing',
    ],
    'an unknown operation': [(ws) => ws.send('NONSENSE\r\n'), 1002, 'Protocol Violation'],
    'a payload too large': [
      (ws) => ws.send('PUB a 9999999\r\n'),
      1009,
      'Maximum Message Payload Exceeded',
    ],
    'a bomb': [
      (ws) => {
        const deflated = deflateRawSync(Buffer.alloc(20_000_000))
        const frame = { opcode: 2, payloadBytes: deflated.length, isCompressed: true, mask: 0 }
        // A mask of zero changes nothing; the library has no way to send such a frame.
        const { _socket: socket } = ws.socket as unknown as { _socket: NodeJS.WritableStream }
        socket.write(Buffer.concat([encodeFrameHeader(frame), deflated]))
      },
      1001,
      'Read Error',
    ],
  }
  for (const [what, [send, code, reason]] of Object.entries(ends)) {
    test(`${name}: after ${what} the close frame says why`, { skip }, async () => {
      await using server = await startServer(tested, { config: CONFIG })
      await using ws = await connect(server, DEFLATE)
      await ws.greet()
      send(ws)
      // nats-server makes the frame, and throws it away with all else it has not sent.
      const isSent = name === 'sable' || what === 'a payload too large'
      const expected = isSent ? { code, reason } : { code: 1006, reason: '' }
      assert.deepEqual(await ws.readClose(), expected)
      if (what === 'a bomb') {
        await until('the log', () => server.log.includes('read error: maximum payload exceeded'))
      }
    })
  }

  test(`${name}: the end of the server is told`, { skip }, async () => {
    await using server = await startServer(tested, { config: CONFIG })
    await using ws = await connect(server)
    await ws.greet()
    await server.stop()
    assert.deepEqual(await ws.readClose(), { code: 1001, reason: 'Server Shutdown' })
  })

  // ── who may come in ───────────────────────────────────────────────────────────────────────

  const OWN_USER = `
    authorization { user: tcp, password: one }
    websocket {
      listen: "127.0.0.1:-1", no_tls: true
      authorization { user: ws, password: two, timeout: 0.2 }
      user_cookie: who
      pass_cookie: secret
    }`

  test(`${name}: the block's authorization replaces the server's`, { skip }, async () => {
    await using server = await startServer(tested, { config: OWN_USER })
    await using ws = await connect(server)
    assert.equal(infoOf(await ws.readUntil('\r\n'))['auth_required'], true)
    await ws.greet({ user: 'ws', pass: 'two' })
    await using stranger = await connect(server)
    stranger.send('CONNECT {"user":"tcp","pass":"one"}\r\n')
    await stranger.readUntil("-ERR 'Authorization Violation'\r\n")
    assert.deepEqual(await stranger.readClose(), { code: 1008, reason: 'Authentication Failure' })
    await using tcp = await RawClient.connect(server.port)
    await tcp.send('CONNECT {"user":"tcp","pass":"one","verbose":true}\r\n')
    await tcp.readUntil('+OK')
  })

  test(`${name}: who says nothing is closed after the block's time`, { skip }, async () => {
    await using server = await startServer(tested, { config: OWN_USER })
    await using ws = await connect(server)
    assert.deepEqual(await ws.readClose(), { code: 1008, reason: 'Authentication Timeout' })
    assert.ok(ws.text.endsWith("-ERR 'Authentication Timeout'\r\n"))
  })

  test(`${name}: cookies fill in what CONNECT leaves out`, { skip }, async () => {
    await using server = await startServer(tested, { config: OWN_USER })
    await using ws = await connect(server, { headers: { Cookie: 'x=y; who=ws; secret=two' } })
    await ws.greet()
    await using half = await connect(server, { headers: { Cookie: 'secret=two' } })
    await half.greet({ user: 'ws' })
    await using wrong = await connect(server, { headers: { Cookie: 'who=ws; secret=three' } })
    wrong.send('CONNECT {}\r\n')
    assert.deepEqual(await wrong.readClose(), { code: 1008, reason: 'Authentication Failure' })
  })

  test(`${name}: the block's ping_interval is its own`, { skip }, async () => {
    const config = CONFIG.replace('no_tls', 'ping_interval: "50ms", no_tls')
    await using server = await startServer(tested, { config: `ping_max: 1000\n${config}` })
    await using ws = await connect(server)
    ws.send('CONNECT {}\r\n')
    await until('some PINGs', () => (ws.text.match(/PING\r\n/g)?.length ?? 0) >= 3)
  })

  test(`${name}: max_connections counts both listeners`, { skip }, async () => {
    await using server = await startServer(tested, { config: `max_connections: 1\n${CONFIG}` })
    await using first = await connect(server)
    await first.greet()
    await using second = await connect(server)
    await second.readUntil("-ERR 'maximum connections exceeded'\r\n")
    const close = { code: 1008, reason: 'Maximum Connections Exceeded' }
    assert.deepEqual(await second.readClose(), close)
    first.socket.close()
    await first.readClose()
    await until('a free place', async () => {
      await using third = await connect(server)
      await third.greet()
      return true
    })
  })
}
