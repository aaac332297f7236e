import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeCertificates } from '../support/certificates.ts'
import { programsUnderTest, skipReason } from '../support/peers.ts'
import { startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { infoOf, WsClient } from './ws-client.ts'

const folder = mkdtempSync(join(tmpdir(), 'ws-tls-'))
after(() => rmSync(folder, { recursive: true }))
const { ca, server: certificate, client: clientCertificate } = makeCertificates(folder)
const CA = readFileSync(ca.certFile)

function config(more = ''): string {
  return `websocket {
    listen: "127.0.0.1:-1"
    handshake_timeout: "700ms"
    tls { cert_file: "${certificate.certFile}", key_file: "${certificate.keyFile}", ${more} }
  }`
}

for (const tested of programsUnderTest()) {
  const { name } = tested
  const skip = skipReason(tested)

  test(`${name}: a client comes by TLS`, { skip }, async () => {
    await using server = await startServer(tested, { config: config() })
    await using ws = await WsClient.connect(`wss://localhost:${server.websocketPort}`, { ca: CA })
    const info = infoOf(await ws.readUntil('\r\n'))
    assert.equal(info['tls_required'], true)
    assert.equal(info['tls_available'], true)
    await ws.greet()
    const payload = 'x'.repeat(500_000)
    ws.send(`SUB a 1\r\nPUB a ${payload.length}\r\n${payload}\r\n`)
    await ws.readUntil(`MSG a 1 ${payload.length}\r\n${payload}\r\n`)
    ws.socket.close(1000)
    assert.deepEqual(await ws.readClose(), { code: 1000, reason: '' })
  })

  test(`${name}: clients without a certificate are refused where it counts`, { skip }, async () => {
    const verifying = config(`ca_file: "${ca.certFile}", verify: true`)
    await using server = await startServer(tested, { config: verifying })
    const url = `wss://localhost:${server.websocketPort}`
    await assert.rejects(WsClient.connect(url, { ca: CA }))
    await until('the log', () => /\[ERR\] websocket: TLS handshake error from 127/.test(server.log))
    const cert = readFileSync(clientCertificate.certFile)
    const key = readFileSync(clientCertificate.keyFile)
    await using ws = await WsClient.connect(url, { ca: CA, cert, key })
    await ws.greet()
  })

  test(`${name}: who does not shake hands, or sends no request, is cut off`, { skip }, async () => {
    await using server = await startServer(tested, { config: config() })
    const silent = connect(server.websocketPort, '127.0.0.1')
    silent.on('error', () => {})
    silent.resume()
    await until('the end', () => silent.closed)
    await assert.rejects(WsClient.connect(`ws://localhost:${server.websocketPort}`))
    await using ws = await WsClient.connect(`wss://localhost:${server.websocketPort}`, { ca: CA })
    await ws.greet()
  })
}
