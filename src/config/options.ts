import { BrokerError } from '../base/errors.ts'
import {
  mergeAccounts,
  mergeAuthorization,
  mergeMappings,
  mergeUsers,
  type PartialAccount,
  type PartialAuthorization,
  type PartialMapping,
  type PartialNamedUser,
  type PartialNkeyUser,
} from './account-merge.ts'
import { accountOptionsFault, completePermissions } from './account-program-checks.ts'
import type { AccountRules } from './account-rules.ts'
import type { OperatorOptions, ResolverOptions } from './account-types.ts'
import { tlsFault } from './certificate-files.ts'
import { LEAF_AUTHORIZATION_TABLE, LEAF_USER_TABLE, LEAFNODES_TABLE } from './leafnode-table.ts'
import { operatorDefaults, RESOLVER_KINDS, resolverDefaults } from './operator-defaults.ts'
import { completeOptions } from './option-checks.ts'
import { defaultsOf } from './option-entry.ts'
import { findOptionFaults, type OptionFault } from './option-schema.ts'
import { OPTION_TABLE } from './option-table.ts'
import type {
  CompressionMode,
  CompressionOptions,
  HttpProxyOptions,
  LeafnodeAuthorizationOptions,
  LeafnodeOptions,
  LeafnodeUserOptions,
  LoginOptions,
  Options,
  RemoteOptions,
  TlsOptions,
  WebsocketOptions,
} from './option-types.ts'
import { isObject, overlay } from './overlay.ts'
import { PROXY_TABLE, REMOTE_TABLE } from './remote-table.ts'
import { parseRemoteUrl, type RemoteUrl, redactUrl } from './remote-url.ts'
import { CERTIFICATE_TABLE, tlsDefaults } from './tls-table.ts'
import { WEBSOCKET_TABLE } from './websocket-table.ts'

export type { Options } from './option-types.ts'

/**
 * Options as a program gives them: any part of them and of the objects in them. Remote addresses
 * may be text, compression its mode alone.
 */
export type PartialOptions = Partial<
  Omit<
    Options,
    | 'authorization'
    | 'users'
    | 'nkeys'
    | 'accounts'
    | 'mappings'
    | 'leafnodes'
    | 'websocket'
    | 'tls'
    | 'operator'
  > & {
    readonly authorization: PartialAuthorization
    readonly users: readonly PartialNamedUser[]
    readonly nkeys: readonly PartialNkeyUser[]
    readonly accounts: readonly PartialAccount[]
    readonly mappings: readonly PartialMapping[]
    readonly leafnodes: PartialLeafnodes
    readonly websocket: PartialWebsocket
    readonly tls: Partial<TlsOptions> | undefined
    readonly operator: PartialOperator | undefined
  }
>

type PartialOperator = Partial<Omit<OperatorOptions, 'resolver' | 'resolverTls'>> & {
  readonly resolver?: PartialResolver | undefined
  readonly resolverTls?: Partial<TlsOptions> | undefined
}

/** Of the kind that is given; the rest has its defaults. */
type PartialResolver<Resolver = ResolverOptions> = Resolver extends { readonly kind: infer Kind }
  ? { readonly kind: Kind } & Partial<Omit<Resolver, 'kind'>>
  : never

type PartialLeafnodes = Partial<
  Omit<LeafnodeOptions, 'authorization' | 'remotes' | 'tls' | 'compression'> & {
    readonly authorization: PartialLeafAuthorization
    readonly remotes: readonly PartialRemote[]
    readonly tls: Partial<TlsOptions> | undefined
    readonly compression: PartialCompression
  }
>

type PartialLeafAuthorization = Partial<
  Omit<LeafnodeAuthorizationOptions, 'users'> & {
    readonly users: readonly Partial<LeafnodeUserOptions>[]
  }
>

type PartialRemote = Partial<Omit<RemoteOptions, 'urls' | 'tls' | 'compression' | 'proxy'>> & {
  readonly urls: readonly (string | PartialRemoteUrl)[]
  readonly tls?: Partial<TlsOptions> | undefined
  readonly compression?: PartialCompression
  readonly proxy?: Partial<HttpProxyOptions> | undefined
}

type PartialRemoteUrl = Omit<RemoteUrl, 'path'> & { readonly path?: string }

type PartialCompression = CompressionMode | boolean | Partial<CompressionOptions>

type PartialWebsocket = Partial<
  Omit<WebsocketOptions, 'authorization' | 'tls'> & {
    readonly authorization: Partial<LoginOptions>
    readonly tls: Partial<TlsOptions> | undefined
  }
>

/** Options a program gave that the broker cannot work with. */
export class OptionsError extends BrokerError {
  /** `option` is its path, where one alone is to blame: `leafnodes.port`. */
  constructor(text: string, option?: string) {
    super('BRK_BAD_OPTION', text, option === undefined ? {} : { context: { option } })
  }
}

/** A fresh object with every option at its default. */
export function defaultOptions(): Options {
  return defaultsOf(OPTION_TABLE)
}

/**
 * Options for a broker started from a program. What is left out has its default, and so has a
 * number given as 0 unless 0 means something of its own.
 *
 * @param rules for mappings and for what is between accounts; without, that is not checked
 * @throws OptionsError for unknown options, unfit values and options that contradict each other;
 *   the text names option and value
 */
export function optionsFromObject(partial: PartialOptions, rules?: AccountRules): Options {
  const merged = mergeOptions(partial)
  const [fault] = findOptionFaults(merged)
  if (fault !== undefined) throw new OptionsError(describeFault(fault, fault.path), fault.path)
  const options = merged as Options
  checkCertificates(options)
  const accountFault = accountOptionsFault(options, rules)
  if (accountFault !== undefined) throw new OptionsError(accountFault)
  const result = completeOptions(completePermissions(options))
  if ('error' in result) throw new OptionsError(result.error)
  return result.options
}

/** What reading a file does with each `tls` block. */
function checkCertificates({ tls: clientTls, operator, leafnodes, websocket }: Options): void {
  const blocks: readonly (readonly [path: string, tls: TlsOptions | undefined])[] = [
    ['tls', clientTls],
    ['operator.resolverTls', operator?.resolverTls],
    ['leafnodes.tls', leafnodes.tls],
    ...leafnodes.remotes.map(({ tls }, index) => [`leafnodes.remotes[${index}].tls`, tls] as const),
    ['websocket.tls', websocket.tls],
  ]
  for (const [path, tls] of blocks) {
    const fault = tls === undefined ? undefined : tlsFault(tls)
    if (fault !== undefined) throw new OptionsError(`option ${path}: ${fault}`, path)
  }
}

/** The given parts over the defaults; nothing is checked yet but what the addresses say. */
function mergeOptions(partial: PartialOptions): object {
  const defaults = defaultOptions()
  const options = overlay(defaults, partial)
  if (!isObject(options)) throw new OptionsError('options must be an object')
  return {
    ...options,
    authorization: mergeAuthorization(defaults.authorization, options['authorization']),
    users: mergeUsers(options['users'], { pass: '' }),
    nkeys: mergeUsers(options['nkeys'], {}),
    accounts: mergeAccounts(options['accounts']),
    mappings: mergeMappings(options['mappings']),
    leafnodes: mergeLeafnodes(options['leafnodes']),
    websocket: mergeWebsocket(options['websocket']),
    tls: mergeTls(options['tls']),
    operator: mergeOperator(options['operator']),
  }
}

function mergeOperator(given: unknown): unknown {
  const operator = overlay(operatorDefaults(), given)
  if (!isObject(operator)) return given
  const { resolver, resolverTls } = operator
  return { ...operator, resolver: mergeResolver(resolver), resolverTls: mergeTls(resolverTls) }
}

function mergeResolver(given: unknown): unknown {
  if (!isObject(given)) return given
  const kind = RESOLVER_KINDS.find((known) => known === given['kind'])
  return kind === undefined ? given : overlay(resolverDefaults(kind), given)
}

function mergeWebsocket(given: unknown): unknown {
  const defaults = defaultsOf(WEBSOCKET_TABLE)
  const websocket = overlay(defaults, given)
  if (!isObject(websocket)) return given
  return {
    ...websocket,
    authorization: overlay(defaults.authorization, websocket['authorization']),
    tls: mergeTls(websocket['tls']),
  }
}

function mergeLeafnodes(given: unknown): unknown {
  const leafnodes = overlay({ ...defaultsOf(LEAFNODES_TABLE), authorization: {} }, given)
  if (!isObject(leafnodes)) return given
  const { authorization, remotes, tls, compression } = leafnodes
  return {
    ...leafnodes,
    authorization: mergeLeafAuthorization(authorization),
    remotes: Array.isArray(remotes) ? remotes.map(mergeRemote) : remotes,
    tls: mergeTls(tls),
    compression: mergeCompression(compression),
  }
}

function mergeLeafAuthorization(given: unknown): unknown {
  // The time to log in depends on tls where it is not given, and is 0 until that is completed.
  const unset = { ...defaultsOf(LEAF_AUTHORIZATION_TABLE), timeoutMs: 0 }
  const authorization = overlay(unset, given)
  if (!isObject(authorization) || !Array.isArray(authorization['users'])) return authorization
  const defaults = defaultsOf(LEAF_USER_TABLE)
  return { ...authorization, users: authorization['users'].map((user) => overlay(defaults, user)) }
}

function mergeRemote(given: unknown, index: number): unknown {
  const remote = overlay(defaultsOf(REMOTE_TABLE), given)
  if (!isObject(remote)) return remote
  const { urls, tls, compression, proxy } = remote
  return {
    ...remote,
    tls: mergeTls(tls),
    compression: mergeCompression(compression),
    proxy: overlay(defaultsOf(PROXY_TABLE), proxy),
    urls: Array.isArray(urls) ? urls.map((url, at) => mergeUrl(url, index, at)) : urls,
  }
}

function mergeUrl(given: unknown, remoteIndex: number, urlIndex: number): unknown {
  if (typeof given !== 'string') return overlay({ path: '' }, given)
  const parsed = parseRemoteUrl(given)
  if (parsed !== undefined) return parsed
  const path = `leafnodes.remotes[${remoteIndex}].urls[${urlIndex}]`
  throw new OptionsError(`option ${path} has the value "${redactUrl(given)}": is no URL`, path)
}

function mergeTls(given: unknown): unknown {
  const tls = overlay(tlsDefaults(), given)
  if (!isObject(tls) || !Array.isArray(tls['certificates'])) return tls
  const defaults = defaultsOf(CERTIFICATE_TABLE)
  return { ...tls, certificates: tls['certificates'].map((pair) => overlay(defaults, pair)) }
}

/** Thresholds only come with a mode that uses them. */
function mergeCompression(given: unknown): unknown {
  if (typeof given === 'boolean') return mergeCompression(given ? 's2_auto' : 'off')
  const unset = { mode: '', rttThresholdsMs: [] }
  return overlay(unset, typeof given === 'string' ? { mode: given } : given)
}

/**
 * Completes and checks options read from a file or from flags. The text of a refusal spells options
 * as files do.
 */
export function checkedOptions(
  options: Options,
  { withSchema }: { readonly withSchema: boolean },
): { readonly options: Options } | { readonly error: string } {
  const result = completeOptions(options)
  if ('error' in result || !withSchema) return result
  const [fault] = findOptionFaults(result.options)
  return fault === undefined ? result : { error: describeFault(fault, fileSpelling(fault.path)) }
}

/** `leafnodes.reconnectMs` is `leafnodes.reconnect` in a file. */
export function fileSpelling(path: string): string {
  return path.replace(/Ms\b/g, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function describeFault(fault: OptionFault, path: string): string {
  const value = fault.value === undefined ? '' : ` has the value ${fault.value}:`
  return `option ${path}${value} ${fault.text}`
}
