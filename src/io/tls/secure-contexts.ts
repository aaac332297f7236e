import { constants, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  createSecureContext,
  getCACertificates,
  rootCertificates,
  type SecureContext,
  type SecureContextOptions,
} from 'node:tls'
import { BrokerError } from '../../base/errors.ts'
import type { CertificateFiles, TlsOptions } from '../../config/option-types.ts'
import { type CertificateFields, readCertificate } from './certificate-fields.ts'
import { isForHost } from './host-names.ts'
import { cipherList, groupList } from './tls-names.ts'

/**
 * A certificate or key file cannot be used. The message is nats-server's, which does not always
 * name the file; the context does.
 */
class TlsFilesError extends BrokerError {
  constructor(message: string, file: string, cause?: unknown) {
    super('BRK_TLS_FILES', message, { cause, context: { file } })
  }
}

/** A certificate of ours. */
interface KeyPair {
  readonly certFile: string
  readonly certificate: string
  readonly key: string
  /** `rsa`, `ec` and so on. One handshake context takes one certificate of each. */
  readonly keyType: string
  readonly fields: CertificateFields
}

/** Node has it since 22.9, @types/node lists it elsewhere. */
interface ContextOptions extends SecureContextOptions {
  readonly allowPartialTrustChain: boolean
}

/** The certificates of a `tls` block, ready for handshakes. */
export class SecureContexts {
  readonly #base: ContextOptions
  readonly #pairs: readonly KeyPair[]
  readonly #byPairs = new Map<string, SecureContext>()
  /** For peers that ask for no name. */
  readonly default: SecureContext

  /**
   * @param needsRoots whether certificates of peers are verified
   * @throws TlsFilesError
   */
  constructor(options: TlsOptions | undefined, needsRoots: boolean) {
    this.#base = {
      minVersion: options?.minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
      ciphers: cipherList(options?.cipherSuites ?? []),
      ecdhCurve: groupList(options?.curvePreferences ?? []),
      honorCipherOrder: true,
      // Sessions are never resumed: certificates are verified and compared with pins each time.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_TICKET,
      sessionIdContext: 'leafnode',
      // As in Go, any certificate of the file is trusted, not only those that sign themselves.
      allowPartialTrustChain: true,
      ...(needsRoots ? { ca: [...roots(options?.caFile ?? '')] } : {}),
    }
    this.#pairs = (options === undefined ? [] : filesOf(options)).map(readPair)
    this.default = this.#contextOf(this.#pairs)
  }

  /** Whether it matters what name a peer asks for. */
  get hasChoice(): boolean {
    return this.#pairs.length > 1
  }

  /** As servers of Node's own take them, for peers that ask for no name. */
  get serverOptions(): SecureContextOptions {
    return this.#optionsOf(oneOfEachType(this.#pairs))
  }

  /** For peers that ask for `name`: those certificates that are for it, else the first. */
  forName(name: string): SecureContext {
    if (this.#pairs.length <= 1) return this.default
    const fitting = this.#pairs.filter(({ fields }) => isForHost(fields, name))
    return this.#contextOf(fitting.length === 0 ? this.#pairs.slice(0, 1) : fitting)
  }

  #contextOf(pairs: readonly KeyPair[]): SecureContext {
    const used = oneOfEachType(pairs)
    const id = used.map((pair) => this.#pairs.indexOf(pair)).join()
    let context = this.#byPairs.get(id)
    if (context === undefined) {
      context = this.#create(used)
      this.#byPairs.set(id, context)
    }
    return context
  }

  #create(pairs: readonly KeyPair[]): SecureContext {
    try {
      return createSecureContext(this.#optionsOf(pairs))
    } catch (error) {
      throw pairError(pairs.map(({ certFile }) => certFile).join(', '), error)
    }
  }

  #optionsOf(pairs: readonly KeyPair[]): SecureContextOptions {
    return {
      ...this.#base,
      cert: pairs.map(({ certificate }) => certificate),
      key: pairs.map(({ key }) => key),
    } as SecureContextOptions
  }
}

function oneOfEachType(pairs: readonly KeyPair[]): readonly KeyPair[] {
  return pairs.filter(
    ({ keyType }, index) => index === pairs.findIndex((other) => other.keyType === keyType),
  )
}

function pairError(file: string, error: unknown): TlsFilesError {
  const text = `error parsing X509 certificate/key pair: ${reasonOf(error)}`
  return new TlsFilesError(text, file, error)
}

function filesOf(options: TlsOptions): readonly CertificateFiles[] {
  if (options.certificates.length > 0) return options.certificates
  const { certFile, keyFile } = options
  return certFile === '' ? [] : [{ certFile, keyFile }]
}

function readPair({ certFile, keyFile }: CertificateFiles): KeyPair {
  try {
    const certificate = readFileSync(certFile, 'utf8')
    const x509 = new X509Certificate(certificate)
    return {
      certFile,
      certificate,
      key: readFileSync(keyFile, 'utf8'),
      keyType: x509.publicKey.asymmetricKeyType ?? '',
      fields: readCertificate(x509.raw),
    }
  } catch (error) {
    throw pairError(certFile, error)
  }
}

let systemRoots: readonly string[] | undefined

/** Those of the file; without one those of the system, or, where it has none, Mozilla's. */
function roots(caFile: string): readonly string[] {
  if (caFile !== '') return readRoots(caFile)
  // Many systems have each root in two files.
  systemRoots ??= [...new Set(getCACertificates('system'))]
  return systemRoots.length === 0 ? rootCertificates : systemRoots
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/** Whatever else is in the file is passed over. */
function readRoots(caFile: string): readonly string[] {
  let text = ''
  try {
    text = readFileSync(caFile, 'utf8')
  } catch (error) {
    throw new TlsFilesError(reasonOf(error), caFile, error)
  }
  const certificates = (text.match(CERTIFICATE) ?? []).filter(isReadable)
  if (certificates.length === 0) {
    throw new TlsFilesError('failed to parse root ca certificate', caFile)
  }
  return certificates
}

function isReadable(certificate: string): boolean {
  try {
    return new X509Certificate(certificate).raw.length > 0
  } catch {
    return false
  }
}

interface CodedError extends Error {
  readonly code?: string
  readonly path?: string
}

function reasonOf(error: unknown): string {
  const { code, path, message } = error as CodedError
  if (code === 'ENOENT') return `open ${path}: no such file or directory`
  if (code === 'EACCES') return `open ${path}: permission denied`
  if (code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') {
    return 'tls: private key does not match public key'
  }
  if (code === 'ERR_OSSL_PEM_NO_START_LINE') {
    return 'tls: failed to find any PEM data in certificate input'
  }
  return message
}
