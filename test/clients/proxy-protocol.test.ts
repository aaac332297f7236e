import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { withLog } from '../support/failure-text.ts'
import { program, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { connectSecure, logIn, secure, tlsConfig } from '../tls/tls-bench.ts'

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n'
/** 192.0.2.1 and 10.0.0.1, ports 4321 and 4222. */
const V2_IPV4 = '\xc0\0\x02\x01\x0a\0\0\x01\x10\xe1\x10\x7e'
/** 2001:db8::1 and ::1, ports 4321 and 4222. */
const V2_IPV6 = `\x20\x01\x0d\xb8${'\0'.repeat(11)}\x01${'\0'.repeat(15)}\x01\x10\xe1\x10\x7e`
const CONNECT = 'CONNECT {"verbose":false}\r\nPING\r\n'
const V1 = 'PROXY TCP4 192.0.2.7 10.0.0.1 1234 4222\r\n'
const INVALID = 'invalid PROXY protocol header: '

const v2 = (verbs: number, family: number, data: string): string => {
  const fields = [verbs, family, data.length >> 8, data.length & 0xff]
  return SIGNATURE + String.fromCharCode(...fields) + data
}

interface Case {
  readonly name: string
  readonly pieces: readonly string[]
  /** Where the server believes the client to be; by default where its socket is. */
  readonly at?: readonly [string, number]
  /** The client sends nothing more and says so. */
  readonly half?: true
  /** Why it is refused; A and B stand for the ports of server and client. */
  readonly refused?: string
}

const CASES: readonly Case[] = [
  { name: 'v1, IPv4', pieces: [V1 + CONNECT], at: ['192.0.2.7', 1234] },
  { name: 'v1 in pieces', pieces: [...V1, ...CONNECT], at: ['192.0.2.7', 1234] },
  {
    name: 'v1, IPv6',
    pieces: ['PROXY TCP6 2001:DB8:0::7 ::1 1234 4222\r\n', CONNECT],
    at: ['2001:db8::7', 1234],
  },
  {
    name: 'v1, IPv4 as IPv6',
    pieces: ['PROXY TCP6 ::ffff:192.0.2.9 ::1 1234 4222\r\n', CONNECT],
    at: ['192.0.2.9', 1234],
  },
  { name: 'v1, unknown', pieces: [`PROXY UNKNOWN x\r\n${CONNECT}`] },
  { name: 'v1, then no more', pieces: [V1 + CONNECT], at: ['192.0.2.7', 1234], half: true },
  { name: 'v2, IPv4', pieces: [v2(0x21, 0x11, V2_IPV4) + CONNECT], at: ['192.0.2.1', 4321] },
  {
    name: 'v2 with more in it',
    pieces: [v2(0x21, 0x11, V2_IPV4 + '\x04'.repeat(60_000)) + CONNECT],
    at: ['192.0.2.1', 4321],
  },
  {
    name: 'v2, IPv6',
    pieces: [...v2(0x21, 0x21, V2_IPV6), CONNECT],
    at: ['2001:db8::1', 4321],
  },
  { name: 'v2, local', pieces: [v2(0x20, 0x11, V2_IPV4), CONNECT] },
  { name: 'v2, unspecified', pieces: [v2(0x21, 0x01, 'abc'), CONNECT] },
  { name: 'no header', pieces: [CONNECT] },
  { name: 'no header, slowly', pieces: [...CONNECT] },
  { name: 'too long', pieces: [`PROXY ${'x'.repeat(101)}`], refused: `${INVALID}v1 line too long` },
  {
    name: 'bad address',
    pieces: ['PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n'],
    refused: `${INVALID}invalid address`,
  },
  {
    name: 'bad port',
    pieces: ['PROXY TCP4 1.2.3.4 1.2.3.4 70000 2\r\n'],
    refused: 'invalid source port: strconv.ParseUint: parsing "70000": value out of range',
  },
  {
    name: 'wrong family',
    pieces: ['PROXY TCP6 1.2.3.4 ::1 1 2\r\n'],
    refused: `${INVALID}TCP6 with IPv4 address`,
  },
  { name: 'bad signature', pieces: ['\r\n\r\n\0\rxxxxxx'], refused: `${INVALID}invalid signature` },
  { name: 'bad version', pieces: [v2(0x31, 0x11, '')], refused: `${INVALID}invalid version 0x30` },
  {
    name: 'UDP',
    pieces: [v2(0x21, 0x12, '')],
    refused: 'unsupported PROXY protocol feature: only STREAM protocol supported',
  },
  {
    name: 'too short',
    pieces: [v2(0x21, 0x11, 'abc')],
    refused: 'IPv4 address data too short: 3 bytes',
  },
  {
    name: 'end in v1',
    pieces: ['PROXY TCP4'],
    half: true,
    refused: 'failed to read v1 line: EOF',
  },
  {
    name: 'end in v2',
    pieces: [v2(0x21, 0x11, V2_IPV4).slice(0, 20)],
    half: true,
    refused: 'failed to read IPv4 address data: unexpected EOF',
  },
  { name: 'end', pieces: [], half: true, refused: 'failed to read protocol version: EOF' },
  {
    name: 'five seconds of silence after the signature',
    pieces: [SIGNATURE],
    refused: 'failed to read v2 header: read tcp 127.0.0.1:A->127.0.0.1:B: i/o timeout',
  },
]

interface Info {
  readonly client_id: number
  readonly client_ip?: string
}

interface Connection {
  readonly cid: number
  readonly ip: string
  readonly port: number
  readonly reason?: string
}

/** Of `raw`, the first INFO. */
async function readInfo(raw: RawClient): Promise<Info> {
  const text = (await raw.readUntil('\r\n')).toString('latin1')
  return JSON.parse(text.slice('INFO '.length, text.indexOf('\r\n'))) as Info
}

async function connectTo(port: number): Promise<Socket & { readonly localPort: number }> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return socket as Socket & { readonly localPort: number }
}

async function findConnection({ monitorPort }: ServerProcess, cid: number): Promise<Connection> {
  const url = `http://127.0.0.1:${monitorPort}/connz?state=all&limit=10000`
  return await until(`cid ${cid}`, async () => {
    const { connections } = (await (await fetch(url)).json()) as { connections: Connection[] }
    return connections.find((connection) => connection.cid === cid)
  })
}

const COMMON = 'http: "127.0.0.1:-1"\ndebug: true\nproxy_protocol: true\n'
/** Who wants to see events has to log in; all others need not. */
const SYSTEM = 'accounts { $SYS { users: [{ user: sys, password: pass }] } }\n'

// Side by side, for the five seconds that each of them waits.
describe('PROXY protocol', { concurrency: true }, () => {
  for (const name of ['sable', 'nats-server'] as const) {
    const under = program(name)
    describe(name, { skip: skipReason(under), concurrency: true }, () => {
      let mixed: ServerProcess
      let tlsFirst: ServerProcess
      before(async () => {
        ;[mixed, tlsFirst] = await Promise.all([
          startServer(under, { config: tlsConfig([], `allow_non_tls: true\n${COMMON}`) }),
          startServer(under, { config: tlsConfig(['handshake_first: true'], COMMON + SYSTEM) }),
        ])
      })
      after(async () => {
        await Promise.all([mixed?.stop(), tlsFirst?.stop()])
      })

      const check = (what: string, body: () => Promise<void>): void => {
        it(what, { timeout: 60_000 }, async () => {
          try {
            await body()
          } catch (error) {
            throw withLog(error, [mixed, tlsFirst])
          }
        })
      }

      for (const { name: what, pieces, at, half, refused } of CASES) {
        check(what, async () => {
          const socket = await connectTo(mixed.port)
          const { localPort } = socket
          await using raw = RawClient.over(socket)
          const info = await readInfo(raw)
          assert.equal(info.client_ip, undefined)
          await raw.sendPieces(pieces)
          if (half) socket.end()
          const place = refused === undefined ? at : undefined
          const [ip, port] = place ?? ['127.0.0.1', localPort]
          const self = `127.0.0.1:${localPort} - cid:${info.client_id} - `
          if (refused === undefined) {
            await raw.readUntil('PONG\r\n')
            if (half) await raw.readUntilClose()
          } else {
            await raw.readUntilClose()
            assert.doesNotMatch(raw.received.toString('latin1'), /-ERR/)
            const why = refused
              .replace(':A', `:${String(mixed.port)}`)
              .replace(':B', `:${String(localPort)}`)
            const heading = 'Error reading PROXY protocol header from'
            await until('a line in the log', () =>
              mixed.log.includes(`[WRN] ${heading} 127.0.0.1:${localPort}: ${why}\n`),
            )
            const line = `[DBG] ${self}Client connection closed: Protocol Violation\n`
            await until('a line in the log', () => mixed.log.includes(line))
          }
          // The log goes by the socket.
          assert.ok(mixed.log.includes(`[DBG] ${self}Client connection created\n`))
          const found = await findConnection(mixed, info.client_id)
          assert.deepEqual([found.ip, found.port], [ip, port])
          if (refused !== undefined) assert.equal(found.reason, 'Protocol Violation')
        })
      }

      check('TLS after the header, or without one', async () => {
        for (const [header, ip] of [
          [V1, '192.0.2.7'],
          ['', '127.0.0.1'],
        ] as const) {
          const socket = await connectTo(mixed.port)
          const info = await until('INFO', () => (socket.read() as Buffer | null) ?? undefined)
          assert.doesNotMatch(info.toString('latin1'), /client_ip/)
          socket.write(header)
          await using raw = RawClient.over(await secure(socket))
          await raw.send(CONNECT)
          await raw.readUntil('PONG\r\n')
          const cid = Number(/"client_id":(\d+)/.exec(info.toString('latin1'))?.[1])
          assert.equal((await findConnection(mixed, cid)).ip, ip)
        }
      })

      check('TLS first, after the header, or without one; events and INFO', async () => {
        await using system = await connectSecure(tlsFirst.port, 'TLS first')
        await system.raw.send(
          'CONNECT {"user":"sys","pass":"pass"}\r\nSUB $SYS.ACCOUNT.$G.CONNECT 1\r\nPING\r\n',
        )
        await system.raw.readUntil('PONG\r\n')
        for (const [header, ip] of [
          [v2(0x21, 0x11, V2_IPV4), '192.0.2.1'],
          ['', '127.0.0.1'],
        ] as const) {
          const socket = await connectTo(tlsFirst.port)
          socket.write(header, 'latin1')
          await using raw = RawClient.over(await secure(socket))
          const info = await readInfo(raw)
          assert.equal(info.client_ip, ip)
          const text = await logIn(raw)
          assert.ok(text.slice(text.lastIndexOf('INFO ')).includes(`"client_ip":"${ip}"`))
          await system.raw.readUntil(`"host":"${ip}","id":${info.client_id},`)
          assert.equal((await findConnection(tlsFirst, info.client_id)).ip, ip)
        }
      })

      check('TLS first, and a header that is wrong', async () => {
        const socket = await connectTo(tlsFirst.port)
        await using raw = RawClient.over(socket)
        await raw.send('PROXY UDP4\r\n')
        assert.equal((await raw.readUntilClose()).length, 0)
        const from = `127.0.0.1:${socket.localPort}`
        const line = `[WRN] Error reading PROXY protocol header from ${from}: ${INVALID}invalid v1 format`
        await until('a line in the log', () => tlsFirst.log.includes(line))
      })
    })
  }
})
