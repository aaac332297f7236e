import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { Worker } from 'node:worker_threads'
import type { TlsOptions } from '../../../src/config/option-types.ts'
import { createServerTls } from '../../../src/io/tls/server-tls.ts'
import { TlsError } from '../../../src/io/tls/tls-error.ts'
import type { Certificates } from '../../support/certificates.ts'
import { makeSelfSigned } from '../../support/certificates.ts'
import {
  assertTalking,
  certificateFolder,
  certificates,
  filesOf,
  listenersOf,
  makePair,
  readText,
  tlsOptions,
} from './pair.ts'

const PLAIN = { ...filesOf('server') }
const VERIFYING = { ...PLAIN, caFile: certificates.ca.certFile, verify: true }

const SUBJECT = /\((CN=derek,O=Example|CN=self-signed|CN=expired) SHA-256: [0-9a-f]{64}\)$/.source
const X509 = '^tls: failed to verify certificate: x509: certificate '
const UNKNOWN_AUTHORITY = new RegExp(`${X509}signed by unknown authority ${SUBJECT}`)
const TIME = /\d{4}-\d\d-\d\dT[\d:]{8}Z/.source
const EXPIRED = new RegExp(
  `${X509}has expired or is not yet valid: current time ${TIME} is after ${TIME} ${SUBJECT}`,
)

function pem(name: keyof Certificates): ConnectionOptions {
  const { certFile, keyFile } = certificates[name]
  return { cert: readFileSync(certFile), key: readFileSync(keyFile) }
}

interface Handshake {
  readonly client: TLSSocket
  readonly server: Promise<TLSSocket>
}

/** A client of node:tls dials a ServerTls with these options. */
async function begin(
  t: TestContext,
  options: Partial<TlsOptions>,
  client: ConnectionOptions = {},
): Promise<Handshake> {
  const { accepted, dialled } = await makePair(t)
  const server = createServerTls(tlsOptions(options)).secure(accepted)
  const socket = connect({
    socket: dialled,
    ca: readFileSync(certificates.ca.certFile),
    servername: 'localhost',
    ...client,
  })
  socket.on('error', () => {})
  return { client: socket, server }
}

async function failure(server: Promise<unknown>): Promise<TlsError> {
  const error: unknown = await server.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof TlsError, `${error}`)
  return error
}

test('a client and the server talk', async (t) => {
  const { client, server } = await begin(t, PLAIN)
  const [socket] = await Promise.all([server, once(client, 'secureConnect')])
  assert.equal(client.authorized, true)
  assert.equal(socket.getProtocol(), 'TLSv1.3')
  assert.deepEqual(listenersOf(socket), {
    data: 0,
    readable: 0,
    secure: 0,
    secureConnect: 0,
    timeout: 0,
  })
  await assertTalking(client, socket)
  assert.equal(client.getEphemeralKeyInfo() === null, false)
})

test('what was written before goes out in clear, and nobody reads before TLS does', async (t) => {
  const { accepted, dialled } = await makePair(t)
  accepted.write('INFO {}\r\n')
  const server = createServerTls(tlsOptions(PLAIN)).secure(accepted)
  assert.equal(await readText(dialled, 9), 'INFO {}\r\n')
  const client = connect({ socket: dialled, ca: readFileSync(certificates.ca.certFile) })
  await assertTalking(client, await server)
})

test('a socket that reads into shared memory is taken over', async (t) => {
  const { accepted, dialled } = await makePair(t)
  const memory = new Uint8Array(new SharedArrayBuffer(65_536))
  const holder = accepted as unknown as { _handle: object | null }
  const handle = holder._handle
  holder._handle = null
  const reads: number[] = []
  const own = new Socket({
    handle,
    readable: true,
    writable: true,
    onread: {
      buffer: memory,
      callback: (bytes: number) => {
        reads.push(bytes)
        return true
      },
    },
  } as object)
  t.after(() => own.destroy())
  dialled.write('first')
  while (reads.length === 0) await new Promise((resolve) => setImmediate(resolve))
  own.write('INFO {}\r\n')
  assert.equal(await readText(dialled, 9), 'INFO {}\r\n')
  const server = createServerTls(tlsOptions(PLAIN)).secure(own)
  const client = connect({ socket: dialled, ca: readFileSync(certificates.ca.certFile) })
  await assertTalking(client, await server)
  assert.deepEqual(reads, [5])
})

test('a socket of another thread', async (t) => {
  const { accepted, dialled } = await makePair(t)
  const worker = new Worker(new URL('./echo-thread.ts', import.meta.url), {
    workerData: tlsOptions(PLAIN),
  })
  t.after(() => worker.terminate())
  worker.postMessage(accepted, [accepted])
  const client = connect({ socket: dialled, ca: readFileSync(certificates.ca.certFile) })
  client.write('across threads')
  assert.equal(await readText(client, 14), 'across threads')
})

test('bytes of the client that were read already are used', async (t) => {
  const { accepted, dialled } = await makePair(t)
  const client = connect({ socket: dialled, ca: readFileSync(certificates.ca.certFile) })
  await once(
    accepted.on('readable', () => {}),
    'readable',
  )
  const hello = accepted.read() as Buffer
  accepted.removeAllListeners('readable')
  const shared = new Uint8Array(new SharedArrayBuffer(hello.length))
  shared.set(hello)
  const server = createServerTls(tlsOptions(PLAIN)).secure(accepted, shared)
  await assertTalking(client, await server)
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a client certificate is verified with ${maxVersion}`, async (t) => {
    const { client, server } = await begin(t, VERIFYING, { ...pem('client'), maxVersion })
    const socket = await server
    assert.equal(socket.getProtocol(), maxVersion)
    await assertTalking(client, socket)
  })

  for (const [what, certificate, message] of [
    ['no certificate', undefined, /^tls: client didn't provide a certificate$/],
    ['a certificate of another authority', 'otherClient', UNKNOWN_AUTHORITY],
    ['a certificate that signs itself', 'selfSigned', UNKNOWN_AUTHORITY],
    ['an expired certificate', 'expired', EXPIRED],
  ] as const) {
    test(`a client with ${what} is refused with ${maxVersion}`, async (t) => {
      const own = certificate === undefined ? {} : pem(certificate)
      const { client, server } = await begin(t, VERIFYING, { ...own, maxVersion })
      const closed = new Promise((resolve) => client.resume().on('close', resolve))
      const { kind, message: text, isProbe } = await failure(server)
      assert.match(text, message)
      assert.deepEqual([kind, isProbe], ['handshake', false])
      await closed
    })
  }
}

test('verify_and_map verifies, too', async (t) => {
  const { server } = await begin(t, { ...VERIFYING, verify: false, verifyAndMap: true })
  assert.match((await failure(server)).message, /didn't provide a certificate/)
})

test('a silent client times out', async (t) => {
  const { accepted, dialled } = await makePair(t)
  const server = createServerTls(tlsOptions({ ...PLAIN, timeoutMs: 20 })).secure(accepted)
  const closed = once(dialled.resume(), 'close')
  const { kind, message, isProbe } = await failure(server)
  assert.deepEqual([kind, isProbe], ['timeout', true])
  assert.match(message, /^read tcp 127\.0\.0\.1:\d+->127\.0\.0\.1:\d+: i\/o timeout$/)
  await closed
})

test('a client that stops in the middle of its hello times out', async (t) => {
  const { accepted, dialled } = await makePair(t)
  const server = createServerTls(tlsOptions({ ...PLAIN, timeoutMs: 20 })).secure(accepted)
  dialled.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]))
  assert.equal((await failure(server)).kind, 'timeout')
})

for (const text of [
  'CONNECT {}\r\nPING\r\n',
  'GET / HTTP/1.1\r\n\r\n',
  'PING\r\n',
  '\r\n\r\n\r\n',
]) {
  test(`${JSON.stringify(text)} is no handshake`, async (t) => {
    const { accepted, dialled } = await makePair(t)
    const server = createServerTls(tlsOptions(PLAIN)).secure(accepted)
    dialled.on('error', () => {})
    dialled.write(text)
    const { kind, message, isProbe } = await failure(server)
    assert.equal(message, 'tls: first record does not look like a TLS handshake')
    assert.deepEqual([kind, isProbe], ['handshake', true])
  })
}

test('a client that closes early is an EOF', async (t) => {
  const { accepted, dialled } = await makePair(t)
  const server = createServerTls(tlsOptions(PLAIN)).secure(accepted)
  dialled.end()
  const { kind, message, isProbe } = await failure(server)
  assert.deepEqual([kind, message, isProbe], ['handshake', 'EOF', false])
})

test('a client that resets in the middle of the handshake', async (t) => {
  const { accepted, dialled } = await makePair(t)
  const server = createServerTls(tlsOptions(PLAIN)).secure(accepted)
  dialled.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]), () => dialled.resetAndDestroy())
  const { message, isProbe } = await failure(server)
  assert.match(
    message,
    /^read tcp 127\.0\.0\.1:\d+->127\.0\.0\.1:\d+: read: connection reset by peer$/,
  )
  assert.equal(isProbe, false)
})

test('a socket that is closed already is an EOF', async (t) => {
  const { accepted } = await makePair(t)
  accepted.destroy()
  const server = createServerTls(tlsOptions(PLAIN)).secure(accepted)
  assert.equal((await failure(server)).message, 'EOF')
})

test('garbage after the handshake ends the connection with an error', async (t) => {
  const { accepted, dialled } = await makePair(t)
  const server = createServerTls(tlsOptions(PLAIN)).secure(accepted)
  const client = connect({ socket: dialled, ca: readFileSync(certificates.ca.certFile) })
  client.on('error', () => {})
  const socket = await server
  await assertTalking(client, socket)
  const failed = once(socket.resume(), 'error')
  dialled.write('PING\r\nthis is in clear')
  await failed
  if (!socket.closed) await once(socket, 'close')
  assert.equal(socket.destroyed, true)
})

test('a connection that breaks after the handshake says so', async (t) => {
  const { client, server } = await begin(t, PLAIN)
  const socket = await server
  await assertTalking(client, socket)
  const failed = once(socket.resume(), 'error')
  ;(client as unknown as { _parent: Socket })._parent.resetAndDestroy()
  const [error] = (await failed) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ECONNRESET')
})

test('TLS 1.1 is refused', async (t) => {
  const { server } = await begin(t, PLAIN, {
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  })
  assert.equal((await failure(server)).message, 'tls: client offered only unsupported versions')
})

test('min_version 1.3 refuses TLS 1.2', async (t) => {
  const client = { maxVersion: 'TLSv1.2' } as const
  const { server } = await begin(t, { ...PLAIN, minVersion: '1.3' }, client)
  assert.equal((await failure(server)).message, 'tls: client offered only unsupported versions')
})

test('the server chooses the suite, in its own order', async (t) => {
  const cipherSuites = [
    'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
    'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  ]
  const ciphers = 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384'
  const options = { ...PLAIN, cipherSuites }
  const { client, server } = await begin(t, options, { ciphers, maxVersion: 'TLSv1.2' })
  assert.equal((await server).getCipher().standardName, cipherSuites[0])
  await once(client.resume(), 'secure')
})

test('a suite that is not configured is not spoken', async (t) => {
  const options = { ...PLAIN, cipherSuites: ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'] }
  const ciphers = 'ECDHE-ECDSA-AES128-GCM-SHA256'
  const { server } = await begin(t, options, { ciphers, maxVersion: 'TLSv1.2' })
  const { message } = await failure(server)
  assert.equal(message, 'tls: no cipher suite supported by both client and server')
})

test('suites of TLS 1.3 alone leave no TLS 1.2', async (t) => {
  const options = { ...PLAIN, cipherSuites: ['TLS_AES_128_GCM_SHA256'] }
  const { server } = await begin(t, options, { maxVersion: 'TLSv1.2' })
  assert.equal((await failure(server)).message, 'tls: client offered only unsupported versions')
})

test('only the configured curves are used', async (t) => {
  const options = { ...PLAIN, curvePreferences: ['CurveP384'] }
  const { client, server } = await begin(t, options)
  await Promise.all([server, once(client, 'secureConnect')])
  assert.deepEqual(client.getEphemeralKeyInfo(), { type: 'ECDH', name: 'secp384r1', size: 384 })
  const { server: other } = await begin(t, options, { ecdhCurve: 'X25519' })
  assert.match((await failure(other)).message, /^tls: no /)
})

test('the certificate is chosen by the name the client asks for', async (t) => {
  const both = { certificates: [filesOf('server'), filesOf('otherNameServer')] }
  for (const [servername, commonName] of [
    ['localhost', 'server'],
    ['EXAMPLE.com', 'other-name-server'],
    ['elsewhere.org', 'server'],
    ['', 'server'],
  ] as const) {
    const client = { servername, rejectUnauthorized: false }
    const { client: socket, server } = await begin(t, both, client)
    await Promise.all([server, once(socket, 'secureConnect')])
    assert.equal(socket.getPeerCertificate().subject.CN, commonName)
  }
})

test('a session is not resumed, so that each certificate is looked at', async (t) => {
  const tls = createServerTls(tlsOptions(VERIFYING))
  const sessions: Buffer[] = []
  for (let count = 0; count < 2; count++) {
    const { accepted, dialled } = await makePair(t)
    const server = tls.secure(accepted)
    const client = connect({
      socket: dialled,
      ca: readFileSync(certificates.ca.certFile),
      ...pem('client'),
      maxVersion: 'TLSv1.2',
      ...(sessions[0] === undefined ? {} : { session: sessions[0] }),
    })
    await assertTalking(client, await server)
    assert.equal(client.isSessionReused(), false)
    sessions.push(client.getSession()!)
  }
})

test('pinned keys', async (t) => {
  const options = { ...VERIFYING, pinnedCerts: [certificates.client.pin] }
  const good = await begin(t, options, pem('client'))
  await assertTalking(good.client, await good.server)
  const other = await begin(t, options, pem('server'))
  const { kind, message, isProbe } = await failure(other.server)
  assert.deepEqual([kind, message, isProbe], ['pinned', 'certificate not pinned', false])
  const none = await begin(t, { ...PLAIN, pinnedCerts: [certificates.client.pin] })
  assert.equal((await failure(none.server)).kind, 'pinned')
})

test('a client whose certificate is trusted by itself is let in', async (t) => {
  const options = { ...VERIFYING, caFile: certificates.client.certFile }
  const { client, server } = await begin(t, options, pem('client'))
  await assertTalking(client, await server)
})

test('files that cannot be used', () => {
  const missing = { certFile: '/nowhere/cert.pem', keyFile: '/nowhere/key.pem' }
  const { certFile } = certificates.server
  const other = makeSelfSigned(certificateFolder, 'mismatch')
  const cases: readonly (readonly [Partial<TlsOptions>, string])[] = [
    [
      missing,
      'error parsing X509 certificate/key pair: open /nowhere/cert.pem: no such file or directory',
    ],
    [
      { certFile, keyFile: other.keyFile },
      'error parsing X509 certificate/key pair: tls: private key does not match public key',
    ],
    [
      { certFile: other.keyFile, keyFile: other.keyFile },
      'error parsing X509 certificate/key pair: ' +
        'tls: failed to find any PEM data in certificate input',
    ],
    [{ ...VERIFYING, caFile: '/nowhere/ca' }, 'open /nowhere/ca: no such file or directory'],
    [{ ...VERIFYING, caFile: other.keyFile }, 'failed to parse root ca certificate'],
  ]
  for (const [options, message] of cases) {
    assert.throws(() => createServerTls(tlsOptions(options)), { code: 'BRK_TLS_FILES', message })
  }
})
