import assert from 'node:assert/strict'
import { test } from 'node:test'
import { programsUnderTest, skipReason } from '../support/peers.ts'
import { startServer } from '../support/server-process.ts'
import { WsClient } from './ws-client.ts'

const CONFIG = 'websocket { listen: "127.0.0.1:-1", no_tls: true, compression: true }\n'
const ROUNDS = 150
/** Both halves of an operation are kept at times; one up to 64 KiB in another way than longer. */
const HALVES = [1, 5000, 30_000, 60_000, 70_000]

/**
 * Each PING behind a SUB makes the server wait, amid frames of which it has read many more, with
 * the start of an operation kept and its end in the next frame.
 */
function round(i: number): [string, string] {
  const half = HALVES[i % HALVES.length]!
  const digit = `${i % 10}`
  const payload = digit.repeat(2 * half)
  const start = `SUB x.${i} ${1000 + i}\r\nPING\r\nPUB a ${payload.length}\r\n`
  return [start + payload.slice(0, half), `${payload.slice(half)}\r\n`]
}

/** As assert.equal, but shows only where long texts part. */
function assertSame(actual: string, expected: string): void {
  if (actual === expected) return
  let at = 0
  while (actual[at] === expected[at]) at++
  const around = (text: string) => text.slice(Math.max(0, at - 60), at + 60)
  assert.fail(`at ${at}: ${JSON.stringify([around(actual), around(expected)])}`)
}

for (const tested of programsUnderTest()) {
  for (const how of ['plain', 'compressed'] as const) {
    const title = `${tested.name}: waits in the middle of frames change nothing, ${how}`
    test(title, { skip: skipReason(tested) }, async () => {
      await using server = await startServer(tested, { config: CONFIG })
      const perMessageDeflate =
        how === 'plain'
          ? false
          : { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true }
      const url = `ws://127.0.0.1:${server.websocketPort}`
      await using ws = await WsClient.connect(url, { perMessageDeflate })
      await ws.greet()
      ws.send('SUB a 1\r\n')
      const before = ws.text.length
      for (let i = 0; i < ROUNDS; i++) for (const part of round(i)) ws.send(part)
      ws.send('PUB a 3\r\nend\r\n')
      await ws.readUntil('MSG a 1 3\r\nend\r\n')
      const messages = ws.text.slice(before).replaceAll(/PONG\r\n|INFO .*\r\n/g, '')
      const expected = Array.from({ length: ROUNDS }, (_, i) => {
        const payload = `${i % 10}`.repeat(2 * HALVES[i % HALVES.length]!)
        return `MSG a 1 ${payload.length}\r\n${payload}\r\n`
      })
      assertSame(messages, `${expected.join('')}MSG a 1 3\r\nend\r\n`)
    })
  }
}
