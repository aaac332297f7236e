import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { TLSSocket } from 'node:tls'
import type { TlsOptions } from '../../../src/config/option-types.ts'
import { type Certificates, makeCertificates } from '../../support/certificates.ts'

const folder = mkdtempSync(join(tmpdir(), 'tls-'))
process.on('exit', () => rmSync(folder, { recursive: true }))

export const certificates: Certificates = makeCertificates(folder)
export const certificateFolder = folder

const DEFAULTS: TlsOptions = {
  certFile: '',
  keyFile: '',
  caFile: '',
  certificates: [],
  verify: false,
  verifyAndMap: false,
  insecure: false,
  cipherSuites: [],
  curvePreferences: [],
  timeoutMs: 20_000,
  connectionRateLimit: 0,
  pinnedCerts: [],
  minVersion: '',
  handshakeFirst: false,
  handshakeFirstFallbackMs: 0,
}

/** A `tls` block; only what matters to the test is given. */
export function tlsOptions(some: Partial<TlsOptions>): TlsOptions {
  return { ...DEFAULTS, ...some }
}

/** The two files of a certificate, as options and for node:tls. */
export function filesOf(name: keyof Certificates): { certFile: string; keyFile: string } {
  const { certFile, keyFile } = certificates[name]
  return { certFile, keyFile }
}

export interface Pair {
  /** As an acceptor passes it on: paused, nothing read. */
  readonly accepted: Socket
  readonly dialled: Socket
}

/** Two connected sockets; both are destroyed after the test. */
export async function makePair(t: TestContext, host = '127.0.0.1'): Promise<Pair> {
  const server = createServer({ pauseOnConnect: true, noDelay: true })
  server.listen(0, host)
  await once(server, 'listening')
  // Without delay, so that what was written is there some turns of the loop later.
  const { port } = server.address() as AddressInfo
  const dialled = connect({ port, host, noDelay: true })
  const [[accepted]] = (await Promise.all([
    once(server, 'connection'),
    once(dialled, 'connect'),
  ])) as [[Socket], unknown]
  server.close()
  t.after(() => {
    accepted.destroy()
    dialled.destroy()
  })
  return { accepted, dialled }
}

/** Reads until that much text has come. */
export async function readText(socket: Socket, bytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let count = 0
  while (count < bytes) {
    const chunk = socket.read() as Buffer | null
    if (chunk === null) {
      assert.equal(socket.destroyed, false, `closed after ${count} bytes`)
      await once(socket, 'readable')
      continue
    }
    chunks.push(chunk)
    count += chunk.length
  }
  return Buffer.concat(chunks).toString('latin1')
}

/** Says something in both directions. */
export async function assertTalking(one: Socket, other: Socket): Promise<void> {
  one.write('hello')
  assert.equal(await readText(other, 5), 'hello')
  other.write('dear!')
  assert.equal(await readText(one, 5), 'dear!')
}

/** Names of the events with listeners that Node did not put there itself. */
export function listenersOf(socket: TLSSocket): Record<string, number> {
  const names = ['data', 'readable', 'secure', 'secureConnect', 'timeout']
  return Object.fromEntries(names.map((name) => [name, socket.listenerCount(name)]))
}
