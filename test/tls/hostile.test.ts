import assert from 'node:assert/strict'
import { connect as connectTcp, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { withLog } from '../support/failure-text.ts'
import { notHonouredReason } from '../support/not-yet-honoured.ts'
import { programsUnderTest, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { certificates, connectSecure, logIn, secure, shown, tlsConfig, trust } from './tls-bench.ts'

const { client, otherClient } = certificates
const VERIFY = tlsConfig([trust, 'verify: true', 'timeout: 30'])
const UNKNOWN_AUTHORITY = new RegExp(
  '\\[ERR\\].*TLS handshake error: tls: failed to verify certificate: ' +
    'x509: certificate signed by unknown authority \\(CN=derek,O=Example SHA-256: [0-9a-f]{64}\\)',
)
const TLS_FAILURE = /Client connection closed: TLS Handshake Failure/
/** A record header that promises more than follows, and the start of a ClientHello. */
const HALF_HELLO = Buffer.from('1603010200010001fc0303', 'hex')
/** Half of them shake hands at the wrong time. */
const FLOOD = 500

type Check = (name: string, config: string, body: (server: ServerProcess) => Promise<void>) => void

function eachProgram(title: string, define: (check: Check) => void): void {
  for (const under of programsUnderTest()) {
    describe(`${title}, ${under.name}`, () => {
      define((name, config, body) => {
        const skip = skipReason(under) || notHonouredReason(under, config)
        test(name, { skip, timeout: 60_000 }, async () => {
          await using server = await startServer(under, { config, flags: ['-D'] })
          try {
            await body(server)
          } catch (error) {
            throw withLog(error, [server])
          }
        })
      })
    })
  }
}

/** Somebody else gets in and is answered. */
async function assertServes({ port }: ServerProcess): Promise<void> {
  await using other = await connectSecure(port, 'INFO first', shown(client))
  assert.match(await logIn(other.raw), /PONG\r\n/)
}

/** Connects a socket that reads INFO and then sends `bytes`. */
async function sendAfterInfo(port: number, bytes: string | Uint8Array): Promise<RawClient> {
  const raw = await RawClient.connect(port)
  await raw.readUntil('} \r\n')
  await raw.send(bytes)
  return raw
}

/** Everything the client got behind INFO. */
function afterInfo(received: Buffer): string {
  const text = received.toString('latin1')
  return text.slice(text.indexOf('} \r\n') + 4)
}

eachProgram('bad input on a TLS port', (check) => {
  check('bytes that are no TLS', VERIFY, async (server) => {
    for (const bytes of [
      'CONNECT {}\r\nPING\r\n',
      Buffer.alloc(4096, 0xff),
      'GET / HTTP/1.1\r\n',
    ]) {
      await using raw = await sendAfterInfo(server.port, bytes)
      await raw.readUntilClose()
    }
    const line =
      /\[DBG\].*TLS handshake error: tls: first record does not look like a TLS handshake/g
    await until('three lines', () => server.log.match(line)?.length === 3)
    assert.match(server.log, TLS_FAILURE)
    await assertServes(server)
  })

  check('half a hello, and silence', tlsConfig(['timeout: 0.3']), async (server) => {
    for (const bytes of [HALF_HELLO, '']) {
      await using raw = await sendAfterInfo(server.port, bytes)
      // nats-server means to say why, too; its line does not always get out.
      const told = afterInfo(await raw.readUntilClose())
      assert.match(told, /^(-ERR 'Secure Connection - TLS Required'\r\n)?$/)
    }
    const line = /\[DBG\].*TLS handshake error: read tcp 127\S+->127\S+: i\/o timeout/g
    await until('two lines', () => server.log.match(line)?.length === 2)
    assert.match(server.log, TLS_FAILURE)
    await assertServes(server)
  })

  check('TLS 1.1', tlsConfig(['timeout: 30']), async (server) => {
    const old = {
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT:@SECLEVEL=0',
    } as const
    await assert.rejects(connectSecure(server.port, 'INFO first', old), /alert protocol version/)
    await until('the line', () =>
      /\[ERR\].*TLS handshake error: tls: client offered only unsupported versions/.test(
        server.log,
      ),
    )
    await assertServes(server)
  })

  check('TLS 1.2 where 1.3 is asked for', tlsConfig(['min_version: "1.3"']), async (server) => {
    const old = { maxVersion: 'TLSv1.2' } as const
    await assert.rejects(connectSecure(server.port, 'INFO first', old), /alert protocol version/)
    await using good = await connectSecure(server.port, 'INFO first')
    assert.equal(good.socket.getProtocol(), 'TLSv1.3')
  })

  check(
    'suites and curves that are not among those configured',
    tlsConfig([
      'cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]',
      'curve_preferences: [CurveP384]',
    ]),
    async (server) => {
      const only = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' } as const
      await assert.rejects(connectSecure(server.port, 'INFO first', only), /handshake failure/)
      await assert.rejects(
        connectSecure(server.port, 'INFO first', { ecdhCurve: 'P-256' }),
        /handshake failure|no suitable key share/,
      )
      // That of the certificate must be among the client's, too.
      const good = { maxVersion: 'TLSv1.2', ecdhCurve: 'P-256:P-384' } as const
      await using one = await connectSecure(server.port, 'INFO first', good)
      assert.equal(one.socket.getCipher().name, 'ECDHE-ECDSA-AES256-GCM-SHA384')
      assert.deepEqual(one.socket.getEphemeralKeyInfo(), {
        type: 'ECDH',
        name: 'secp384r1',
        size: 384,
      })
    },
  )

  check('no certificate, and one of another authority', VERIFY, async (server) => {
    for (const [options, line] of [
      [{}, /\[ERR\].*TLS handshake error: tls: client didn't provide a certificate/],
      [shown(otherClient), UNKNOWN_AUTHORITY],
    ] as const) {
      // With TLS 1.3 the client may believe that all is well until it reads.
      const ends = async () => {
        await using one = await connectSecure(server.port, 'INFO first', options)
        await one.raw.send('CONNECT {}\r\nPING\r\n')
        assert.equal((await one.raw.readUntilClose()).length, 0)
      }
      await ends().catch((error) => assert.match(String(error), /alert|closed|disconnected|ECONN/))
      await until(`the line ${line}`, () => line.test(server.log))
    }
    await assertServes(server)
  })

  check(
    'a certificate that is not pinned',
    tlsConfig([trust, 'verify: true', `pinned_certs: ["${client.pin}"]`]),
    async (server) => {
      const foreign = certificates.ca.issue('not-pinned')
      const ends = async () => {
        await using one = await connectSecure(server.port, 'INFO first', shown(foreign))
        await one.raw.send('CONNECT {}\r\nPING\r\n')
        assert.equal((await one.raw.readUntilClose()).length, 0)
      }
      await ends().catch((error) => assert.match(String(error), /alert|closed|disconnected|ECONN/))
      await until('the line', () =>
        /\[ERR\].*TLS handshake error: certificate not pinned/.test(server.log),
      )
      await assertServes(server)
    },
  )

  check('gone in the middle of the handshake', VERIFY, async (server) => {
    for (let round = 0; round < 20; round++) {
      const raw = await sendAfterInfo(server.port, HALF_HELLO)
      raw.close()
    }
    const closed = /Client connection closed: TLS Handshake Failure/g
    await until('all to be closed', () => server.log.match(closed)?.length === 20)
    await assertServes(server)
  })

  check('TLS on a port without TLS', '', async (server) => {
    const tcp = connectTcp({ port: server.port, host: '127.0.0.1' })
    await assert.rejects(secure(tcp))
    await until('the end', () =>
      /Client connection closed: (Protocol Violation|Client Closed)/.test(server.log),
    )
    await using plain = await RawClient.connect(server.port)
    await logIn(plain)
  })

  check(
    'half a hello where TLS is not required',
    tlsConfig(['timeout: 0.3'], 'allow_non_tls: true'),
    async (server) => {
      await using raw = await sendAfterInfo(server.port, HALF_HELLO)
      await raw.readUntilClose()
      await until('the end', () => TLS_FAILURE.test(server.log))
    },
  )

  check(
    'a client in clear that ends its side at once',
    tlsConfig([], 'allow_non_tls: true'),
    async (server) => {
      const socket = connectTcp({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
      await using raw = RawClient.over(socket)
      await raw.readUntil('} \r\n')
      socket.end('CONNECT {"verbose":false}\r\nPING\r\n')
      assert.equal(afterInfo(await raw.readUntilClose()), 'PONG\r\n')
    },
  )

  check('the server ends while some are in the middle of it', VERIFY, async (server) => {
    await using half = await sendAfterInfo(server.port, HALF_HELLO)
    await using silent = await sendAfterInfo(server.port, '')
    server.signal('SIGTERM')
    await Promise.all([half.readUntilClose(), silent.readUntilClose(), server.exited()])
    assert.equal(server.exitCode, 0)
  })

  const small = tlsConfig([trust, 'verify: true'], 'max_pending: 1MB')
  check('a subscriber that does not read is closed, and nobody else', small, async (server) => {
    await using slow = await connectSecure(server.port, 'INFO first', shown(client))
    await logIn(slow.raw)
    await slow.raw.send('SUB flood 1\r\nPING\r\n')
    await slow.raw.waitFor(
      'the second PONG',
      () => slow.raw.received.toString().split('PONG').length > 2,
    )
    slow.raw.pause()
    await using one = await connectSecure(server.port, 'INFO first', shown(client))
    await logIn(one.raw)
    const message = `PUB flood 65536\r\n${'x'.repeat(65_536)}\r\n`
    await until('the end', async () => {
      await one.raw.send(message.repeat(16))
      return /Client connection closed: Slow Consumer/.test(server.log)
    })
    await one.raw.send('SUB a 2\r\nPUB a 2\r\nhi\r\n')
    await one.raw.readUntil('MSG a 2 2\r\nhi\r\n')
  })

  check('requests go on while hundreds shake hands', VERIFY, async (server) => {
    await using one = await connectSecure(server.port, 'INFO first', shown(client))
    await logIn(one.raw)
    await one.raw.send('SUB echo 1\r\n')
    let isFlooding = true
    let answered = 0
    const requests = async () => {
      while (isFlooding) {
        await one.raw.send(`PUB echo 5\r\n${String(answered).padStart(5)}\r\n`)
        await one.raw.readUntil(`MSG echo 1 5\r\n${String(answered).padStart(5)}\r\n`)
        answered += 1
      }
    }
    const flood = async () => {
      const sockets: Socket[] = []
      const outcomes: Promise<unknown>[] = []
      for (let i = 0; i < FLOOD / 2; i++) {
        const tcp = connectTcp({ port: server.port, host: '127.0.0.1' })
        tcp.on('error', () => {})
        sockets.push(tcp)
        outcomes.push(secure(tcp).catch(() => {}))
      }
      // The first thing these read is INFO, which is no TLS to them.
      await Promise.all(outcomes)
      for (const socket of sockets) socket.destroy()
      const starts = await Promise.allSettled(
        Array.from({ length: FLOOD / 2 }, () =>
          connectSecure(server.port, 'INFO first', shown(client)),
        ),
      )
      for (const start of starts) {
        assert.equal(start.status, 'fulfilled', String((start as PromiseRejectedResult).reason))
        if (start.status === 'fulfilled') start.value.raw.close()
      }
      isFlooding = false
    }
    await Promise.all([requests(), flood()])
    assert.ok(answered > 0)
  })
})
