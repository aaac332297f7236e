import { durationMs, parseDuration } from '../base/duration.ts'
import { goQuote } from '../protocol/go-quote.ts'
import { tlsFault } from './certificate-files.ts'
import type { ConfigFaults } from './config-faults.ts'
import { type ConfigNode, isConfigArray, isConfigMap } from './config-value.ts'
import { conversionError, type GoType, goTypeOf, goValueText } from './go-types.ts'
import type { TlsKind } from './option-entry.ts'
import type { CertificateFiles, Draft, TlsOptions } from './option-types.ts'
import {
  ABSENT_CIPHERS,
  CURVES,
  INSECURE_CIPHERS,
  SECURE_CIPHERS,
  TLS_TABLE,
  tlsDefaults,
} from './tls-table.ts'

/**
 * Reads a `tls` block and looks into the files it names. Unlike in other blocks the first fault
 * ends the reading, and a key that serves as a constant is a fault, too.
 */
export function readTls(node: ConfigNode, faults: ConfigFaults): TlsOptions | undefined {
  try {
    return readBlock(node)
  } catch (error) {
    if (!(error instanceof TlsFault)) throw error
    faults.report(error.node, error.message)
    return undefined
  }
}

class TlsFault extends Error {
  readonly node: ConfigNode

  constructor(node: ConfigNode, text: string) {
    super(text)
    this.node = node
  }
}

/** What rows of the table do not say by themselves. */
interface Block {
  readonly draft: Draft<TlsOptions>
  allowsInsecureCiphers: boolean
}

function readBlock(node: ConfigNode): TlsOptions {
  if (!isConfigMap(node.data)) throw notOfType(node, 'map[string]interface {}')
  const block: Block = { draft: tlsDefaults(), allowsInsecureCiphers: false }
  for (const [key, value] of node.data) readField(block, key, value)

  const { draft } = block
  if (draft.certificates.length > 0 && draft.certFile !== '') {
    const text = "cannot combine 'cert_file' option with 'certs' option"
    throw new TlsFault(node, `error parsing tls config, ${text}`)
  }
  checkCiphers(node, block)
  const fault = tlsFault(draft)
  if (fault !== undefined) throw new TlsFault(node, fault)
  return draft
}

function readField(block: Block, key: string, node: ConfigNode): void {
  const name = key.toLowerCase()
  const entry = TLS_TABLE.find((row) => row.key === name || row.aliases?.includes(name))
  if (entry !== undefined) {
    const value = TLS_READERS[entry.kind](node, { key, name, block })
    if (value !== undefined) Object.assign(block.draft, { [entry.option]: value })
    return
  }
  if (name !== KNOWN_URLS) {
    throw new TlsFault(node, `error parsing tls config, unknown field ${goQuote(key)}`)
  }
  if (readBoolean(node, name)) {
    throw new TlsFault(node, `${KNOWN_URLS} not supported in this context`)
  }
}

/** For clusters and gateways only; elsewhere it may but say no. */
const KNOWN_URLS = 'verify_cert_and_check_known_urls'

function checkCiphers(node: ConfigNode, { draft, allowsInsecureCiphers }: Block): void {
  const insecure = draft.cipherSuites.filter((cipher) => !SECURE_CIPHERS.includes(cipher))
  if (insecure.length > 0 && !allowsInsecureCiphers) {
    const text = "insecure cipher suites configured without 'allow_insecure_cipher_suites' option"
    throw new TlsFault(node, `${text} set: ${insecure.join(', ')}`)
  }
  const absent = insecure.find((cipher) => ABSENT_CIPHERS.includes(cipher))
  if (absent !== undefined) {
    throw new TlsFault(node, `cipher suite ${absent} is not supported by this version of Sable`)
  }
}

interface Field {
  /** As spelt in the file. */
  readonly key: string
  /** The same in lower case. */
  readonly name: string
  readonly block: Block
}

const KEY_IDENTIFIER_WORDS = 'hex-encoded sha256 of DER encoded SubjectPublicKeyInfo'
const PINNED_CERT = /^[\da-f]{64}$/

const TLS_READERS: Readonly<Record<TlsKind, (node: ConfigNode, field: Field) => unknown>> = {
  'tls file': (node, { name }) => {
    if (typeof node.data === 'string') return node.data
    throw new TlsFault(node, `error parsing tls config, expected '${name}' to be filename`)
  },

  'tls boolean': (node, { name }) => readBoolean(node, name),

  'verify and map': (node, { name, block }) => {
    const isOn = readBoolean(node, name)
    if (isOn) block.draft.verify = true
    return isOn
  },

  ciphers: (node) => {
    const known = [...SECURE_CIPHERS, ...INSECURE_CIPHERS, ...ABSENT_CIPHERS]
    return readNames(node, 'cipher_suites', known, 'cipher')
  },

  curves: (node) => readNames(node, 'curve_preferences', CURVES, 'curve preference'),

  'insecure ciphers': (node, { name, block }) => {
    block.allowsInsecureCiphers = readBoolean(node, name)
  },

  'tls timeout': (node) => {
    const { data } = node
    if (typeof data === 'bigint' || typeof data === 'number') return Number(data) * 1_000
    const text = "error parsing tls config, 'timeout'"
    if (typeof data !== 'string') throw new TlsFault(node, `${text} wrong type`)
    const parsed = parseDuration(data)
    if ('error' in parsed) throw new TlsFault(node, `${text} ${parsed.error}`)
    return durationMs(parsed.ns)
  },

  'rate limit': (node) => {
    if (typeof node.data === 'bigint') return Number(node.data)
    throw new TlsFault(node, "error parsing tls config, 'connection_rate_limit' wrong type")
  },

  'pinned certs': (node) => {
    if (!isConfigArray(node.data)) {
      const text = `expected 'pinned_certs' to be a list of ${KEY_IDENTIFIER_WORDS}`
      throw new TlsFault(node, `error parsing tls config, ${text}`)
    }
    return node.data.map((element) => {
      const pin = textOf(element).toLowerCase()
      if (PINNED_CERT.test(pin)) return pin
      const text = `'pinned_certs' key ${pin} does not look like ${KEY_IDENTIFIER_WORDS}`
      throw new TlsFault(element, `error parsing tls config, ${text}`)
    })
  },

  'tls version': (node) => {
    const fault = versionFault(node)
    if (fault === undefined) return node.data
    throw new TlsFault(node, `error parsing tls config: ${fault}`)
  },

  'handshake first': (node, { key, block }) => {
    const { data } = node
    if (typeof data === 'boolean') return data
    if (typeof data !== 'string') {
      const text = `should be a boolean or a string, got ${goTypeOf(data)}`
      throw new TlsFault(node, `field ${goQuote(key)} ${text}`)
    }
    const choice = handshakeFirst(data)
    if (choice === undefined) {
      throw new TlsFault(node, `field ${goQuote(key)}'s value ${goQuote(data)} is invalid`)
    }
    block.draft.handshakeFirstFallbackMs = choice.fallbackMs
    return choice.isFirst
  },

  certificates: (node) => {
    if (!isConfigArray(node.data)) {
      // nats-server names the type of the whole block here.
      const text = 'unsupported type map[string]interface {}'
      throw new TlsFault(node, `error parsing certificates config: ${text}`)
    }
    return node.data.map(readCertificate)
  },
}

function readBoolean(node: ConfigNode, name: string): boolean {
  if (typeof node.data === 'boolean') return node.data
  throw new TlsFault(node, `error parsing tls config, expected '${name}' to be a boolean`)
}

function textOf(node: ConfigNode): string {
  if (typeof node.data === 'string') return node.data
  throw notOfType(node, 'string')
}

function notOfType(node: ConfigNode, wanted: GoType): TlsFault {
  return new TlsFault(node, conversionError(node.data, wanted))
}

function readNames(
  node: ConfigNode,
  field: string,
  known: readonly string[],
  word: string,
): readonly string[] {
  if (!isConfigArray(node.data)) throw notOfType(node, '[]interface {}')
  if (node.data.length === 0) {
    throw new TlsFault(node, `error parsing tls config, '${field}' cannot be empty`)
  }
  return node.data.map((element) => {
    const name = textOf(element)
    if (known.includes(name)) return name
    throw new TlsFault(element, `unrecognized ${word} ${name}`)
  })
}

function versionFault({ data }: ConfigNode): string | undefined {
  if (typeof data !== 'string') return `'min_version' wrong type: ${goValueText(data)}`
  if (data === '1.2' || data === '1.3') return undefined
  const isOld = data === '1.0' || data === '1.1'
  return isOld ? `unsupported TLS version: TLS ${data}` : `unknown version: ${data}`
}

/** nats-server DEFAULT_TLS_HANDSHAKE_FIRST_FALLBACK_DELAY. */
const HANDSHAKE_FIRST_FALLBACK_MS = 50

function handshakeFirst(
  text: string,
): { readonly isFirst: boolean; readonly fallbackMs: number } | undefined {
  switch (text.toLowerCase()) {
    case 'true':
    case 'on':
      return { isFirst: true, fallbackMs: 0 }
    case 'false':
    case 'off':
      return { isFirst: false, fallbackMs: 0 }
    case 'auto':
    case 'auto_fallback':
      return { isFirst: true, fallbackMs: HANDSHAKE_FIRST_FALLBACK_MS }
  }
  const parsed = parseDuration(text)
  // nats-server takes a wait below nothing for none.
  return 'error' in parsed
    ? undefined
    : { isFirst: true, fallbackMs: Math.max(durationMs(parsed.ns), 0) }
}

function readCertificate(node: ConfigNode): CertificateFiles {
  const unsupported = (faulty: ConfigNode) => {
    const text = `unsupported type ${goTypeOf(faulty.data)}`
    return new TlsFault(faulty, `error parsing certificates config: ${text}`)
  }
  if (!isConfigMap(node.data)) throw unsupported(node)
  const files = { certFile: '', keyFile: '' }
  let last = node
  for (const [key, value] of node.data) {
    last = value
    if (typeof value.data !== 'string') throw unsupported(value)
    if (key === 'cert_file') files.certFile = value.data
    else if (key === 'key_file') files.keyFile = value.data
    else {
      throw new TlsFault(value, `error parsing tls certs config, unknown field ${goQuote(key)}`)
    }
  }
  if (files.certFile !== '' && files.keyFile !== '') return files
  const text = "both 'cert_file' and 'cert_key' options are required"
  throw new TlsFault(last, `error parsing certificates config: ${text}`)
}
