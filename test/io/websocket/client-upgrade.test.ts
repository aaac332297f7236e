import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type UpgradeWish, upgradeToWebsocket } from '../../../src/io/websocket/client-upgrade.ts'
import { acceptKeyOf } from '../../../src/protocol/websocket/handshake.ts'
import { answering, dial } from './fake-peer.ts'

const WISH: UpgradeWish = {
  host: 'hub.example:7422',
  path: '',
  compress: false,
  noMasking: false,
  timeoutMs: 5000,
}
const EXTENSION = 'Sec-WebSocket-Extensions: permessage-deflate'
const BOTH = `${EXTENSION}; server_no_context_takeover; client_no_context_takeover`

function keyOf(request: string): string {
  return /Sec-WebSocket-Key: (.*)\r\n/.exec(request)?.[1] ?? ''
}

function granted(request: string, ...headers: string[]): string {
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: WebSocket',
    'Connection: upgrade',
    `Sec-WebSocket-Accept: ${acceptKeyOf(keyOf(request))}`,
    ...headers,
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** What comes of it when the server answers like this. */
async function upgrade(
  t: TestContext,
  answer: (request: string) => string | Uint8Array,
  wish: Partial<UpgradeWish> = {},
) {
  const port = await answering(t, (request, socket) => socket.write(answer(request)))
  return upgradeToWebsocket(await dial(t, port), { ...WISH, ...wish })
}

test('the request asks for a leaf, and for what the remote wants', async (t) => {
  let request = ''
  const wish = { path: '/some/path', compress: true, noMasking: true }
  const answer = (text: string) => {
    request = text
    return granted(text)
  }
  await upgrade(t, answer, wish)
  assert.equal(
    request.replace(keyOf(request), 'KEY'),
    [
      'GET /some/path/leafnode HTTP/1.1',
      'Host: hub.example:7422',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Key: KEY',
      'Sec-WebSocket-Version: 13',
      BOTH,
      'Nats-No-Masking: true',
      '',
      '',
    ].join('\r\n'),
  )
  assert.equal(Buffer.from(keyOf(request), 'base64').length, 16)
})

test('the server decides', async (t) => {
  const wish = { compress: true, noMasking: true }
  const head = Buffer.alloc(0)
  const all = await upgrade(t, (request) => granted(request, BOTH, 'Nats-No-Masking: true'), wish)
  assert.deepEqual(all, { compress: true, noMasking: true, head })
  const nothing = await upgrade(t, (request) => granted(request), wish)
  assert.deepEqual(nothing, { compress: false, noMasking: false, head })
  const unasked = await upgrade(t, (request) => granted(request, BOTH, 'Nats-No-Masking: true'))
  assert.deepEqual(unasked, { compress: false, noMasking: false, head })
  await assert.rejects(
    upgrade(t, (request) => granted(request, `${EXTENSION}; server_no_context_takeover`), wish),
    { message: 'compression negotiation error' },
  )
})

test('what comes with the response is kept', async (t) => {
  const frame = Buffer.from([0x82, 0x03, 0xff, 0x00, 0x0d])
  const { head } = await upgrade(t, (request) =>
    Buffer.concat([Buffer.from(granted(request)), frame]),
  )
  assert.deepEqual(head, frame)
})

test('a response may come in pieces', async (t) => {
  const port = await answering(t, (request, socket) => {
    const text = `${granted(request)}INFO`
    let at = 0
    const next = () => {
      if (at < text.length) socket.write(text[at++]!, () => setImmediate(next))
    }
    next()
  })
  const socket = await dial(t, port)
  const { head } = await upgradeToWebsocket(socket, WISH)
  const rest = new Promise((resolve) => {
    let text = head.toString()
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.length === 4) resolve(text)
    })
    if (text.length === 4) resolve(text)
    socket.resume()
  })
  assert.equal(await rest, 'INFO')
})

test('anything but the right answer is refused', async (t) => {
  const invalid = { message: 'invalid websocket connection' }
  const wrong: ((request: string) => string)[] = [
    () => 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    () => 'HTTP/1.1 404 Not Found\r\n\r\n',
    (request) => granted(request).replace(' 101 ', ' 102 '),
    (request) => granted(request).replace('WebSocket\r', 'h2c\r'),
    (request) => granted(request).replace('upgrade\r', 'close\r'),
    (request) => granted(request).replace(/Accept: ../, 'Accept: xx'),
    (request) => granted(request).replace(/Sec-WebSocket-Accept.*\r\n/, ''),
  ]
  for (const answer of wrong) await assert.rejects(upgrade(t, answer), invalid)
})

test('what is no answer at all has other words', async (t) => {
  const malformed = /^Error: malformed HTTP response/
  await assert.rejects(
    upgrade(t, () => 'INFO {}\r\n\r\n'),
    malformed,
  )
  await assert.rejects(
    upgrade(t, () => `HTTP/1.1 101 x\r\nno header\r\n\r\n`),
    malformed,
  )
  await assert.rejects(
    upgrade(t, () => `HTTP/1.1 101 x\r\nX: ${'y'.repeat(20_000)}`),
    malformed,
  )
  const silent = upgrade(t, () => 'HTTP/1.1 101 ', { timeoutMs: 50 })
  await assert.rejects(silent, { message: 'i/o timeout' })
  const port = await answering(t, (_, socket) => socket.end('HTTP/1.1 101 x\r\n'))
  await assert.rejects(upgradeToWebsocket(await dial(t, port), WISH), { message: 'EOF' })
})
