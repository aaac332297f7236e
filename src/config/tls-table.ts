import { defaultsOf, NOT_NEGATIVE, type OptionEntry, type TlsKind } from './option-entry.ts'
import type { CertificateFiles, TlsOptions } from './option-types.ts'

/** The rows for a `tls` block, wherever it stands, see option-table.ts. */

export const CERTIFICATE_TABLE: readonly OptionEntry<CertificateFiles, TlsKind>[] = [
  {
    key: 'cert_file',
    option: 'certFile',
    kind: 'tls file',
    default: '',
    reloadable: true,
    doc: 'PEM file with a certificate and its chain.',
  },
  {
    key: 'key_file',
    option: 'keyFile',
    kind: 'tls file',
    default: '',
    reloadable: true,
    doc: 'PEM file with the private key of that certificate.',
  },
]

/** Go's names of TLS 1.3 suites and of those with forward secrecy. */
export const SECURE_CIPHERS: readonly string[] = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA',
  'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA',
  'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA',
  'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA',
  'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
]

/** Those that need `allow_insecure_cipher_suites`. */
export const INSECURE_CIPHERS: readonly string[] = [
  'TLS_RSA_WITH_AES_128_CBC_SHA',
  'TLS_RSA_WITH_AES_256_CBC_SHA',
  'TLS_RSA_WITH_AES_128_CBC_SHA256',
  'TLS_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_RSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256',
  'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256',
]

/** Those Go still has and the OpenSSL of Node.js has not. */
export const ABSENT_CIPHERS: readonly string[] = [
  'TLS_RSA_WITH_RC4_128_SHA',
  'TLS_RSA_WITH_3DES_EDE_CBC_SHA',
  'TLS_ECDHE_ECDSA_WITH_RC4_128_SHA',
  'TLS_ECDHE_RSA_WITH_RC4_128_SHA',
  'TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA',
]

export const CURVES: readonly string[] = [
  'X25519',
  'CurveP256',
  'CurveP384',
  'CurveP521',
  'X25519MLKEM768',
  'SecP256r1MLKEM768',
  'SecP384r1MLKEM1024',
]

/** nats-server TLS_TIMEOUT and DEFAULT_LEAF_TLS_TIMEOUT. */
const TLS_TIMEOUT_MS = 2_000

export const TLS_TABLE: readonly OptionEntry<TlsOptions, TlsKind>[] = [
  ...CERTIFICATE_TABLE,
  {
    key: 'ca_file',
    option: 'caFile',
    kind: 'tls file',
    default: '',
    reloadable: true,
    doc: 'PEM file with the authorities the other side must be certified by; default: the usual ones.',
  },
  {
    key: 'certificates',
    aliases: ['certs'],
    option: 'certificates',
    kind: 'certificates',
    default: [],
    reloadable: true,
    doc: 'Several certificates, maps of cert_file and key_file; excludes cert_file.',
  },
  {
    key: 'verify',
    option: 'verify',
    kind: 'tls boolean',
    default: false,
    reloadable: true,
    doc: 'Those who connect must show a certificate that ca_file vouches for.',
  },
  {
    key: 'verify_and_map',
    option: 'verifyAndMap',
    kind: 'verify and map',
    default: false,
    reloadable: false,
    doc: 'As verify, and the certificate names the user.',
  },
  {
    key: 'insecure',
    option: 'insecure',
    kind: 'tls boolean',
    default: false,
    reloadable: true,
    doc: 'Where this server dials: take any certificate.',
  },
  {
    key: 'allow_insecure_cipher_suites',
    option: 'cipherSuites',
    kind: 'insecure ciphers',
    default: [],
    reloadable: true,
    isSecondary: true,
    doc: '`true`: cipher_suites may name insecure ones too, all but those with RC4 and 3DES.',
  },
  {
    key: 'cipher_suites',
    option: 'cipherSuites',
    kind: 'ciphers',
    default: [],
    values: [...SECURE_CIPHERS, ...INSECURE_CIPHERS],
    reloadable: true,
    doc: 'Cipher suites by the names of Go; default: all that are secure.',
  },
  {
    key: 'curve_preferences',
    option: 'curvePreferences',
    kind: 'curves',
    default: [],
    values: CURVES,
    reloadable: true,
    doc: 'Key exchanges by the names of Go, such as `X25519` or `CurveP256`.',
  },
  {
    key: 'timeout',
    option: 'timeoutMs',
    kind: 'tls timeout',
    unit: 'ms',
    default: TLS_TIMEOUT_MS,
    range: NOT_NEGATIVE,
    reloadable: true,
    doc: 'Time for the handshake: seconds, or a quoted duration.',
  },
  {
    key: 'connection_rate_limit',
    option: 'connectionRateLimit',
    kind: 'rate limit',
    unit: 'count',
    default: 0,
    range: NOT_NEGATIVE,
    reloadable: false,
    doc: 'At the top level: handshakes a second, 0: no limit; nothing elsewhere, as in nats-server.',
  },
  {
    key: 'pinned_certs',
    option: 'pinnedCerts',
    kind: 'pinned certs',
    default: [],
    reloadable: true,
    doc: 'Only certificates with one of these keys: SHA-256 of SubjectPublicKeyInfo, 64 hex digits.',
  },
  {
    key: 'min_version',
    option: 'minVersion',
    kind: 'tls version',
    default: '',
    values: ['', '1.2', '1.3'],
    reloadable: true,
    doc: 'Oldest TLS version, `"1.2"` (as by default) or `"1.3"`.',
  },
  {
    key: 'handshake_first',
    aliases: ['first', 'immediate'],
    option: 'handshakeFirst',
    kind: 'handshake first',
    default: false,
    reloadable: true,
    doc:
      'For clients and on leaf links: TLS before the INFO line. `auto` or a duration: INFO is sent ' +
      'in clear to who does not begin within 50 ms, or that time.',
  },
]

/** A block in which nothing is set. One of the rows fills two properties, hence this. */
export function tlsDefaults(): TlsOptions {
  return { ...defaultsOf(TLS_TABLE), handshakeFirstFallbackMs: 0 }
}
