/** Peers that do not keep to the protocol get nats-server's answers, and disturb nobody else. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { RawPeer } from '../leaf-faults/raw-peer.ts'
import { CLASSIC } from '../support/client-libraries.ts'
import { respondWith, textOf } from '../support/collector.ts'
import { program, skipReason } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { sleep } from '../support/wait.ts'
import { LIMITS, SCRIPTS, type Script, UNKNOWN, VIOLATION } from './scripts.ts'

const PAUSE_MS = 60

/**
 * Where Sable answers otherwise. Client and route verbs are none of a leaf's, so they are refused
 * outright where nats-server publishes, or closes without a word.
 */
const SABLE_ANSWERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['before CONNECT: INFO twice', [VIOLATION, 'closed']],
  ['after CONNECT: PUB', [UNKNOWN, 'closed']],
  ['after CONNECT: HPUB', [UNKNOWN, 'closed']],
])

/** What the server says to a script, and how it ends. */
async function play(port: number, script: Script, ending: string): Promise<readonly string[]> {
  using peer = script.joins ? await RawPeer.join(port) : await RawPeer.connect(port)
  await peer.line(/^INFO /)
  const from = peer.lines.length
  for (const [at, bytes] of script.sends.entries()) {
    if (at > 0) await sleep(PAUSE_MS)
    peer.send(bytes)
  }
  if (ending === 'closed') await peer.closed()
  else await peer.sync()
  const lines = peer.lines
    .slice(from, ending === 'closed' ? undefined : peer.lines.lastIndexOf('PONG'))
    .filter((line) => !/^(PING|LS[+-] .*)$/.test(line))
    .map((line) => (line.startsWith('INFO') ? 'INFO' : line))
  return [...lines, peer.closedBy === null ? 'open' : 'closed']
}

for (const name of ['sable', 'nats-server'] as const) {
  const peer = program(name)
  const suite = { skip: skipReason(peer), concurrency: 20 }
  describe(`what a leaf port answers, ${name}`, suite, () => {
    let server: ServerProcess
    before(async () => {
      const config = `
        server_name: hub
        max_payload: ${LIMITS.maxPayload}, max_control_line: ${LIMITS.maxControlLine}
        max_subscriptions: ${LIMITS.maxSubscriptions}
        leafnodes {
          host: 127.0.0.1, port: -1
          authorization { timeout: ${LIMITS.authTimeoutMs / 1000} }
        }
      `
      server = await startServer(peer, { config, leafListener: true })
    })
    after(async () => {
      // Whatever was sent to it, it serves, and no connection is left over.
      const client = await CLASSIC.connect({ servers: server.url })
      respondWith(client, 'still.there', (text) => text)
      const answer = await client.request('still.there', 'x', { timeout: 5000 })
      assert.equal(textOf(answer), 'x')
      await client.close()
      await server.stop()
    })
    for (const script of SCRIPTS) {
      const own = name === 'sable' ? SABLE_ANSWERS.get(script.name) : undefined
      const wanted = own ?? script.answers
      test(script.name, async () => {
        assert.deepEqual(await play(server.leafPort, script, wanted.at(-1)!), wanted)
      })
    }

    test('a leaf that dials a client port is told so by what it gets, and gets no further', async () => {
      using leaf = await RawPeer.connect(server.port)
      const info = JSON.parse((await leaf.line(/^INFO /)).slice('INFO '.length))
      assert.equal(info.leafnode_urls, undefined)
      leaf.send('CONNECT {"name":"leaf","cluster":"leaf","remote_account":"$G"}\r\nLS+ foo\r\n')
      await leaf.line(/^-ERR 'Unknown Protocol Operation'$/)
      await leaf.closed()
    })
  })
}
