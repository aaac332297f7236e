import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { withLog } from '../support/failure-text.ts'
import { notHonouredReason } from '../support/not-yet-honoured.ts'
import { program, programsUnderTest, type ServerProgram, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import {
  certificates,
  comparable,
  connectSecure,
  flagsOf,
  logIn,
  shown,
  tlsConfig,
  trust,
} from './tls-bench.ts'

/** Long, so that whoever waits for it would show. */
const LONG = 'timeout: 30'
const REQUIRED = { tls_required: true }
const AVAILABLE = { tls_available: true }
const BOTH = { tls_required: true, tls_available: true }

interface Mode {
  readonly name: string
  readonly config: string
  /** Of the first INFO by the three ways; undefined: that way does not lead in. */
  readonly plain?: object
  readonly infoFirst?: object
  readonly tlsFirst?: object
  /** Of the INFO after PING, over TLS. */
  readonly later: object
}

const MODES: readonly Mode[] = [
  { name: 'required', config: tlsConfig([LONG]), infoFirst: REQUIRED, later: REQUIRED },
  {
    name: 'verify',
    config: tlsConfig([LONG, trust, 'verify: true']),
    infoFirst: { ...REQUIRED, tls_verify: true },
    later: { ...REQUIRED, tls_verify: true },
  },
  {
    name: 'allow_non_tls',
    config: tlsConfig([LONG], 'allow_non_tls: true'),
    plain: AVAILABLE,
    infoFirst: AVAILABLE,
    later: AVAILABLE,
  },
  {
    name: 'handshake_first',
    config: tlsConfig([LONG, 'handshake_first: true']),
    tlsFirst: REQUIRED,
    later: REQUIRED,
  },
  {
    name: 'handshake_first: auto',
    config: tlsConfig([LONG, 'handshake_first: auto']),
    infoFirst: REQUIRED,
    tlsFirst: REQUIRED,
    later: REQUIRED,
  },
  {
    name: 'handshake_first: 30ms',
    config: tlsConfig([LONG, 'handshake_first: "30ms"']),
    infoFirst: REQUIRED,
    tlsFirst: REQUIRED,
    later: REQUIRED,
  },
  {
    name: 'handshake_first and allow_non_tls',
    config: tlsConfig([LONG, 'handshake_first: true'], 'allow_non_tls: true'),
    tlsFirst: BOTH,
    later: AVAILABLE,
  },
  {
    name: 'handshake_first: auto and allow_non_tls',
    config: tlsConfig([LONG, 'handshake_first: auto'], 'allow_non_tls: true'),
    plain: AVAILABLE,
    infoFirst: AVAILABLE,
    tlsFirst: BOTH,
    later: AVAILABLE,
  },
]

/** What a client that waits for INFO and goes on in clear reads. */
async function readPlain({ port }: ServerProcess): Promise<string> {
  await using client = await RawClient.connect(port)
  await client.readUntil('} \r\n')
  return await logIn(client)
}

async function readSecure(
  { port }: ServerProcess,
  order: 'INFO first' | 'TLS first',
): Promise<{ first: string; all: string }> {
  await using client = await connectSecure(port, order, shown(certificates.client))
  if (order === 'TLS first') await client.raw.readUntil('} \r\n')
  const first = client.clear + client.raw.received.toString('latin1')
  return { first, all: client.clear + (await logIn(client.raw)) }
}

/** All that clients read in this mode. */
async function transcript(server: ServerProcess, mode: Mode): Promise<Record<string, string>> {
  const read: Record<string, string> = {}
  if (mode.plain !== undefined) read['plain'] = comparable(await readPlain(server))
  for (const [key, order] of [
    ['infoFirst', 'INFO first'],
    ['tlsFirst', 'TLS first'],
  ] as const) {
    if (mode[key] === undefined) continue
    read[key] = comparable((await readSecure(server, order)).all)
  }
  return read
}

function check(under: ServerProgram, mode: Mode, body: (server: ServerProcess) => Promise<void>) {
  const skip = skipReason(under) || notHonouredReason(under, mode.config)
  test(mode.name, { skip, timeout: 60_000 }, async () => {
    await using server = await startServer(under, { config: mode.config })
    try {
      await body(server)
    } catch (error) {
      throw withLog(error, [server])
    }
  })
}

for (const under of programsUnderTest()) {
  describe(`what INFO says of TLS, ${under.name}`, () => {
    for (const mode of MODES) {
      check(under, mode, async (server) => {
        if (mode.plain !== undefined) {
          assert.deepEqual(flagsOf(await readPlain(server)), mode.plain)
        }
        if (mode.infoFirst !== undefined) {
          const { first, all } = await readSecure(server, 'INFO first')
          assert.deepEqual(flagsOf(first), mode.infoFirst)
          assert.deepEqual(flagsOf(all), mode.later)
        }
        if (mode.tlsFirst !== undefined) {
          const { first, all } = await readSecure(server, 'TLS first')
          assert.deepEqual(flagsOf(first), mode.tlsFirst)
          assert.deepEqual(flagsOf(all), mode.later)
        }
      })
    }
  })

  describe(`who does not get in, ${under.name}`, () => {
    const required = MODES[0]!
    check(under, required, async (server) => {
      // The first bytes after INFO in clear are no TLS.
      await assert.rejects(connectSecure(server.port, 'TLS first'))
    })
    const first = MODES[3]!
    check(under, first, async (server) => {
      await using client = await RawClient.connect(server.port)
      await client.send('CONNECT {}\r\nPING\r\n')
      assert.equal((await client.readUntilClose()).length, 0)
    })
  })
}

const real = program('nats-server')
const sable = program('sable')
describe('what clients read, byte by byte as from nats-server', { skip: skipReason(real) }, () => {
  for (const mode of MODES) {
    check(sable, mode, async (server) => {
      await using other = await startServer(real, { config: mode.config })
      const [ours, theirs] = await Promise.all([transcript(server, mode), transcript(other, mode)])
      assert.deepEqual(ours, theirs)
    })
  }
})
