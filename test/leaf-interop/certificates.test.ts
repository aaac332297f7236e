/** Leafs that a certificate makes users of an account. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { type CertificateOnDisk, makeCertificates } from '../support/certificates.ts'
import { assertApart, exchange, logged } from './exchange.ts'
import { eachPair } from './pairs.ts'

const folder = mkdtempSync(join(tmpdir(), 'leaf-certificates-'))
const { ca, server, client } = makeCertificates(folder)
const stranger = ca.issue('stranger', { emails: ['nobody@example.com'] })
after(() => rmSync(folder, { recursive: true }))

const identity = ({ certFile, keyFile }: CertificateOnDisk) =>
  `cert_file: "${certFile}", key_file: "${keyFile}"`
const trust = `ca_file: "${ca.certFile}"`
const ACCOUNTS = `accounts {
  A { users: [ { user: "derek@example.com" }, { user: a, password: p } ] }
  B { users: [ { user: b, password: p } ] }
}
no_auth_user: b`

eachPair('certificates that stand for users of accounts', (check) => {
  for (const scheme of ['nats-leaf', 'wss']) {
    check(`over ${scheme}`, async (bench) => {
      const hub = await bench.startHub({
        leafnodes: `tls { ${identity(server)}, ${trust}, verify_and_map: true }`,
        top: `${ACCOUNTS}
          websocket { host: 127.0.0.1, port: -1
            tls { ${identity(server)}, ${trust}, verify: true } }`,
      })
      const port = scheme === 'wss' ? hub.websocketPort : hub.leafPort
      const leaf = (name: string, certificate: CertificateOnDisk) =>
        bench.startLeaf(port, {
          name,
          scheme,
          // The name in the URL does not count, a password would.
          credentials: 'b',
          remote: `tls { ${identity(certificate)}, ${trust} }`,
        })
      const [known, unknown] = await Promise.all([leaf('known', client), leaf('unknown', stranger)])
      const atHub = await bench.connect(hub, { user: 'a', pass: 'p' })
      await exchange(atHub, await bench.connect(known))
      await logged(hub, /User "b" found in connect proto, but user required from cert/)
      await logged(hub, /authentication error/)
      await logged(unknown, /Leafnode Error 'Authorization Violation'/)
      await assertApart(bench, hub, unknown)
    })
  }
})
