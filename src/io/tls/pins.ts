import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { readCertificate } from './certificate-fields.ts'
import { peerCertificate } from './peer-certificate.ts'

/**
 * Whether the peer's own certificate has one of the pinned keys.
 *
 * @param pins SHA-256 of public keys (SPKI), lower-case hex; empty: every peer passes. A peer
 *   without a certificate does not pass otherwise.
 */
export function isPinned(socket: TLSSocket, pins: readonly string[]): boolean {
  if (pins.length === 0) return true
  const certificate = peerCertificate(socket)
  return certificate !== undefined && pins.includes(readCertificate(certificate).pin)
}

/** Of a certificate as PEM. */
export function pinOf(pem: string): string {
  return readCertificate(new X509Certificate(pem).raw).pin
}
