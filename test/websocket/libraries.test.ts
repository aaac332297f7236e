import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wsconnect } from '@nats-io/nats-core'
import { connect as connectTcp } from 'nats'
import { connect as connectWs } from 'nats.ws'
import { programsUnderTest, skipReason } from '../support/peers.ts'
import { startServer } from '../support/server-process.ts'

const CONFIG = 'websocket { listen: "127.0.0.1:-1", no_tls: true, compression: true }\n'
/** Node's own WebSocket, which both libraries use, offers to compress. */
const LIBRARIES = { 'nats.ws': connectWs, wsconnect } as const

for (const tested of programsUnderTest()) {
  for (const [library, connect] of Object.entries(LIBRARIES)) {
    const title = `${tested.name}, ${library}: messages, requests and headers`
    test(title, { skip: skipReason(tested) }, async () => {
      await using server = await startServer(tested, { config: CONFIG })
      const ws = await connect({ servers: `ws://127.0.0.1:${server.websocketPort}` })
      const tcp = await connectTcp({ servers: server.url })
      try {
        const heard = (async () => {
          const sizes: number[] = []
          const subscription = ws.subscribe('sizes', { max: 4 })
          for await (const message of subscription) sizes.push(message.data.length)
          return sizes
        })()
        await ws.flush()
        for (const size of [0, 1, 4096, 1024 * 1024]) tcp.publish('sizes', new Uint8Array(size))
        assert.deepEqual(await heard, [0, 1, 4096, 1024 * 1024])

        tcp.subscribe('echo', {
          callback: (_, message) => {
            message.respond(message.data, message.headers ? { headers: message.headers } : {})
          },
        })
        await tcp.flush()
        const answer = await ws.request('echo', new Uint8Array(300_000).fill(7), { timeout: 5000 })
        assert.equal(answer.data.length, 300_000)
        assert.ok(answer.data.every((byte) => byte === 7))
        await assert.rejects(ws.request('nobody', '', { timeout: 5000 }), /no responders|503/i)
        await ws.flush()
      } finally {
        await Promise.all([ws.close(), tcp.close()])
      }
    })
  }
}
