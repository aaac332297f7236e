import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Certificates, makeCertificates } from '../../support/certificates.ts'
import { program, skipReason } from '../../support/peers.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'
import { runTool, toolPath } from './tool-process.ts'

const peer = program('nats-server')
const PUBLISHED = { code: 0, stdout: '', stderr: "Published [a] : 'x'\n" }
const UNTRUSTED = 'nats: tls error: tls: failed to verify certificate: x509:'

describe('tutorial tools and TLS', { skip: skipReason(peer) }, () => {
  let folder: string
  let made: Certificates
  const servers: Record<string, ServerProcess> = {}
  const start = (own: { certFile: string; keyFile: string }, verify: boolean) =>
    startServer(peer, {
      config: `
        tls { cert_file: "${own.certFile}", key_file: "${own.keyFile}",
          ca_file: "${made.ca.certFile}", verify: ${verify} }
        websocket { host: 127.0.0.1, port: -1, no_tls: true }`,
    })
  const pub = (url: string, ...flags: readonly string[]) =>
    runTool(toolPath('nats-pub'), ['-s', url, ...flags, 'a', 'x'])
  const failed = (text: string) => ({ code: 1, stdout: '', stderr: `${text}\n` })
  const urlOf = (name: string, host: string) => `${host}:${servers[name]!.port}`
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tools-tls-'))
    made = makeCertificates(folder)
    servers['plain'] = await startServer(peer)
    servers['open'] = await start(made.server, false)
    servers['verifying'] = await start(made.server, true)
    servers['elsewhere'] = await start(made.otherNameServer, false)
    servers['addresses'] = await start(made.ipServer, false)
  })
  after(async () => {
    await Promise.all(Object.values(servers).map((server) => server.stop()))
    rmSync(folder, { recursive: true })
  })

  test('-tlscacert names whom to trust, for hosts and addresses', () => {
    const ca = ['-tlscacert', made.ca.certFile]
    for (const host of ['localhost', '127.0.0.1', 'tls://localhost', 'nats://127.0.0.1']) {
      assert.deepEqual(pub(urlOf('open', host), ...ca), PUBLISHED, host)
    }
    const unknown = failed(`${UNTRUSTED} certificate signed by unknown authority`)
    assert.deepEqual(pub(urlOf('open', 'localhost')), unknown)
    assert.deepEqual(pub(urlOf('open', '127.0.0.1'), '-tlscacert', made.otherCa.certFile), unknown)
  })

  test('-tlscert and -tlskey show who we are', () => {
    const ca = ['-tlscacert', made.ca.certFile]
    const own = ['-tlscert', made.client.certFile, '-tlskey', made.client.keyFile]
    const url = urlOf('verifying', 'localhost')
    assert.deepEqual(pub(url, ...ca, ...own), PUBLISHED)
    const { code, stderr } = pub(url, ...ca)
    assert.equal(code, 1)
    assert.doesNotMatch(stderr, /Published/)
    const other = ['-tlscert', made.client.certFile, '-tlskey', made.ca.keyFile]
    assert.deepEqual(
      pub(url, ...ca, ...other),
      failed('nats: error loading client certificate: tls: private key does not match public key'),
    )
  })

  test('the certificate must be that of the host or the address', () => {
    const ca = ['-tlscacert', made.ca.certFile]
    assert.deepEqual(
      pub(urlOf('elsewhere', 'localhost'), ...ca),
      failed(`${UNTRUSTED} certificate is valid for example.com, not localhost`),
    )
    assert.deepEqual(
      pub(urlOf('elsewhere', '127.0.0.1'), ...ca),
      failed(
        `${UNTRUSTED} cannot validate certificate for 127.0.0.1 because it doesn't contain any ` +
          'IP SANs',
      ),
    )
    assert.deepEqual(pub(urlOf('addresses', '127.0.0.1'), ...ca), PUBLISHED)
    assert.deepEqual(
      pub(urlOf('addresses', 'localhost'), ...ca),
      failed(`${UNTRUSTED} certificate is not valid for any names, but wanted to match localhost`),
    )
  })

  test('a server without TLS is refused when TLS was asked for', () => {
    const refused = failed('nats: secure connection not available')
    assert.deepEqual(pub(urlOf('plain', 'tls://127.0.0.1')), refused)
    assert.deepEqual(pub(urlOf('plain', '127.0.0.1'), '-tlscacert', made.ca.certFile), refused)
  })

  test('a ws URL goes over WebSocket', () => {
    const port = /Listening for websocket clients on ws:\/\/127\.0\.0\.1:(\d+)/.exec(
      servers['open']!.log,
    )?.[1]
    assert.deepEqual(pub(`ws://127.0.0.1:${port}`), PUBLISHED)
  })
})
