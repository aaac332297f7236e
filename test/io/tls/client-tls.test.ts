import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { createSecureContext, TLSSocket as ServerSocket, type TLSSocket } from 'node:tls'
import type { TlsOptions } from '../../../src/config/option-types.ts'
import { certificateNames } from '../../../src/io/tls/certificate-names.ts'
import { createClientTls } from '../../../src/io/tls/client-tls.ts'
import { createServerTls } from '../../../src/io/tls/server-tls.ts'
import { TlsError, tlsErrorText } from '../../../src/io/tls/tls-error.ts'
import type { Certificates } from '../../support/certificates.ts'
import {
  assertTalking,
  certificates,
  filesOf,
  listenersOf,
  makePair,
  readText,
  tlsOptions,
} from './pair.ts'

const TRUSTING = { caFile: certificates.ca.certFile }

interface Dial {
  readonly server?: keyof Certificates
  readonly serverName?: string
  readonly options?: Partial<TlsOptions> | undefined
  readonly pins?: readonly string[]
}

interface Ends {
  readonly client: Promise<TLSSocket>
  readonly server: Promise<TLSSocket | undefined>
}

/** A ClientTls dials a ServerTls. */
async function begin(t: TestContext, dial: Dial): Promise<Ends> {
  const { accepted, dialled } = await makePair(t)
  const { server = 'server', serverName = 'localhost', options, pins = [] } = dial
  const secured = createServerTls(tlsOptions(filesOf(server))).secure(accepted)
  const tls = createClientTls(options === undefined ? undefined : tlsOptions(options), pins)
  return {
    client: tls.secure(dialled, { serverName }),
    server: secured.catch(() => undefined),
  }
}

async function failure(client: Promise<unknown>): Promise<TlsError> {
  const error: unknown = await client.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof TlsError, `${error}`)
  return error
}

for (const [server, serverName] of [
  ['server', 'localhost'],
  ['server', 'LOCALHOST'],
  ['server', '127.0.0.1'],
  ['server', '::1'],
  ['server', '0:0::1'],
  ['ipServer', '127.0.0.1'],
  ['otherNameServer', 'example.com'],
] as const) {
  test(`${server} is believed to be ${serverName}`, async (t) => {
    const { client, server: accepted } = await begin(t, { server, serverName, options: TRUSTING })
    const socket = await client
    assert.deepEqual(Object.values(listenersOf(socket)).slice(0, 2), [0, 0])
    await assertTalking(socket, (await accepted)!)
  })
}

const X509 = 'tls: failed to verify certificate: x509: '
for (const [server, serverName, kind, message] of [
  ['server', 'example.com', 'hostname', 'certificate is valid for localhost, not example.com'],
  ['server', '127.0.0.2', 'hostname', 'certificate is valid for 127.0.0.1, ::1, not 127.0.0.2'],
  [
    'otherNameServer',
    '127.0.0.1',
    'hostname',
    "cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs",
  ],
  [
    'ipServer',
    'localhost',
    'hostname',
    'certificate is not valid for any names, but wanted to match localhost',
  ],
  ['selfSigned', 'localhost', 'handshake', 'certificate signed by unknown authority'],
  ['expired', 'localhost', 'handshake', 'certificate has expired or is not yet valid: current'],
] as const) {
  test(`${server} is not believed to be ${serverName}`, async (t) => {
    const { client } = await begin(t, { server, serverName, options: TRUSTING })
    const error = await failure(client)
    assert.equal(error.kind, kind)
    assert.equal(error.message.slice(0, X509.length + message.length), X509 + message)
    assert.match(error.message, / \(CN=[a-z-]+ SHA-256: [0-9a-f]{64}\)$/)
    assert.equal(error.isProbe, false)
  })

  test(`${server} may be ${serverName} when nothing is verified`, async (t) => {
    const { client, server: accepted } = await begin(t, {
      server,
      serverName,
      options: { ...TRUSTING, insecure: true },
    })
    await assertTalking(await client, (await accepted)!)
  })
}

test('a hub of another authority is refused', async (t) => {
  const options = { caFile: certificates.otherCa.certFile }
  const { message } = await failure((await begin(t, { options })).client)
  assert.equal(message.startsWith(`${X509}certificate signed by unknown authority (CN=`), true)
})

test('without a tls block the roots of the system count', async (t) => {
  const { message } = await failure((await begin(t, { options: undefined })).client)
  assert.equal(message.startsWith(`${X509}certificate signed by unknown authority (CN=`), true)
})

test('a certificate is trusted by itself', async (t) => {
  for (const server of ['selfSigned', 'server'] as const) {
    const options = { caFile: certificates[server].certFile }
    const { client, server: accepted } = await begin(t, { server, options })
    await assertTalking(await client, (await accepted)!)
  }
})

test('pinned keys', async (t) => {
  const pins = [certificates.server.pin]
  const { client, server } = await begin(t, { options: TRUSTING, pins })
  await assertTalking(await client, (await server)!)
  const wrong = await begin(t, { server: 'ipServer', serverName: '::1', options: TRUSTING, pins })
  const { kind, message } = await failure(wrong.client)
  assert.deepEqual([kind, message], ['pinned', 'certificate not pinned'])
  const options = { insecure: true }
  const insecure = await begin(t, { server: 'ipServer', options, pins })
  assert.equal((await failure(insecure.client)).kind, 'pinned')
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`our certificate is shown, and an alert is told in Go's words, ${maxVersion}`, async (t) => {
    const ask = async (options: Partial<TlsOptions>) => {
      const { accepted, dialled } = await makePair(t)
      const server = new ServerSocket(accepted, {
        isServer: true,
        requestCert: true,
        rejectUnauthorized: true,
        secureContext: createSecureContext({
          cert: readFileSync(certificates.server.certFile),
          key: readFileSync(certificates.server.keyFile),
          ca: readFileSync(certificates.ca.certFile),
          maxVersion,
        }),
      })
      server.on('error', () => {})
      const tls = createClientTls(tlsOptions({ ...TRUSTING, ...options }))
      return { server, client: tls.secure(dialled, { serverName: 'localhost' }) }
    }
    const { server, client } = await ask(filesOf('client'))
    await assertTalking(await client, server)
    assert.equal(server.getPeerCertificate().subject.CN, 'derek')

    const refused = await ask({})
    const error = await refused.client.then(
      async (socket) => (await once(socket.resume(), 'error').catch((error) => [error]))[0],
      (error: unknown) => error,
    )
    const alert = maxVersion === 'TLSv1.2' ? 'handshake failure' : 'certificate required'
    assert.equal(tlsErrorText(error as Error, ''), `remote error: tls: ${alert}`)
  })
}

test('INFO comes in clear before', async (t) => {
  const { accepted, dialled } = await makePair(t)
  accepted.write('INFO {}\r\n')
  const server = createServerTls(tlsOptions(filesOf('server'))).secure(accepted)
  assert.equal(await readText(dialled, 9), 'INFO {}\r\n')
  const tls = createClientTls(tlsOptions(TRUSTING))
  const [client, socket] = await Promise.all([
    tls.secure(dialled, { serverName: 'localhost' }),
    server,
  ])
  await assertTalking(client, socket)
})

test('a silent hub times out, one that closes is an EOF, one in clear is no handshake', async (t) => {
  const dial = async (act: (socket: { end(): void; write(text: string): void }) => void) => {
    const { accepted, dialled } = await makePair(t)
    accepted.on('error', () => {})
    const tls = createClientTls(tlsOptions({ ...TRUSTING, timeoutMs: 200 }))
    const client = tls.secure(dialled, { serverName: 'localhost' })
    act(accepted.resume())
    return await failure(client)
  }
  const silent = await dial(() => {})
  assert.deepEqual([silent.kind, silent.isProbe], ['timeout', true])
  const closed = await dial((socket) => socket.end())
  assert.deepEqual([closed.kind, closed.message], ['handshake', 'EOF'])
  const clear = await dial((socket) => socket.write('INFO {"server_id":"A"}\r\n'))
  assert.equal(clear.message, 'tls: first record does not look like a TLS handshake')
})

test('the certificate of the peer can be asked for again and again', async (t) => {
  const { accepted, dialled } = await makePair(t)
  const options = { caFile: certificates.ca.certFile, verify: true, ...filesOf('server') }
  const server = createServerTls(tlsOptions(options)).secure(accepted)
  const tls = createClientTls(tlsOptions({ ...TRUSTING, ...filesOf('client') }))
  const client = await tls.secure(dialled, { serverName: 'localhost' })
  for (let count = 0; count < 3; count++) {
    assert.deepEqual(certificateNames(client), ['localhost', 'CN=server'])
    const names = ['derek@example.com', 'CN=derek,O=Example']
    assert.deepEqual(certificateNames(await server), names)
  }
})

test('a peer without a certificate has no names', async (t) => {
  const { client, server } = await begin(t, { options: TRUSTING })
  await client
  assert.deepEqual(certificateNames((await server)!), [])
})
