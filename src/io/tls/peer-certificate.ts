import type { TLSSocket } from 'node:tls'

/**
 * The peer's own certificate, DER.
 *
 * Not `getPeerX509Certificate()`: on a client socket each call of it takes a certificate out of the
 * chain, and the next call returns the issuer's (Node 24.21).
 */
export function peerCertificate(socket: TLSSocket): Uint8Array | undefined {
  // An empty object stands for no certificate.
  const certificate: { readonly raw?: Uint8Array } | null = socket.getPeerCertificate()
  return certificate?.raw
}
