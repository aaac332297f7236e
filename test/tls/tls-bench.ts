import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { type CertificateOnDisk, makeCertificates } from '../support/certificates.ts'
import { RawClient } from '../support/raw-client.ts'

const folder = mkdtempSync(join(tmpdir(), 'client-tls-'))
process.on('exit', () => rmSync(folder, { recursive: true }))

export const certificates = makeCertificates(folder)

/** Words of a `tls` block: who we are. */
export function identity({ certFile, keyFile }: CertificateOnDisk): string {
  return `cert_file: "${certFile}", key_file: "${keyFile}"`
}

export const trust = `ca_file: "${certificates.ca.certFile}"`

/** A configuration with TLS for clients, by the server's own certificate. */
export function tlsConfig(words: readonly string[] = [], more = ''): string {
  return `tls { ${[identity(certificates.server), ...words].join(', ')} }\n${more}\n`
}

interface Shown {
  readonly cert: Buffer
  readonly key: Buffer
}

/** What a client shows of itself. */
export function shown({ certFile, keyFile }: CertificateOnDisk): Shown {
  return { cert: readFileSync(certFile), key: readFileSync(keyFile) }
}

export interface SecureClient extends AsyncDisposable {
  /** What came before TLS. */
  readonly clear: string
  readonly socket: TLSSocket
  /** Reads what is decrypted. */
  readonly raw: RawClient
}

/**
 * Connects and shakes hands, at once or after a line in clear, and says nothing else.
 *
 * Rejects when there is no TLS; with TLS 1.3 a refused client may learn of it only later.
 */
export async function connectSecure(
  port: number,
  order: 'INFO first' | 'TLS first',
  options: ConnectionOptions = {},
): Promise<SecureClient> {
  const tcp = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true })
  const clear = order === 'INFO first' ? await readLine(tcp) : ''
  const socket = await secure(tcp, options)
  const raw = RawClient.over(socket)
  return { clear, socket, raw, [Symbol.asyncDispose]: async () => raw.close() }
}

/** Shakes hands over a connected socket. */
export function secure(tcp: Socket, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const ca = readFileSync(certificates.ca.certFile)
    const socket = connectTls({ socket: tcp, ca, servername: 'localhost', ...options })
    socket.once('secureConnect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed in the handshake')))
  })
}

function readLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (!text.includes('\n')) return
      socket.off('data', onData)
      socket.pause()
      resolve(text)
    }
    socket.on('data', onData)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error(`closed after ${JSON.stringify(text)}`)))
  })
}

/** Logs in and waits for the answer to a PING, and the INFO behind it. */
export async function logIn(raw: RawClient): Promise<string> {
  await raw.send('CONNECT {"verbose":false,"protocol":1}\r\nPING\r\n')
  await raw.readUntil('"connect_info":true')
  await raw.readUntil('} \r\n')
  return raw.received.toString('latin1')
}

/** Of the text's last INFO, what tells of TLS. */
export function flagsOf(text: string): Record<string, unknown> {
  const json = text.slice(text.lastIndexOf('INFO ') + 5, text.lastIndexOf('}') + 1)
  const { tls_required, tls_verify, tls_available } = JSON.parse(json) as Record<string, unknown>
  const flags = { tls_required, tls_verify, tls_available }
  return Object.fromEntries(Object.entries(flags).filter(([, flag]) => flag !== undefined))
}

/** INFO lines as any server might have sent them: without what differs from run to run. */
export function comparable(text: string): string {
  return text
    .replaceAll(/"(server_id|server_name|version|git_commit|go|xkey|sable)":"[^"]*",?/g, '')
    .replaceAll(/"(port|client_id)":\d+/g, '"$1":0')
    .replaceAll(',}', '}')
}
