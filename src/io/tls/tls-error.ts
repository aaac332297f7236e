import { createHash, X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { plainAddress } from '../../base/addresses.ts'
import { readCertificate } from './certificate-fields.ts'
import { subjectText } from './certificate-names.ts'
import { alertText } from './tls-names.ts'

/**
 * `hostname`: the certificate is good, but for other hosts. `pinned`: its key is not among the
 * pinned ones.
 */
export type TlsErrorKind = 'timeout' | 'handshake' | 'hostname' | 'pinned'

/** Why there is no TLS. Its message goes behind `TLS leafnode handshake error: `, in Go's words. */
export class TlsError extends Error {
  readonly kind: TlsErrorKind
  /**
   * Nothing that speaks TLS was there: a silent peer, or one that sent something else first. Load
   * balancers do that all day, so it is logged at debug only.
   */
  readonly isProbe: boolean

  constructor(kind: TlsErrorKind, message: string, isProbe = false, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'TlsError'
    this.kind = kind
    this.isProbe = isProbe
  }
}

/** The two ends of a socket as Go writes them; asked for while it is open. */
export function endsOf(socket: Socket): string {
  const { localAddress, localPort, remoteAddress, remotePort } = socket
  return `${hostPort(localAddress, localPort)}->${hostPort(remoteAddress, remotePort)}`
}

function hostPort(address: string | undefined, port = 0): string {
  const host = plainAddress(address)
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** OpenSSL's reasons for bytes that are no TLS record; it looks closely at what they are. */
const NOT_TLS = /^(wrong version number|http request|https proxy request|packet length too long)$/

/** OpenSSL's reasons and Go's. */
const REASONS: Readonly<Record<string, string>> = {
  'peer did not return a certificate': "tls: client didn't provide a certificate",
  'unsupported protocol': 'tls: client offered only unsupported versions',
  'no shared cipher': 'tls: no cipher suite supported by both client and server',
  'no suitable key share': 'tls: no ECDHE curve supported by both client and server',
  'no shared group': 'tls: no ECDHE curve supported by both client and server',
}

interface OpenSslError extends Error {
  readonly code?: string
  readonly reason?: string
}

/**
 * The text of an error that a TLS socket emitted, during the handshake or after it.
 *
 * @param ends see endsOf
 */
export function tlsErrorText(error: Error, ends: string): string {
  const { code, message, reason } = error as OpenSslError
  if (error instanceof TlsError) return message
  const alert = /SSL alert number (\d+)/.exec(message)?.[1]
  if (alert !== undefined) return `remote error: tls: ${alertText(Number(alert))}`
  if (code === 'ECONNRESET') return `read tcp ${ends}: read: connection reset by peer`
  if (code === 'EPIPE') return `write tcp ${ends}: write: broken pipe`
  if (reason === undefined) return message.trim()
  if (NOT_TLS.test(reason)) return 'tls: first record does not look like a TLS handshake'
  return REASONS[reason] ?? `tls: ${reason}`
}

/** @param error emitted by a TLS socket before the handshake was done */
export function handshakeError(error: Error, ends: string): TlsError {
  if (error instanceof TlsError) return error
  const isProbe = NOT_TLS.test((error as OpenSslError).reason ?? '')
  return new TlsError('handshake', tlsErrorText(error, ends), isProbe, error)
}

/** The codes of OpenSSL's verification for a certificate that leads to no root we know. */
const UNKNOWN_AUTHORITY: readonly string[] = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
]

const VERIFY_REASONS: Readonly<Record<string, string>> = {
  INVALID_PURPOSE: 'certificate specifies an incompatible key usage',
  PATH_LENGTH_EXCEEDED: 'too many intermediates for path length constraint',
  INVALID_CA: 'certificate is not authorized to sign other certificates',
}

/**
 * @param code of OpenSSL's verification, e.g. `CERT_HAS_EXPIRED`
 * @param certificate the peer's, DER
 */
export function verificationError(code: string, certificate: Uint8Array | undefined): TlsError {
  return new TlsError('handshake', verificationText(verifyReason(code, certificate), certificate))
}

function verifyReason(code: string, certificate: Uint8Array | undefined): string {
  if (UNKNOWN_AUTHORITY.includes(code)) return 'x509: certificate signed by unknown authority'
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return `x509: certificate has expired or is not yet valid: ${validity(code, certificate)}`
  }
  return `x509: ${VERIFY_REASONS[code] ?? code}`
}

/** @param reason begins with `x509:` */
export function verificationText(reason: string, certificate: Uint8Array | undefined): string {
  const text = `tls: failed to verify certificate: ${reason}`
  if (certificate === undefined) return text
  const fingerprint = createHash('sha256').update(certificate).digest('hex')
  return `${text} (${subjectText(readCertificate(certificate))} SHA-256: ${fingerprint})`
}

function validity(code: string, certificate: Uint8Array | undefined): string {
  const now = `current time ${seconds(new Date())}`
  if (certificate === undefined) return now
  const { validFromDate, validToDate } = new X509Certificate(certificate)
  if (code === 'CERT_HAS_EXPIRED') return `${now} is after ${seconds(validToDate)}`
  return `${now} is before ${seconds(validFromDate)}`
}

function seconds(date: Date): string {
  return date.toISOString().replace(/\.\d+/, '')
}
