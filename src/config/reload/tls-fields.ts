import { isDeepStrictEqual } from 'node:util'
import type { Options, TlsOptions } from '../option-types.ts'
import { tlsDefaults } from '../tls-table.ts'
import { fixed } from './field-kinds.ts'
import { goDuration, goSeconds } from './go-format.ts'
import { type ReloadField, refusal, UNCHANGED } from './reload-field.ts'

/** What of a `tls` block is compared apart from the rest, each by its own field. */
const OWN_FIELD = [
  'timeoutMs',
  'verifyAndMap',
  'connectionRateLimit',
  'pinnedCerts',
  'handshakeFirst',
  'handshakeFirstFallbackMs',
] as const satisfies readonly (keyof TlsOptions)[]

/** What Go puts into a tls.Config: files, suites and the like. */
export function tlsConfigOf(tls: TlsOptions | undefined): Partial<TlsOptions> | undefined {
  if (tls === undefined) return undefined
  const rest: Partial<TlsOptions> & Record<string, unknown> = { ...tls }
  for (const option of OWN_FIELD) delete rest[option]
  return rest
}

/** Fields of nats-server's options about TLS for clients, by their names. */
export const TLS_FIELDS: readonly ReloadField[] = [
  {
    name: 'TLSTimeout',
    options: ['tls'],
    compare: ({ old, next }) => {
      const { timeoutMs } = tlsOf(next)
      if (timeoutMs === tlsOf(old).timeoutMs) return UNCHANGED
      const line = `Reloaded: tls timeout = ${goSeconds(timeoutMs)}`
      return { lines: [line], changed: ['tls.timeout'] }
    },
  },
  fixedInTls('TLSMap', 'verifyAndMap'),
  {
    name: 'TLSConfig',
    options: ['tls'],
    compare: ({ old, next, isCertificateNew }) => {
      const isChanged = !isDeepStrictEqual(tlsConfigOf(old.tls), tlsConfigOf(next.tls))
      const { tls } = next
      // Go never finds two pools of authorities equal.
      const isTold = tls !== undefined && (tls.caFile !== '' || isCertificateNew)
      return {
        lines: isChanged || isTold ? [`Reloaded: tls = ${tls ? 'enabled' : 'disabled'}`] : [],
        changed: isChanged || (tls !== undefined && isCertificateNew) ? ['tls'] : [],
      }
    },
  },
  {
    name: 'TLSPinnedCerts',
    options: ['tls'],
    compare: (pair) => {
      if (!arePinnedCertsChanged(pair.old, pair.next)) return UNCHANGED
      const { pinnedCerts } = tlsOf(pair.next)
      return {
        lines: [`Reloaded: ${new Set(pinnedCerts).size} pinned_certs`],
        changed: ['tls.pinned_certs'],
      }
    },
  },
  fixedInTls('TLSRateLimit', 'connectionRateLimit'),
  handshake('TLSHandshakeFirst', 'handshakeFirst', 'first', String),
  handshake(
    'TLSHandshakeFirstFallback',
    'handshakeFirstFallbackMs',
    'first fallback delay',
    goDuration,
  ),
  fixed('AllowNonTLS', 'allowNonTls'),
]

/** Whether other certificates than before are let in. */
export function arePinnedCertsChanged(old: Options, next: Options): boolean {
  const sorted = (options: Options) => [...new Set(tlsOf(options).pinnedCerts)].sort()
  return !isDeepStrictEqual(sorted(old), sorted(next))
}

/** Without a block its defaults count, as in nats-server. */
function tlsOf({ tls }: Options): TlsOptions {
  return tls ?? tlsDefaults()
}

function fixedInTls(name: string, option: 'verifyAndMap' | 'connectionRateLimit'): ReloadField {
  return {
    name,
    options: ['tls'],
    compare: ({ old, next }) => {
      const [before, after] = [tlsOf(old)[option], tlsOf(next)[option]]
      return before === after ? UNCHANGED : refusal(name, String(before), String(after))
    },
  }
}

function handshake<Option extends 'handshakeFirst' | 'handshakeFirstFallbackMs'>(
  name: string,
  option: Option,
  what: string,
  show: (value: TlsOptions[Option]) => string,
): ReloadField {
  return {
    name,
    options: ['tls'],
    compare: ({ old, next }) => {
      const value = tlsOf(next)[option]
      if (value === tlsOf(old)[option]) return UNCHANGED
      const line = `Reloaded: Client TLS handshake ${what}: ${show(value)}`
      return { lines: [line], changed: ['tls.handshake_first'] }
    },
  }
}
