import { readFileSync } from 'node:fs'
import { fileErrorText } from '../base/errors.ts'
import { goQuote } from '../protocol/go-quote.ts'
import { decodeJwtText, JWT_START, undecorateJwt } from '../protocol/jwt-text.ts'
import { decodePublicNkey } from '../protocol/nkey-encoding.ts'
import type { OperatorOptions } from './account-types.ts'
import { type ConfigNode, isConfigArray, isConfigMap } from './config-value.ts'
import { goTypeOf } from './go-types.ts'
import { operatorDefaults } from './operator-defaults.ts'
import { defaultsOf } from './option-entry.ts'
import type { TlsOptions, TrustedProxy } from './option-types.ts'
import { readResolver } from './resolver-reader.ts'
import type { Occurrence } from './section-reading.ts'
import { PROXIES_TABLE, TRUSTED_PROXY_TABLE } from './security-table.ts'
import { readTls } from './tls-reader.ts'
import { readText } from './value-readers.ts'

/** Keys of the top level for operator mode, the system account and proxies. */

/** What was read so far, with the given parts in it; undefined parts change nothing. */
function withParts(
  { draft }: Occurrence,
  parts: { readonly [K in keyof OperatorOptions]?: OperatorOptions[K] | undefined },
): OperatorOptions {
  const before = draft['operator'] as OperatorOptions | undefined
  const set = Object.entries(parts).filter(([, value]) => value !== undefined)
  return { ...operatorDefaults(), ...before, ...Object.fromEntries(set) }
}

export function readOperators(occurrence: Occurrence): OperatorOptions {
  const { node, faults } = occurrence
  const jwts: string[] = []
  for (const fileOrJwt of operatorTexts(occurrence)) {
    const result = operatorJwt(fileOrJwt)
    if ('error' in result) faults.report(node, `error parsing operator JWT: ${result.error}`)
    else jwts.push(result.jwt)
  }
  return withParts(occurrence, { jwts })
}

/** Up to the first that is no text. */
function operatorTexts({ node, faults }: Occurrence): readonly string[] {
  const { data } = node
  const start = 'error parsing operators: unsupported type'
  if (typeof data === 'string') return [data]
  if (!isConfigArray(data)) {
    faults.report(node, `${start} ${goTypeOf(data)}`)
    return []
  }
  const texts: string[] = []
  for (const { data: text } of data) {
    if (typeof text !== 'string') {
      // nats-server names its own wrapper here.
      faults.report(node, `${start} *conf.token where string is expected`)
      break
    }
    texts.push(text)
  }
  return texts
}

function operatorJwt(fileOrJwt: string): { readonly jwt: string } | { readonly error: string } {
  let text: string
  try {
    text = readFileSync(fileOrJwt, 'latin1')
  } catch (error) {
    if (!fileOrJwt.startsWith(JWT_START)) {
      const isDirectory = (error as NodeJS.ErrnoException).code === 'EISDIR'
      return { error: fileErrorText(isDirectory ? 'read' : 'open', fileOrJwt, error) }
    }
    text = fileOrJwt
  }
  const jwt = undecorateJwt(text)
  const decoded = decodeJwtText(jwt)
  if ('error' in decoded) return decoded
  if (decoded.jwt.kind !== 'operator') return { error: 'not operator claim' }
  return { jwt: jwt.replace(/[\r\n]/g, '') }
}

export function readTrustedKeys(occurrence: Occurrence): OperatorOptions {
  const { node, faults } = occurrence
  const { texts, last } = readNames(occurrence, 'trusted')
  for (const key of texts ?? []) {
    if (decodePublicNkey(key)?.kind === 'operator') continue
    faults.report(last, `trust key ${goQuote(key)} required to be a valid public operator nkey`)
  }
  return withParts({ ...occurrence, node }, { trustedKeys: texts })
}

export function readPinnedAccounts(occurrence: Occurrence): OperatorOptions {
  const { texts } = readNames(occurrence, 'resolver_pinned_accounts')
  return withParts(occurrence, { pinnedAccounts: texts && [...new Set(texts)] })
}

/** One text or several; `last` is the element looked at last. */
function readNames(
  { node, faults }: Occurrence,
  field: string,
): { readonly texts: readonly string[] | undefined; readonly last: ConfigNode } {
  const { data } = node
  const start = `error parsing ${field}: unsupported type`
  if (typeof data === 'string') return { texts: [data], last: node }
  if (!isConfigArray(data)) {
    faults.report(node, `${start} ${goTypeOf(data)}`)
    return { texts: undefined, last: node }
  }
  const texts: string[] = []
  for (const element of data) {
    if (typeof element.data === 'string') texts.push(element.data)
    else faults.report(element, `${start} in array ${goTypeOf(element.data)}`)
  }
  return { texts, last: data.at(-1) ?? node }
}

export function readPreload(occurrence: Occurrence): OperatorOptions | undefined {
  const { node, faults } = occurrence
  if (!isConfigMap(node.data)) {
    faults.report(node, 'preload should be a map of account_public_key:account_jwt')
    return undefined
  }
  const preload: Record<string, string> = {}
  for (const [key, value] of node.data) {
    if (typeof value.data !== 'string') {
      faults.report(value, 'preload map value should be a string JWT')
      continue
    }
    const decoded = decodeJwtText(value.data)
    if ('error' in decoded || decoded.jwt.kind !== 'account') {
      faults.report(value, 'invalid account JWT')
      continue
    }
    preload[key] = value.data
  }
  return withParts(occurrence, { preload })
}

export function readResolverOption(occurrence: Occurrence): OperatorOptions {
  return withParts(occurrence, { resolver: readResolver(occurrence) })
}

export function readResolverTls(occurrence: Occurrence): OperatorOptions {
  const resolverTls: TlsOptions | undefined = readTls(occurrence.node, occurrence.faults)
  return withParts(occurrence, { resolverTls })
}

export function readSentinel(occurrence: Occurrence): OperatorOptions {
  const defaultSentinel = readText(occurrence.node, occurrence.faults)
  return withParts(occurrence, { defaultSentinel })
}

export function readSystemAccount({ node, faults }: Occurrence): string | undefined {
  if (typeof node.data === 'string') return node.data
  faults.report(node, 'system account name must be a string')
  return undefined
}

export function readProxies({ node, faults, fill }: Occurrence): readonly string[] | undefined {
  if (!isConfigMap(node.data)) {
    faults.report(node, `expected proxies to be a map/struct, got ${goTypeOf(node.data)}`)
    return undefined
  }
  const block = defaultsOf(PROXIES_TABLE)
  fill('proxies', PROXIES_TABLE, node.data, block)
  return block.trusted
}

export function readTrustedProxies({
  node,
  faults,
  fill,
}: Occurrence): readonly string[] | undefined {
  if (!isConfigArray(node.data)) {
    const type = goTypeOf(node.data)
    faults.report(node, `expected proxies' trusted field to be an array, got ${type}`)
    return undefined
  }
  const keys: string[] = []
  for (const element of node.data) {
    if (!isConfigMap(element.data)) {
      const type = goTypeOf(element.data)
      faults.report(element, `expected proxies' trusted entry to be a map/struct, got ${type}`)
      continue
    }
    const proxy: TrustedProxy = defaultsOf(TRUSTED_PROXY_TABLE)
    fill('proxies.trusted', TRUSTED_PROXY_TABLE, element.data, proxy)
    keys.push(proxy.key)
  }
  return keys
}

export function readProxyKey({ node, faults }: Occurrence): string | undefined {
  const key = readText(node, faults)
  if (key !== undefined && decodePublicNkey(key) === null) {
    faults.report(node, `invalid proxy key ${goQuote(key)}`)
  }
  return key
}
