import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileErrorText } from '../base/errors.ts'
import type { TlsOptions } from './option-types.ts'

/**
 * Checks the files a `tls` block names, in the words of Go's crypto/tls, which operators of
 * nats-server know. Nothing is kept: whoever speaks TLS reads the files again.
 */

interface PemBlock {
  readonly type: string
  readonly pem: string
}

const PEM_BLOCK = /-----BEGIN ([^\r\n]*?)-----[^\S\n]*\n[\s\S]*?-----END \1-----/g

/** What is wrong with the certificates and authorities of the block; undefined if nothing is. */
export function tlsFault(tls: TlsOptions): string | undefined {
  const { certFile, keyFile, caFile, certificates } = tls
  if (certFile !== '' && keyFile === '') return "missing 'key_file' in TLS configuration"
  if (certFile === '' && keyFile !== '') return "missing 'cert_file' in TLS configuration"
  if (certFile !== '') {
    const fault = pairFault(certFile, keyFile)
    if (fault !== undefined) return `error parsing X509 certificate/key pair: ${fault}`
  }
  for (const [index, pair] of certificates.entries()) {
    const fault = pairFault(pair.certFile, pair.keyFile)
    const place = `${index + 1}/${certificates.length}`
    if (fault !== undefined) return `error parsing X509 certificate/key pair ${place}: ${fault}`
  }
  return caFile === '' ? undefined : authorityFault(caFile)
}

function pairFault(certFile: string, keyFile: string): string | undefined {
  try {
    // As in Go both files are read before either is looked into.
    const certificates = pemBlocks(readText(certFile))
    const keys = pemBlocks(readText(keyFile))
    checkPair(firstCertificate(certificates), privateKey(keys))
    return undefined
  } catch (error) {
    if (error instanceof CertificateFault) return error.message
    throw error
  }
}

class CertificateFault extends Error {}

function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch (error) {
    const isDirectory = (error as NodeJS.ErrnoException).code === 'EISDIR'
    throw new CertificateFault(fileErrorText(isDirectory ? 'read' : 'open', file, error))
  }
}

function pemBlocks(text: string): readonly PemBlock[] {
  return [...text.matchAll(PEM_BLOCK)].map(([pem, type = '']) => ({ type, pem }))
}

function firstCertificate(blocks: readonly PemBlock[]): X509Certificate {
  const first = blocks.find(({ type }) => type === 'CERTIFICATE')
  if (first !== undefined) return parseCertificate(first)
  if (blocks.length === 0) {
    throw new CertificateFault('tls: failed to find any PEM data in certificate input')
  }
  if (blocks.length === 1 && isPrivateKey(blocks[0]!)) {
    throw new CertificateFault(
      'tls: failed to find certificate PEM data in certificate input, but did find a private ' +
        'key; PEM inputs may have been switched',
    )
  }
  throw new CertificateFault(
    'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM ' +
      `blocks of the following types: ${typesText(blocks)}`,
  )
}

/** Go tells more exactly where the encoding is broken. */
function parseCertificate({ pem }: PemBlock): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw new CertificateFault('x509: malformed certificate')
  }
}

function isPrivateKey({ type }: PemBlock): boolean {
  return type.endsWith('PRIVATE KEY')
}

function privateKey(blocks: readonly PemBlock[]): KeyObject {
  const first = blocks.find(isPrivateKey)
  if (first === undefined) {
    if (blocks.length === 0) {
      throw new CertificateFault('tls: failed to find any PEM data in key input')
    }
    if (blocks.length === 1 && blocks[0]!.type === 'CERTIFICATE') {
      throw new CertificateFault(
        'tls: found a certificate rather than a key in the PEM for the private key',
      )
    }
    throw new CertificateFault(
      'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after ' +
        `skipping PEM blocks of the following types: ${typesText(blocks)}`,
    )
  }
  try {
    return createPrivateKey(first.pem)
  } catch {
    throw new CertificateFault('tls: failed to parse private key')
  }
}

function checkPair(certificate: X509Certificate, key: KeyObject): void {
  if (certificate.publicKey.asymmetricKeyType !== key.asymmetricKeyType) {
    throw new CertificateFault('tls: private key type does not match public key type')
  }
  if (!certificate.checkPrivateKey(key)) {
    throw new CertificateFault('tls: private key does not match public key')
  }
}

function typesText(blocks: readonly PemBlock[]): string {
  return `[${blocks.map(({ type }) => type).join(' ')}]`
}

/** One readable certificate is enough; others in the file are passed over, as in Go. */
function authorityFault(caFile: string): string | undefined {
  let text: string
  try {
    text = readText(caFile)
  } catch (error) {
    if (error instanceof CertificateFault) return error.message
    throw error
  }
  const isReadable = pemBlocks(text).some((block) => {
    return block.type === 'CERTIFICATE' && isCertificate(block)
  })
  return isReadable ? undefined : 'failed to parse root ca certificate'
}

function isCertificate({ pem }: PemBlock): boolean {
  try {
    new X509Certificate(pem)
    return true
  } catch {
    return false
  }
}
