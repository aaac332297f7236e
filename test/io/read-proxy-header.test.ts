import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, test } from 'node:test'
import { Deadlines } from '../../src/io/deadlines.ts'
import type { ProxyHeader } from '../../src/io/proxy-header.ts'
import { readProxyHeader } from '../../src/io/read-proxy-header.ts'
import { awaitFirstBytes } from '../../src/io/tls/first-bytes.ts'
import { makePair, readText } from './tls/pair.ts'

const NEVER_MS = 20_000
const HEADER = 'PROXY TCP4 192.0.2.7 10.0.0.1 1234 4222\r\n'
const ADDRESS = { kind: 'address', address: '192.0.2.7', port: 1234 }

const deadlines = new Deadlines()
after(() => deadlines.clear())

type Done = ProxyHeader | { readonly kind: 'gone' }

function readHeader(socket: Socket, timeoutMs: number = NEVER_MS): Promise<Done> {
  return new Promise((resolve) => readProxyHeader(socket, deadlines, resolve, timeoutMs))
}

/** Text of the refusal, with the ports of the two ends as `A` and `B`. */
function whyOf(header: Done, accepted: number, dialled: number): string {
  if (header.kind !== 'invalid') return header.kind
  return header.why.replace(String(accepted), 'A').replace(String(dialled), 'B')
}

test('what follows the header stays in the socket, and no listener does', async (t) => {
  const { accepted, dialled } = await makePair(t)
  const events = ['readable', 'end', 'error', 'close']
  const countListeners = () => events.map((event) => accepted.listenerCount(event))
  const before = countListeners()
  const reading = readHeader(accepted)
  dialled.write(`${HEADER}CONNECT`)
  assert.deepEqual(await reading, ADDRESS)
  assert.deepEqual(countListeners(), before)
  assert.equal(await awaitFirstBytes(accepted, NEVER_MS), 'bytes')
  dialled.write(' {}')
  assert.equal(await readText(accepted, 10), 'CONNECT {}')
})

test('what somebody has read before is looked at first', async (t) => {
  const { accepted, dialled } = await makePair(t)
  dialled.write('CONNECT {}')
  assert.equal(await awaitFirstBytes(accepted, NEVER_MS), 'bytes')
  assert.deepEqual(await readHeader(accepted), { kind: 'none' })
  assert.equal(await readText(accepted, 10), 'CONNECT {}')
})

test('a header that follows silence', async (t) => {
  const { accepted, dialled } = await makePair(t)
  assert.equal(await awaitFirstBytes(accepted, 1), 'silence')
  const reading = readHeader(accepted)
  dialled.write(HEADER)
  assert.deepEqual(await reading, ADDRESS)
})

test('who says nothing, or stops in the middle', async (t) => {
  for (const [text, why] of [
    ['', 'failed to read protocol version: EOF'],
    ['PRO', 'failed to read protocol version: read tcp 127.0.0.1:A->127.0.0.1:B: i/o timeout'],
    ['PROXY ', 'failed to read v1 line: read tcp 127.0.0.1:A->127.0.0.1:B: i/o timeout'],
  ] as const) {
    const { accepted, dialled } = await makePair(t)
    const { localPort = 0, remotePort = 0 } = accepted
    dialled.write(text)
    if (text !== '') assert.equal(await awaitFirstBytes(accepted, NEVER_MS), 'bytes')
    assert.equal(whyOf(await readHeader(accepted, 1), localPort, remotePort), why)
  }
})

test('the end is heard of here before anybody else hears of it', async (t) => {
  for (const [leave, why] of [
    [(socket: Socket) => socket.end(), 'failed to read protocol version: unexpected EOF'],
    [
      (socket: Socket) => socket.resetAndDestroy(),
      'failed to read protocol version: read tcp 127.0.0.1:A->127.0.0.1:B: ' +
        'read: connection reset by peer',
    ],
  ] as const) {
    const { accepted, dialled } = await makePair(t)
    const { localPort = 0, remotePort = 0 } = accepted
    const order: string[] = []
    for (const event of ['end', 'error', 'close']) accepted.on(event, () => order.push('others'))
    dialled.write('PRO')
    assert.equal(await awaitFirstBytes(accepted, NEVER_MS), 'bytes')
    const reading = new Promise<Done>((resolve) => {
      const onDone = (header: Done) => {
        order.push('reader')
        resolve(header)
      }
      readProxyHeader(accepted, deadlines, onDone, NEVER_MS)
    })
    leave(dialled)
    assert.equal(whyOf(await reading, localPort, remotePort), why)
    assert.equal(order[0], 'reader')
  }
})

test('a socket that is closed on this side', async (t) => {
  const { accepted } = await makePair(t)
  const reading = readHeader(accepted)
  accepted.destroy()
  assert.deepEqual(await reading, { kind: 'gone' })
})
