import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { BrokerError, startBroker } from '../../src/index.ts'
import type { CertificateOnDisk } from '../support/certificates.ts'
import { notHonouredReason } from '../support/not-yet-honoured.ts'
import { program } from '../support/peers.ts'
import { startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { certificates, connectSecure, identity, logIn, shown } from './tls-bench.ts'

const { ca, otherCa, server: first } = certificates
const second = ca.issue('second-server', { dns: ['localhost'], ips: ['127.0.0.1'] })
const TIMEOUT_MS = 60_000

/** Files whose content a test changes. */
class Rotating {
  readonly certFile: string
  readonly keyFile: string

  constructor(t: TestContext, initial: CertificateOnDisk) {
    const folder = mkdtempSync(join(tmpdir(), 'reload-'))
    t.after(() => rmSync(folder, { recursive: true }))
    this.certFile = join(folder, 'cert.pem')
    this.keyFile = join(folder, 'key.pem')
    this.become(initial)
  }

  become({ certFile, keyFile }: CertificateOnDisk): void {
    copyFileSync(certFile, this.certFile)
    copyFileSync(keyFile, this.keyFile)
  }

  get words(): string {
    return `cert_file: "${this.certFile}", key_file: "${this.keyFile}"`
  }
}

/** Common name of the certificate that a client of the TCP listener is shown. */
async function shownToClient(port: number): Promise<string> {
  await using client = await connectSecure(port, 'INFO first')
  return commonName(client.socket.getPeerCertificate().subject.CN)
}

/** As shownToClient, where TLS comes first: WebSocket, and leafs with handshake_first. */
function shownAtOnce(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      resolve(commonName(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    })
  })
}

function commonName(name: string | readonly string[] | undefined): string {
  return String(name)
}

const sable = program('sable')
const PROBE = `tls { ${identity(first)} }`
const skip = notHonouredReason(sable, PROBE)

test('SIGHUP: new handshakes use new files, on all listeners', {
  skip,
  timeout: TIMEOUT_MS,
}, async (t) => {
  const files = new Rotating(t, first)
  const config = `tls { ${files.words} }
websocket { listen: "127.0.0.1:-1", tls { ${files.words} } }
leafnodes { listen: "127.0.0.1:-1", tls { ${files.words}, handshake_first: true } }
`
  await using server = await startServer(sable, { config, leafListener: true })
  const all = async () => [
    await shownToClient(server.port),
    await shownAtOnce(server.websocketPort),
    await shownAtOnce(server.leafPort),
  ]
  assert.deepEqual(await all(), ['server', 'server', 'server'])
  await using standing = await connectSecure(server.port, 'INFO first')
  await logIn(standing.raw)
  files.become(second)
  assert.deepEqual(await all(), ['server', 'server', 'server'])
  server.signal('SIGHUP')
  await until('the reload', () => server.log.includes('Reloaded server configuration'))
  assert.deepEqual(await all(), ['second-server', 'second-server', 'second-server'])
  await standing.raw.send('SUB a 1\r\nPUB a 2\r\nhi\r\n')
  await standing.raw.readUntil('MSG a 1 2\r\nhi\r\n')
})

test('SIGHUP: broken files change nothing, and are named', {
  skip,
  timeout: TIMEOUT_MS,
}, async (t) => {
  const good = new Rotating(t, first)
  const files = new Rotating(t, first)
  const config = `tls { ${good.words} }
websocket { listen: "127.0.0.1:-1", tls { ${files.words} } }
`
  await using server = await startServer(sable, { config })
  const failed = (why: RegExp) => {
    server.signal('SIGHUP')
    const line = new RegExp(
      `\\[ERR\\] Failed to reload server configuration: \\S+server\\.conf:2:\\d+: ${why.source}`,
    )
    return until(`the line ${line}`, () => line.test(server.log))
  }
  good.become(second)
  writeFileSync(files.certFile, 'nonsense')
  await failed(/error parsing X509 certificate\/key pair: tls: failed to find any PEM data/)
  files.become(otherCa)
  copyFileSync(first.certFile, files.certFile)
  await failed(/error parsing X509 certificate\/key pair: tls: private key does not match/)
  rmSync(files.keyFile)
  await failed(
    /error parsing X509 certificate\/key pair: open \S+key\.pem: no such file or directory/,
  )
  assert.doesNotMatch(server.log, /Reloaded/)
  assert.equal(await shownToClient(server.port), 'server')
  assert.equal(await shownAtOnce(server.websocketPort), 'server')
})

test('SIGHUP: new authorities are asked for new clients', {
  skip,
  timeout: TIMEOUT_MS,
}, async (t) => {
  const files = new Rotating(t, ca)
  const config = `tls { ${identity(first)}, ca_file: "${files.certFile}", verify: true }\n`
  await using server = await startServer(sable, { config, flags: ['-D'] })
  const { client, otherClient } = certificates
  const entry = async (one: CertificateOnDisk) => {
    await using connection = await connectSecure(server.port, 'INFO first', shown(one))
    return await logIn(connection.raw)
  }
  assert.match(await entry(client), /PONG/)
  files.become(otherCa)
  server.signal('SIGHUP')
  await until('the reload', () => server.log.includes('Reloaded server configuration'))
  assert.match(await entry(otherClient), /PONG/)
  // With TLS 1.3 the client may believe that all is well until it reads.
  void entry(client).catch(() => {})
  await until('the refusal', () => /unknown authority/.test(server.log))
})

test('an embedded broker reads its certificates again', {
  skip,
  timeout: TIMEOUT_MS,
}, async (t) => {
  const files = new Rotating(t, first)
  const { certFile, keyFile } = files
  const broker = await startBroker({ host: '127.0.0.1', port: -1, tls: { certFile, keyFile } })
  t.after(() => broker.close())
  assert.match(broker.url, /^tls:\/\/127\.0\.0\.1:\d+$/)
  assert.equal(await shownToClient(broker.port), 'server')
  files.become(second)
  await Promise.all([broker.reloadCertificates(), broker.reloadCertificates()])
  assert.equal(await shownToClient(broker.port), 'second-server')
  writeFileSync(certFile, '')
  await assert.rejects(
    broker.reloadCertificates(),
    (error) =>
      error instanceof BrokerError &&
      error.code === 'BRK_TLS_FILES' &&
      error.message.startsWith('tls: ') &&
      error.message.includes(certFile),
  )
  assert.equal(await shownToClient(broker.port), 'second-server')
})

test('an embedded broker without TLS has nothing to read', { timeout: TIMEOUT_MS }, async (t) => {
  const broker = await startBroker({ host: '127.0.0.1', port: -1 })
  t.after(() => broker.close())
  await broker.reloadCertificates()
})
