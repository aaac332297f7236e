import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Flow } from '../failure/flow.ts'
import { WireClient } from '../order/wire-client.ts'
import { withLog } from '../support/failure-text.ts'
import { program } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'

process.env['SABLE_CHECKED'] = '1'

const FUZZ_MS = 10_000
const TEST_MS = 60_000
/** Inputs under way at once. */
const ATTACKERS = 4
/** An attacker that is not hung up on goes by itself after this time. */
const PATIENCE_MS = 40

const CLIENT_FRAMES = [
  'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n',
  'CONNECT {"verbose":true,"pedantic":true,"echo":false}\r\n',
  ...['PING\r\n', 'PONG\r\n', '+OK\r\n', '-ERR no\r\n', 'INFO {}\r\n', '\r\n'],
  ...['SUB fuzz.> 1\r\n', 'SUB fuzz.* group 2\r\n', 'SUB > 3\r\n', 'UNSUB 1\r\n', 'UNSUB 2 3\r\n'],
  'PUB fuzz.a 5\r\nhello\r\n',
  'PUB fuzz.b reply 0\r\n\r\n',
  'HPUB fuzz.c 12 17\r\nNATS/1.0\r\n\r\nhello\r\n',
  'HPUB fuzz.d reply 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nok\r\n',
  `PUB fuzz.large 70000\r\n${'l'.repeat(70_000)}\r\n`,
  `PUB fuzz.lent 300000\r\n${'l'.repeat(300_000)}\r\n`,
]

const LEAF_FRAMES = [
  'CONNECT {"server_id":"X","name":"fuzz","cluster":"c","headers":true,"version":"2.10.0"}\r\n',
  'INFO {"server_id":"X","proto":1,"headers":true,"max_payload":1048576}\r\n',
  ...['PING\r\n', 'PONG\r\n', 'LS+ fuzz.>\r\n', 'LS+ fuzz.* group 3\r\n', 'LS- fuzz.>\r\n'],
  ...['LS+ $LDS.abc\r\n', 'LS- fuzz.* group\r\n', "-ERR 'no'\r\n", 'LS+ > q 0\r\n'],
  'LMSG fuzz.a 5\r\nhello\r\n',
  'LMSG fuzz.a + reply group 5\r\nhello\r\n',
  'LMSG fuzz.a | group 5\r\nhello\r\n',
  'LMSG fuzz.a reply 5\r\nhello\r\n',
  'HMSG fuzz.c 12 17\r\nNATS/1.0\r\n\r\nhello\r\n',
  `LMSG fuzz.large 70000\r\n${'l'.repeat(70_000)}\r\n`,
]

/** Something done to a stream: at a place (a share of its length), with some bytes. */
type Mutation = readonly [
  kind: 'flip' | 'cut' | 'insert' | 'repeat' | 'end',
  at: number,
  bytes: Uint8Array,
]

interface Attack {
  readonly pieces: readonly Uint8Array[]
  readonly end: 'wait' | 'fin' | 'rst'
}

function mutate(stream: Buffer, [kind, at, bytes]: Mutation): Buffer {
  const place = Math.floor(at * stream.length)
  const [before, after] = [stream.subarray(0, place), stream.subarray(place)]
  switch (kind) {
    case 'flip':
      return Buffer.concat([before, bytes.subarray(0, 1), after.subarray(1)])
    case 'cut':
      return Buffer.concat([before, after.subarray(bytes.length)])
    case 'insert':
      return Buffer.concat([before, bytes, after])
    case 'repeat':
      return Buffer.concat([before, after.subarray(0, 30), after])
    case 'end':
      return before
  }
}

function attacks(frames: readonly string[]): fc.Arbitrary<Attack> {
  const bytes = fc.uint8Array({ maxLength: 20 })
  const kind = fc.constantFrom('flip', 'cut', 'insert', 'repeat', 'end' as const)
  const mutation: fc.Arbitrary<Mutation> = fc.tuple(
    kind,
    fc.double({ min: 0, max: 1, noNaN: true }),
    bytes,
  )
  const stream = fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 5000 }).map((raw) => Buffer.from(raw)) },
    {
      weight: 5,
      arbitrary: fc
        .tuple(
          fc.array(fc.constantFrom(...frames), { minLength: 1, maxLength: 12 }),
          fc.array(mutation, { maxLength: 4 }),
        )
        .map(([parts, mutations]) =>
          // A leaf or a client that is welcome gets further than one that is not.
          mutations.reduce(mutate, Buffer.from(frames[0] + parts.join(''), 'latin1')),
        ),
    },
  )
  const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 })
  return fc
    .tuple(stream, cuts, fc.constantFrom('wait', 'fin', 'rst' as const))
    .map(([whole, places, end]) => {
      const offsets = [0, ...places.map((at) => Math.floor(at * whole.length)), whole.length]
      offsets.sort((a, b) => a - b)
      const pieces = offsets.slice(1).map((to, i) => whole.subarray(offsets[i], to))
      return { pieces, end }
    })
}

/** Sends it, in pieces that travel apart, and goes away as it says. */
async function attack(port: number, { pieces, end }: Attack): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => {})
  socket.resume()
  socket.setNoDelay(true)
  for (const piece of pieces) {
    socket.write(piece)
    await new Promise((resolve) => setImmediate(resolve))
  }
  if (end === 'fin') socket.end()
  else if (end === 'rst') socket.resetAndDestroy()
  const patience = setTimeout(() => socket.destroy(), PATIENCE_MS)
  await closed
  clearTimeout(patience)
}

async function fuzz(server: ServerProcess, port: number, frames: readonly string[]): Promise<void> {
  const a = await WireClient.connect(server.port)
  const b = await WireClient.connect(server.port)
  const flows = [
    (await new Flow(a, 'good.there').to(b)).start(),
    (await new Flow(b, 'good.back').to(a)).start(),
  ]
  const attackOnce = async (input: Attack) => {
    await attack(port, input)
    if (server.hasExited || a.isClosed || b.isClosed) throw new Error('the server or a client went')
    if (/died/.test(server.log)) throw new Error('a thread of the server died')
  }
  const limit = { numRuns: 1_000_000, interruptAfterTimeLimit: FUZZ_MS, endOnFailure: true }
  await Promise.all(
    Array.from({ length: ATTACKERS }, () =>
      fc.assert(fc.asyncProperty(attacks(frames), attackOnce), limit),
    ),
  )
  for (const flow of flows) assert.deepEqual(await flow.stop(), [])
  assert.deepEqual([...a.errors, ...b.errors], [])
  a.close()
  b.close()
}

describe('bytes that make no sense', () => {
  for (const workerCount of [1, 2]) {
    const config = `workers: ${workerCount}\nleafnodes { listen: "127.0.0.1:-1" }\n`
    for (const which of ['client', 'leaf'] as const) {
      const name = `on the ${which} port harm nobody else, ${workerCount} protocol workers`
      test(name, { timeout: TEST_MS }, async () => {
        await using server = await startServer(program('sable'), { config, leafListener: true })
        try {
          const port = which === 'client' ? server.port : server.leafPort
          await fuzz(server, port, which === 'client' ? CLIENT_FRAMES : LEAF_FRAMES)
        } catch (error) {
          throw withLog(error, [server])
        }
      })
    }
  }
})
