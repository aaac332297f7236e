/** Peers that agree on S2 and then send something else, or far more than it looks like. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { program, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { Bystander } from './bystander.ts'
import { block, bomb, chunk, IDENTIFIER, stored, varint } from './s2-chunks.ts'

const MIB = 1024 * 1024
const BLOCK_BYTES_MAX = 4 * MIB
const PING = 'PING\r\n'
const PINGS_OF_A_BLOCK = Math.floor(BLOCK_BYTES_MAX / PING.length)
const JOIN = Buffer.concat([IDENTIFIER, stored('CONNECT {}\r\nPING\r\n')])

/** Each of them ends the connection. */
const BROKEN: readonly (readonly [string, Uint8Array])[] = [
  ['plain text', Buffer.from('CONNECT {}\r\n')],
  ['no identifier', stored('CONNECT {}\r\n')],
  ['another identifier', Buffer.from('\xff\x06\x00\x00S2sThr', 'latin1')],
  ['an identifier that is too long', chunk(0xff, Buffer.from('S2sTwOS2sTwO'))],
  ['a reserved chunk', Buffer.concat([IDENTIFIER, chunk(0x02, Buffer.alloc(8))])],
  [
    'a chunk longer than any',
    Buffer.concat([IDENTIFIER, Buffer.from('\x00\xff\xff\xff', 'latin1')]),
  ],
  ['a chunk shorter than its checksum', Buffer.concat([IDENTIFIER, chunk(0x01, Buffer.alloc(3))])],
  [
    'stored bytes with another checksum',
    Buffer.concat([IDENTIFIER, chunk(0x01, Buffer.from('\0\0\0\0CONNECT {}\r\n', 'latin1'))]),
  ],
  [
    'a block with another checksum',
    Buffer.concat([IDENTIFIER, block(Buffer.from([1, 0, 0x41]), Buffer.from('B'))]),
  ],
  ['a length that never ends', Buffer.concat([IDENTIFIER, block(Buffer.alloc(12, 0xff))])],
  [
    'a block that says it is larger than any',
    Buffer.concat([IDENTIFIER, block(Buffer.concat([varint(2 ** 31), Buffer.alloc(10)]))]),
  ],
  [
    'a block that ends in a literal',
    Buffer.concat([IDENTIFIER, block(Buffer.from([20, 19 << 2, 0x41, 0x42]))]),
  ],
  [
    'a copy from before the beginning',
    Buffer.concat([IDENTIFIER, block(Buffer.from([8, 0, 0x41, 0x01, 9]))]),
  ],
  ['a repeat of nothing', Buffer.concat([IDENTIFIER, block(Buffer.from([8, 0x01, 0]))])],
  [
    'a copy beyond the length of the block',
    Buffer.concat([IDENTIFIER, block(Buffer.from([3, 0, 0x41, 0x1d, 1, 0xff, 0xff, 0xff]))]),
  ],
  [
    'half a chunk and no more',
    Buffer.concat([IDENTIFIER, stored('CONNECT {}\r\n').subarray(0, 9)]),
  ],
]

for (const name of ['sable', 'nats-server'] as const) {
  const peer = program(name)
  const isSable = name === 'sable'
  describe(`S2 that is none, ${name}`, { skip: skipReason(peer), concurrency: 20 }, () => {
    let server: ServerProcess
    let bystander: Bystander
    before(async () => {
      const config = `
        server_name: hub, max_pending: 2mb
        leafnodes { host: 127.0.0.1, port: -1, authorization { timeout: 0.6 } }
      `
      server = await startServer(peer, { config, leafListener: true })
      bystander = await Bystander.watch(server)
    })
    after(async () => {
      await bystander[Symbol.asyncDispose]()
      await server.stop()
    })

    /** A connection on which both sides have agreed on S2. */
    const negotiate = async (): Promise<RawClient> => {
      const client = await RawClient.connect(server.leafPort)
      const info = await client.readUntil('\r\n')
      await client.send('INFO {"compression":"s2_fast"}\r\n')
      await client.readBytes(info.length + IDENTIFIER.length)
      return client
    }

    test('what is right is understood', async () => {
      await using client = await negotiate()
      const bytes = client.receivedBytes
      await client.send(JOIN)
      await client.readBytes(bytes + 200)
      await client.send(chunk(0xfe, Buffer.alloc(50)))
      await client.send(chunk(0x99, Buffer.alloc(50)))
      const before = client.receivedBytes
      await client.send(bomb(PING, 20_000))
      await client.readBytes(before + 10) // the answers are compressed as well
      assert.equal(client.closedBy, null)
    })

    for (const [what, bytes] of BROKEN) {
      test(`${what}, before CONNECT: the end`, async () => {
        await using client = await negotiate()
        await client.send(bytes)
        await client.readUntilClose()
      })
      if (what.startsWith('half')) continue
      test(`${what}, after CONNECT: the end`, async () => {
        await using client = await negotiate()
        await client.send(JOIN)
        // What comes first is an identifier in any case; another one may follow.
        await client.send(bytes)
        if (what === 'no identifier') await client.send('nonsense')
        await client.readUntilClose()
      })
    }

    test('4 MiB of spaces in 30 bytes: the end, at once', async () => {
      for (const joins of [false, true]) {
        await using client = await negotiate()
        if (joins) await client.send(JOIN)
        await client.send(Buffer.concat([IDENTIFIER, bomb('    ', MIB)]))
        await client.readUntilClose()
      }
    })

    test('a line of 4 MiB in 60 bytes: the end, at once', async () => {
      for (const joins of [false, true]) {
        await using client = await negotiate()
        if (joins) await client.send(JOIN)
        const line = stored(joins ? 'LS+ ' : 'CONNECT {"name":"')
        await client.send(Buffer.concat([IDENTIFIER, line, bomb('aaaa', MIB)]))
        await client.readUntilClose()
      }
    })

    const skip = isSable ? false : 'no bound is known'
    test('PINGs by the million, their answers unread: bounded', { skip }, async () => {
      const beforeBytes = bystander.residentBytes()
      const attackers = await Promise.all([negotiate(), negotiate()])
      const pings = bomb(PING, PINGS_OF_A_BLOCK)
      for (const attacker of attackers) {
        await attacker.send(JOIN)
        attacker.pause()
      }
      for (let i = 0; i < 10; i += 1) {
        for (const attacker of attackers) void attacker.send(pings)
        await bystander.ask()
      }
      const moreBytes = bystander.residentBytes() - beforeBytes
      assert.ok(moreBytes < 256 * MIB, `${Math.round(moreBytes / MIB)} MiB more`)
      for (const attacker of attackers) attacker.close()
      await bystander.ask()
    })
  })
}
