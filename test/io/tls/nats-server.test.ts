import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import type { TlsOptions } from '../../../src/config/option-types.ts'
import { certificateNames } from '../../../src/io/tls/certificate-names.ts'
import { createClientTls } from '../../../src/io/tls/client-tls.ts'
import { awaitFirstBytes } from '../../../src/io/tls/first-bytes.ts'
import { createServerTls } from '../../../src/io/tls/server-tls.ts'
import { program, skipReason } from '../../support/peers.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'
import { until } from '../../support/wait.ts'
import { certificates, filesOf, tlsOptions } from './pair.ts'

const peer = program('nats-server')
const skip = skipReason(peer)
const CA = certificates.ca.certFile

/** A `tls` block as configuration text. */
function tlsBlock(name: 'server' | 'client', more = ''): string {
  const { certFile, keyFile } = filesOf(name)
  return `tls { cert_file: "${certFile}", key_file: "${keyFile}", ca_file: "${CA}", ${more} }`
}

/** The next line, and nothing more than that is taken from the socket. */
async function readLine(socket: Socket): Promise<string> {
  let line = ''
  while (!line.endsWith('\n')) {
    const byte = socket.read(1) as Buffer | null
    if (byte !== null) line += byte.toString('latin1')
    else if (socket.destroyed || socket.readableEnded) throw new Error(`closed after ${line}`)
    else await Promise.race([once(socket, 'readable'), once(socket, 'close')])
  }
  return line.trim()
}

async function startHub(t: TestContext, tls: string, more = ''): Promise<ServerProcess> {
  const config = `leafnodes { listen: "127.0.0.1:-1", ${tls} ${more} }\n debug: true`
  const hub = await startServer(peer, { config, leafListener: true })
  t.after(() => hub.stop())
  return hub
}

async function dial(
  t: TestContext,
  hub: ServerProcess,
  options: Partial<TlsOptions>,
  serverName = 'localhost',
): Promise<TLSSocket> {
  const raw = connect(hub.leafPort, '127.0.0.1')
  t.after(() => raw.destroy())
  await once(raw, 'connect')
  if (!options.handshakeFirst) assert.match(await readLine(raw), /^INFO .*"tls_required":true/)
  const tls = createClientTls(tlsOptions({ caFile: CA, ...options }))
  return await tls.secure(raw, { serverName })
}

test('our client side and its listener', { skip }, async (t) => {
  const hub = await startHub(t, tlsBlock('server', 'verify: true'))
  const socket = await dial(t, hub, filesOf('client'))
  socket.write('CONNECT {"verbose":false,"name":"leaf","server_id":"A"}\r\nPING\r\n')
  assert.match(await readLine(socket), /^INFO .*"connect_info":true/)
  socket.destroy()

  const wrongName = dial(t, hub, filesOf('client'), 'example.com')
  await assert.rejects(wrongName, { kind: 'hostname' })

  // With TLS 1.3 a client learns only afterwards that it is refused.
  const refused = await dial(t, hub, {})
  await once(refused.resume(), 'close').catch(() => {})
  await until('its log line', () => hub.log.includes("tls: client didn't provide a certificate"))
})

test('its listener that shakes hands first', { skip }, async (t) => {
  const hub = await startHub(t, tlsBlock('server', 'handshake_first: true'))
  const socket = await dial(t, hub, { handshakeFirst: true })
  assert.match(await readLine(socket), /^INFO /)
})

interface Accepted {
  readonly raw: Socket
  readonly info: string
}

/** A nats-server with one remote: this test. */
async function acceptFrom(t: TestContext, tls: string): Promise<[Accepted, ServerProcess]> {
  const listener = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  t.after(() => listener.close())
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const remote = `{ url: "nats-leaf://localhost:${port}", ${tls} }`
  const config = `server_name: spoke\n leafnodes { remotes: [ ${remote} ] }\n debug: true`
  const accepting = once(listener, 'connection') as Promise<[Socket]>
  const spoke = await startServer(peer, { config })
  t.after(() => spoke.stop())
  const [raw] = await accepting
  t.after(() => raw.destroy())
  const info = JSON.stringify({
    server_id: 'A',
    version: '2.15.0',
    proto: 1,
    host: '127.0.0.1',
    port,
    headers: true,
    max_payload: 1_048_576,
    tls_required: true,
    client_id: 7,
    leafnode_urls: [`127.0.0.1:${port}`],
  })
  return [{ raw, info: `INFO ${info}\r\n` }, spoke]
}

test('our server side and its remote', { skip }, async (t) => {
  const [{ raw, info }] = await acceptFrom(t, tlsBlock('client'))
  raw.write(info)
  const options = tlsOptions({ ...filesOf('server'), caFile: CA, verify: true })
  const socket = await createServerTls(options).secure(raw)
  assert.match(await readLine(socket), /^CONNECT .*"name":"spoke"/)
  assert.equal(certificateNames(socket)[0], 'derek@example.com')
})

test('its remote refuses our certificate', { skip }, async (t) => {
  const [{ raw, info }, spoke] = await acceptFrom(t, tlsBlock('client'))
  raw.write(info)
  const server = createServerTls(tlsOptions({ ...filesOf('selfSigned') })).secure(raw)
  await assert.rejects(server, { message: 'remote error: tls: bad certificate' })
  await until('its log line', () => /TLS leafnode handshake error: tls: failed/.test(spoke.log))
})

test('whether its remote shakes hands first is seen', { skip }, async (t) => {
  const [first] = await acceptFrom(t, tlsBlock('client', 'handshake_first: true'))
  assert.equal(await awaitFirstBytes(first.raw, 20_000), 'bytes')
  const tls = createServerTls(tlsOptions(filesOf('server')))
  const socket = await tls.secure(first.raw)
  socket.write(first.info.replace('"tls_required":true,', ''))
  assert.match(await readLine(socket), /^CONNECT /)

  const [second] = await acceptFrom(t, tlsBlock('client'))
  assert.equal(await awaitFirstBytes(second.raw, 50), 'silence')
  second.raw.write(second.info)
  assert.match(await readLine(await tls.secure(second.raw)), /^CONNECT /)
})

test('it maps a certificate to users in the order of certificateNames', { skip }, async (t) => {
  const { certFile, keyFile } = certificates.ca.issue('mapped', {
    subject: ['DC=com', 'DC=example', 'C=US', 'O=Ex, Inc', 'OU=ops', 'OU=dev', 'CN=bob'],
    emails: ['bob@example.com', 'b@example.com'],
    dns: ['bob.example.com'],
    uris: ['spiffe://example.com/bob'],
  })
  const names = await namesSeenByUs(t, { certFile, keyFile })
  assert.equal(names.length, 6)
  for (const index of names.keys()) {
    // Later names first, so that the order of the table decides nothing.
    const left = names.slice(index).toReversed()
    const accounts = names.map((_, number) => `A${number} {}`).join(', ')
    const users = left.map((name) => {
      return `{ user: ${JSON.stringify(name)}, account: A${names.indexOf(name)} }`
    })
    const config =
      `accounts { ${accounts} }\n leafnodes { listen: "127.0.0.1:-1"\n ` +
      `${tlsBlock('server', 'verify_and_map: true')}\n` +
      `authorization { users: [ ${users.join(',\n')} ] } }`
    const hub = await startServer(peer, { config, leafListener: true })
    t.after(() => hub.stop())
    const socket = await dial(t, hub, { certFile, keyFile })
    socket.write('CONNECT {"verbose":false,"name":"leaf","server_id":"A"}\r\n')
    assert.match(await readLine(socket), new RegExp(`"remote_account":"A${index}"`))
    await hub.stop()
  }
})

async function namesSeenByUs(
  t: TestContext,
  files: { certFile: string; keyFile: string },
): Promise<readonly string[]> {
  const listener = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  t.after(() => listener.close())
  await once(listener, 'listening')
  const raw = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  const [accepted] = (await once(listener, 'connection')) as [Socket]
  const options = tlsOptions({ ...filesOf('server'), caFile: CA, verifyAndMap: true })
  const server = createServerTls(options).secure(accepted)
  const client = createClientTls(tlsOptions({ ...files, caFile: CA }))
  const secured = await client.secure(raw, { serverName: 'localhost' })
  const names = certificateNames(await server)
  secured.destroy()
  return names
}
