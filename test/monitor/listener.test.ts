import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { get as getSecure } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { connect } from 'node:tls'
import { startBroker } from '../../src/index.ts'
import { makeCertificates } from '../support/certificates.ts'
import { program } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'

const TEST_MS_MAX = 60_000

process.env['SABLE_CHECKED'] = '1'

const folder = mkdtempSync(join(tmpdir(), 'monitor-port-'))
const certificates = makeCertificates(folder)
after(() => rmSync(folder, { recursive: true, force: true }))

/** Over HTTPS, with the name that the certificate is for. */
function getStatus(port: number, path: string, ca: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, servername: 'localhost', agent: false, ca }
    getSecure(options, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    }).on('error', reject)
  })
}

/** The common name of the certificate that is shown to who asks for no name. */
async function shownName(port: number): Promise<string | undefined> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  try {
    await new Promise((resolve, reject) => {
      socket.once('secureConnect', resolve).once('error', reject)
    })
    return socket.getPeerCertificate().subject.CN as string | undefined
  } finally {
    socket.destroy()
  }
}

describe('the monitoring port', { timeout: TEST_MS_MAX }, () => {
  test('speaks HTTPS with the certificate of clients, whose own nobody asks for', async () => {
    const { server, ca, ipServer } = certificates
    const place = { host: '127.0.0.1', port: -1, httpHost: '127.0.0.1', httpsPort: -1, workers: 1 }
    const tls = { certFile: server.certFile, keyFile: server.keyFile, caFile: ca.certFile }
    const broker = await startBroker({ ...place, httpBasePath: 'm', tls: { ...tls, verify: true } })
    try {
      assert.ok(broker.monitorPort > 0)
      const authority = readFileSync(ca.certFile, 'utf8')
      assert.equal(await getStatus(broker.monitorPort, '/m/varz', authority), 200)
      assert.equal(await getStatus(broker.monitorPort, '/varz', authority), 404)
      await assert.rejects(fetch(`http://127.0.0.1:${broker.monitorPort}/m/varz`))
      assert.equal(await shownName(broker.monitorPort), 'server')
      const { certFile, keyFile } = ipServer
      await broker.reload({
        ...place,
        httpBasePath: 'm',
        tls: { ...tls, certFile, keyFile, verify: true },
      })
      assert.equal(await shownName(broker.monitorPort), 'ip-server')
    } finally {
      await broker.close()
    }
    await assert.rejects(shownName(broker.monitorPort))
  })

  test('that cannot be opened keeps the broker from starting, with the reason', async () => {
    const options = { host: '127.0.0.1', port: -1, httpHost: '127.0.0.1', workers: 1 }
    const broker = await startBroker({ ...options, httpPort: -1 })
    try {
      const { monitorPort: taken } = broker
      const place = `127.0.0.1:${taken}`
      await assert.rejects(startBroker({ ...options, httpPort: taken }), {
        message:
          `Can't start monitoring: can't listen to the monitor port: listen tcp ${place}: ` +
          'bind: address already in use',
      })
      assert.equal((await fetch(`http://${place}/healthz`)).status, 200)
    } finally {
      await broker.close()
    }
    await assert.rejects(startBroker({ ...options, httpPort: 8222, httpsPort: 8223 }), {
      message: "Can't start monitoring: can't specify both HTTP (8222) and HTTPs (8223) ports",
    })
    await assert.rejects(startBroker({ ...options, httpsPort: -1 }), {
      message: "Can't start monitoring: TLS cert and key required for HTTPS",
    })
  })

  test('is in the log and in the ports file, and tells that the end is near', async () => {
    const config = `http: "127.0.0.1:-1", lame_duck_grace_period: "20s", lame_duck_duration: "30s"`
    await using server = await startServer(program('sable'), { config })
    const place = `127.0.0.1:${server.monitorPort}`
    const listening = server.log.indexOf('Listening for client connections')
    const opened = server.log.indexOf(`[INF] Starting http monitor on ${place}\n`)
    assert.ok(opened > 0 && opened < listening, server.log)
    const url = `http://${place}/healthz`
    assert.equal((await fetch(url)).status, 200)
    // Somebody has to be there, or it ends at once.
    await using client = await RawClient.connect(server.port)
    await client.send('CONNECT {}\r\nPING\r\n')
    await client.readUntil('PONG')
    server.signal('SIGUSR2')
    await until('the lame duck', async () => (await fetch(url)).status === 500)
    assert.deepEqual(await (await fetch(url)).json(), {
      status: 'error',
      error: 'failed to be ready for connections after 1ms: server',
    })
    await server.stop('SIGINT')
  })
})
