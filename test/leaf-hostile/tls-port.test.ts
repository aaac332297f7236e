/** Peers that speak no TLS, or broken TLS, to a leaf port that wants it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeCertificates } from '../support/certificates.ts'
import { program, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { Bystander } from './bystander.ts'

const folder = mkdtempSync(join(tmpdir(), 'leaf-tls-port-'))
const { certFile, keyFile } = makeCertificates(folder).server
after(() => rmSync(folder, { recursive: true }))

/** Says that 512 bytes of a ClientHello follow. */
const HALF_A_HELLO = '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'

const ALERT = '\x15\x03'

const SCRIPTS: readonly (readonly [string, readonly string[]])[] = [
  ['CONNECT in clear', ['CONNECT {}\r\nPING\r\n']],
  ['a client in clear', ['CONNECT {"lang":"go","verbose":false}\r\nPING\r\n']],
  ['a request for a web page', ['GET / HTTP/1.1\r\nHost: x\r\n\r\n']],
  ['half a ClientHello', [HALF_A_HELLO]],
  ['a ClientHello of zeros', [HALF_A_HELLO, '\0'.repeat(600)]],
  ['silence', []],
  ['zeros', ['\0'.repeat(10_000)]],
]

for (const name of ['sable', 'nats-server'] as const) {
  const peer = program(name)
  for (const first of [false, true]) {
    const title = `no TLS on a leaf port with TLS${first ? ' first' : ''}, ${name}`
    describe(title, { skip: skipReason(peer), concurrency: 10 }, () => {
      let server: ServerProcess
      let bystander: Bystander
      before(async () => {
        const config = `
          leafnodes {
            host: 127.0.0.1, port: -1
            tls {
              cert_file: "${certFile}", key_file: "${keyFile}", timeout: 0.6
              ${first ? 'handshake_first: true' : ''}
            }
          }
        `
        server = await startServer(peer, { config, leafListener: true })
        bystander = await Bystander.watch(server)
      })
      after(async () => {
        await bystander[Symbol.asyncDispose]()
        await server.stop()
      })

      for (const [what, pieces] of SCRIPTS) {
        test(`${what}: the end, and nothing in clear but INFO`, async () => {
          await using client = await RawClient.connect(server.leafPort)
          const info = first ? '' : (await client.readUntil('\r\n')).toString('latin1')
          if (!first) assert.match(info, /^INFO .*"tls_required":true/)
          await client.sendPieces(pieces, 20)
          const all = (await client.readUntilClose()).toString('latin1')
          const rest = all.slice(info.length)
          // A TLS alert, or an -ERR line for those who do not even begin.
          const isAlert = rest.startsWith(ALERT)
          assert.ok(rest === '' || isAlert || /^-ERR '.*'\r\n$/.test(rest), JSON.stringify(rest))
          assert.doesNotMatch(rest, /INFO|PONG|LS\+|nonce/)
        })
      }
    })
  }
}
