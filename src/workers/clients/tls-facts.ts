import type { TLSSocket } from 'node:tls'
import type { TlsFacts } from '../../auth/login.ts'
import { certificateNames } from '../../io/tls/certificate-names.ts'

const PEM_LINE_CHARS = 64
/** Nobody's chain is as long; an issuer that leads back to itself must not keep us. */
const CHAIN_CERTIFICATES_MAX = 16

/**
 * What TLS has shown of a client.
 *
 * @param socket of which we are the server; the handshake is done
 * @param isVerifying whether a certificate was asked for, and without a good one there would be no
 *   socket
 */
export function tlsFacts(socket: TLSSocket, isVerifying: boolean): TlsFacts {
  const certificates = isVerifying ? certificateChain(socket) : []
  return {
    version: (socket.getProtocol() ?? '').replace(/^TLSv/, ''),
    cipher: socket.getCipher()?.standardName ?? '',
    names: isVerifying ? certificateNames(socket) : [],
    certificates,
    isVerified: certificates.length > 0,
  }
}

/** What Node tells of a certificate and its issuers; an empty object stands for none. */
interface ChainLink {
  readonly raw?: Buffer
  readonly issuerCertificate?: ChainLink
}

/** As PEM, up to the root, whose issuer is itself. */
function certificateChain(socket: TLSSocket): readonly string[] {
  const chain: string[] = []
  let link: ChainLink | undefined = socket.getPeerCertificate(true)
  while (link?.raw !== undefined && chain.length < CHAIN_CERTIFICATES_MAX) {
    chain.push(pem(link.raw))
    link = link.issuerCertificate === link ? undefined : link.issuerCertificate
  }
  return chain
}

function pem(der: Buffer): string {
  const text = der.toString('base64')
  const lines: string[] = []
  for (let at = 0; at < text.length; at += PEM_LINE_CHARS) {
    lines.push(text.slice(at, at + PEM_LINE_CHARS))
  }
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
