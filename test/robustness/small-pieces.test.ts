/** Frames of one byte each cost a peer seven bytes; they must not cost us much more. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  encodeFrameHeader,
  OPCODE_BINARY,
  OPCODE_CONTINUATION,
} from '../../src/protocol/websocket/frame-header.ts'
import { FakeHost, SERVER } from '../io/websocket/codec-host.ts'
import { program } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'

const CONFIG = `
  workers: 1
  leafnodes { host: 127.0.0.1, port: -1 }
  websocket { host: 127.0.0.1, port: -1, no_tls: true }
`
/** It took twelve seconds when each frame was looked at together with all that came before. */
const WORK_MS_MAX = 6000
const timeout = 30_000

function frame(text: string): Buffer {
  const header = { opcode: OPCODE_BINARY, payloadBytes: text.length, mask: 0 }
  return Buffer.concat([encodeFrameHeader(header), Buffer.from(text)])
}

function inFrames(text: string, frameBytes: number): Buffer {
  const frames: Buffer[] = []
  for (let at = 0; at < text.length; at += frameBytes) {
    frames.push(frame(text.slice(at, at + frameBytes)))
  }
  return Buffer.concat(frames)
}

/** A WebSocket without mask, whose text is kept; frame headers are among it. */
class Peer implements Disposable {
  readonly socket: Socket
  text = ''

  constructor(server: ServerProcess, path: string) {
    const port = /Listening for websocket clients on \S+:(\d+)/.exec(server.log)?.[1]
    this.socket = connect(Number(port), '127.0.0.1')
    this.socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1')
    })
    this.socket.write(
      `GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    )
  }

  async sees(pattern: RegExp, ms?: number): Promise<void> {
    await until(String(pattern), () => pattern.test(this.text), ms)
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}

test('a long line in frames of one byte does not hold up the thread', { timeout }, async () => {
  await using server = await startServer(program('sable'), { config: CONFIG, leafListener: true })
  using peer = new Peer(server, '/leafnode')
  await peer.sees(/INFO/)
  const connectLine = `CONNECT {"name":"${'x'.repeat(60_000)}"}\r\nPING\r\n`
  peer.socket.write(inFrames(connectLine, 1))
  await peer.sees(/PONG/, WORK_MS_MAX)
})

test('messages in frames of any size come whole', { timeout }, async () => {
  await using server = await startServer(program('sable'), { config: CONFIG, leafListener: true })
  for (const frameBytes of [1, 2, 3, 7, 64, 1000]) {
    using peer = new Peer(server, '/')
    await peer.sees(/INFO/)
    const payloads = [0, 1, 511, 512, 513, 5000, 65_530, 70_000].map((bytes, at) =>
      String.fromCharCode(97 + at).repeat(bytes),
    )
    const messages = payloads.map((payload) => `PUB a ${payload.length}\r\n${payload}\r\n`)
    const text = `CONNECT {"verbose":false}\r\nSUB a 1\r\n${messages.join('')}PING\r\n`
    peer.socket.write(inFrames(text, frameBytes))
    await peer.sees(/PONG/)
    for (const payload of payloads) {
      assert.ok(
        peer.text.includes(`MSG a 1 ${payload.length}\r\n${payload}\r\n`),
        `${payload.length} bytes in frames of ${frameBytes}`,
      )
    }
  }
})

test('fragments of one byte take the memory of their bytes only', () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const host = new FakeHost({ ...SERVER, compress: true })
  const fragment = (isFirst: boolean) =>
    Buffer.concat([
      encodeFrameHeader({
        opcode: isFirst ? OPCODE_BINARY : OPCODE_CONTINUATION,
        payloadBytes: 1,
        isFinal: false,
        isCompressed: isFirst,
        mask: 0,
      }),
      Buffer.from([0]),
    ])
  const many = Buffer.concat(Array.from({ length: 10_000 }, () => fragment(false)))
  host.feed(fragment(true))
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 20; i++) host.feed(many)
  collectGarbage()
  const perFragment = (process.memoryUsage().heapUsed - before) / 200_000
  assert.equal(host.readFailure, undefined)
  // 234 with an array for each of them.
  assert.ok(perFragment < 50, `${perFragment} bytes of heap for a fragment of one byte`)
})
