import { tlsFault } from './certificate-files.ts'
import type { FlagValue } from './flag-syntax.ts'
import type { TlsOptions } from './option-types.ts'
import { tlsDefaults } from './tls-table.ts'

/** What the flags about TLS set; `enable` is the switch alone. */
export type TlsFlag = 'enable' | 'verify' | 'certFile' | 'keyFile' | 'caFile'

/** Flags in effect, those that were not given left out. */
export type TlsFlags = Partial<Readonly<Record<TlsFlag, FlagValue>>>

/**
 * Puts the flags over what a file says of TLS for clients. Files, verification, suites and versions
 * come from the flags alone then; the other keys of the file's block stay. Texts: nats-server's.
 */
export function applyTlsFlags(
  flags: TlsFlags,
  tls: TlsOptions | undefined,
): { readonly tls: TlsOptions | undefined } | { readonly error: string } {
  if (Object.keys(flags).length === 0) return { tls }
  if (flags.enable === false) return { tls: undefined }
  const certFile = textOf(flags.certFile)
  const keyFile = textOf(flags.keyFile)
  if (certFile === '') return { error: 'TLS Server certificate must be present and valid' }
  if (keyFile === '') return { error: 'TLS Server private key must be present and valid' }
  const standard = tlsDefaults()
  const { timeoutMs, verifyAndMap, pinnedCerts, connectionRateLimit } = tls ?? standard
  const { handshakeFirst, handshakeFirstFallbackMs } = tls ?? standard
  const merged: TlsOptions = {
    ...standard,
    timeoutMs,
    verifyAndMap,
    pinnedCerts,
    connectionRateLimit,
    handshakeFirst,
    handshakeFirstFallbackMs,
    certFile,
    keyFile,
    caFile: textOf(flags.caFile),
    verify: flags.verify === true,
  }
  const error = tlsFault(merged)
  return error === undefined ? { tls: merged } : { error }
}

function textOf(value: FlagValue | undefined): string {
  return typeof value === 'string' ? value : ''
}
