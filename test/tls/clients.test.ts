import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ConnectOptions } from '../support/client-libraries.ts'
import { LIBRARIES } from '../support/client-libraries.ts'
import { textOf } from '../support/collector.ts'
import { withLog } from '../support/failure-text.ts'
import { notHonouredReason } from '../support/not-yet-honoured.ts'
import { programsUnderTest, skipReason } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { certificates, tlsConfig, trust } from './tls-bench.ts'

const { ca, client, otherClient } = certificates
/** More than a TLS record, a read area, and a stretch of writing hold. */
const LARGE_BYTES = 900_000
const MANY = 2_000

/** What both libraries call them. */
interface TlsClientOptions {
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
  readonly handshakeFirst?: boolean
}

const TRUSTING: TlsClientOptions = { caFile: ca.certFile }
const KNOWN: TlsClientOptions = {
  ...TRUSTING,
  certFile: client.certFile,
  keyFile: client.keyFile,
}
const UNKNOWN: TlsClientOptions = {
  ...TRUSTING,
  certFile: otherClient.certFile,
  keyFile: otherClient.keyFile,
}

for (const under of programsUnderTest()) {
  for (const library of LIBRARIES) {
    /** Without options not even TLS that is on offer is used. */
    const connect = (server: ServerProcess, tls?: TlsClientOptions) => {
      const servers = `localhost:${server.port}`
      const options = { servers, reconnect: false, tls: tls ?? null }
      return library.connect(options as ConnectOptions)
    }
    const check = (
      name: string,
      config: string,
      body: (server: ServerProcess) => Promise<void>,
    ): void => {
      const skip = skipReason(under) || notHonouredReason(under, config)
      test(name, { skip, timeout: 60_000 }, async () => {
        await using server = await startServer(under, { config })
        try {
          await body(server)
        } catch (error) {
          throw withLog(error, [server])
        }
      })
    }

    /** Requests, messages of all sizes, and many of them, between two connections. */
    const assertWorking = async (
      server: ServerProcess,
      one?: TlsClientOptions,
      other?: TlsClientOptions,
    ): Promise<void> => {
      const [asking, answering] = await Promise.all([connect(server, one), connect(server, other)])
      try {
        answering.subscribe('echo', {
          callback: (_, message) => void message.respond(message.data),
        })
        await answering.flush()
        const large = Buffer.alloc(LARGE_BYTES, 'large payload ')
        const answer = await asking.request('echo', large, { timeout: 20_000 })
        assert.ok(large.equals(answer.data))
        const many = answering.subscribe('many', { max: MANY })
        await answering.flush()
        for (let i = 0; i < MANY; i++) asking.publish('many', `message ${i}`)
        let count = 0
        for await (const message of many) assert.equal(textOf(message), `message ${count++}`)
        assert.equal(count, MANY)
      } finally {
        await Promise.all([asking.close(), answering.close()])
      }
    }

    describe(`TLS, ${library.name} on ${under.name}`, () => {
      check('required', tlsConfig(), (server) => assertWorking(server, TRUSTING, TRUSTING))

      check(
        'with certificates on both sides',
        tlsConfig([trust, 'verify: true']),
        async (server) => {
          await assertWorking(server, KNOWN, KNOWN)
          await assert.rejects(connect(server, TRUSTING))
          await assert.rejects(connect(server, UNKNOWN))
        },
      )

      check('one over TLS, one in clear', tlsConfig([], 'allow_non_tls: true'), async (server) => {
        await assertWorking(server, TRUSTING, undefined)
      })

      const early = { ...TRUSTING, handshakeFirst: true }
      check('handshake first', tlsConfig(['handshake_first: true']), async (server) => {
        await assertWorking(server, early, early)
      })

      check('handshake first, or not', tlsConfig(['handshake_first: auto']), async (server) => {
        await assertWorking(server, early, TRUSTING)
      })
    })
  }
}
