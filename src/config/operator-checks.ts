import { NATS_VERSION } from '../base/version.ts'
import { GLOBAL_ACCOUNT } from '../protocol/global-account.ts'
import { goQuote } from '../protocol/go-quote.ts'
import { decodeJwtText, type JwtText } from '../protocol/jwt-text.ts'
import { decodePublicNkey } from '../protocol/nkey-encoding.ts'
import type { OperatorOptions, ResolverOptions } from './account-types.ts'
import { parseGoUrl } from './go-url.ts'
import { completeResolver } from './operator-defaults.ts'
import type { Options } from './option-types.ts'
import { redactUrl } from './remote-url.ts'
import { directoryFault } from './resolver-reader.ts'
import { SYSTEM_ACCOUNT } from './system-account.ts'

/**
 * What is completed and checked of operator mode when the broker starts. Texts and their order are
 * nats-server's.
 */

/** The operators of the options, decoded; a text is why one of them is none. */
function decodeOperators(jwts: readonly string[]): readonly JwtText[] | string {
  const operators: JwtText[] = []
  for (const token of jwts) {
    const decoded = decodeJwtText(token)
    if ('error' in decoded) return `error parsing operator JWT: ${decoded.error}`
    if (decoded.jwt.kind !== 'operator') return 'error parsing operator JWT: not operator claim'
    operators.push(decoded.jwt)
  }
  return operators
}

function claimText({ nats }: JwtText, name: string): string {
  const value = nats[name]
  return typeof value === 'string' ? value : ''
}

/**
 * What a lone operator says of its resolver and its system account stands in for what is not
 * configured. Options without operators and trusted keys have no operator mode.
 */
export function completeOperator(options: Options): Pick<Options, 'operator' | 'systemAccount'> {
  const { operator } = options
  // Complete options may be completed again.
  const systemAccount = options.systemAccount === SYSTEM_ACCOUNT ? '' : options.systemAccount
  if (operator === undefined) return { operator, systemAccount }
  const operators = decodeOperators(operator.jwts)
  const lone = typeof operators !== 'string' && operators.length === 1 ? operators[0] : undefined
  const system = systemAccount || (lone === undefined ? '' : claimText(lone, 'system_account'))
  const resolver = operator.resolver ?? (lone === undefined ? undefined : resolverOf(lone))
  const pins = operator.pinnedAccounts
  const pinnedAccounts = pins.length === 0 || system === '' ? pins : [...new Set([...pins, system])]
  return {
    operator: {
      ...operator,
      resolver: resolver === undefined ? undefined : completeResolver(resolver),
      pinnedAccounts,
    },
    systemAccount: system,
  }
}

/** nsc appends `/accounts` when it pushes; an operator without a URL leads nowhere. */
function resolverOf(operator: JwtText): ResolverOptions | undefined {
  const url = claimText(operator, 'account_server_url').trim()
  return 'error' in parseGoUrl(url) ? undefined : { kind: 'url', url: `${url}/accounts` }
}

/** Accounts and users are JWTs. Only in options that are complete. */
export function isOperatorMode({ operator }: Pick<Options, 'operator'>): boolean {
  return operator !== undefined && operator.jwts.length + operator.trustedKeys.length > 0
}

/** @param given with `pinnedAccounts` as configured */
export function operatorFault(options: Options): string | undefined {
  const { operator } = options
  if (operator === undefined) return undefined
  const operators = decodeOperators(operator.jwts)
  if (typeof operators === 'string') return operators
  return operators.length === 0
    ? withoutOperatorsFault(operator)
    : (sentinelFault(operator) ??
        conflictFault(options, operator) ??
        systemAccountFault(options, operator, operators) ??
        operators.map(versionFault).find((fault) => fault !== undefined) ??
        keysFault(operator, operators) ??
        calloutFault(options))
}

function withoutOperatorsFault({ defaultSentinel, trustedKeys }: OperatorOptions) {
  if (defaultSentinel !== '') return 'default sentinel requires operators and accounts'
  return trustedKeys.every((key) => decodePublicNkey(key)?.kind === 'operator')
    ? undefined
    : 'Error processing trusted operator keys'
}

function sentinelFault({ defaultSentinel }: OperatorOptions): string | undefined {
  if (defaultSentinel === '') return undefined
  const decoded = decodeJwtText(defaultSentinel)
  if ('error' in decoded || decoded.jwt.kind !== 'user') return 'default sentinel JWT not valid'
  const { nats } = decoded.jwt
  const isScoped = claimText(decoded.jwt, 'issuer_account') !== '' && hasNoPermissions(nats)
  return nats['bearer_token'] === true || isScoped
    ? undefined
    : 'default sentinel must be a bearer token'
}

/** A user of a scoped signing key carries neither permissions nor limits. */
function hasNoPermissions(nats: JwtText['nats']): boolean {
  const isEmpty = (value: unknown) =>
    value === undefined || value === null || Object.values(value).every((list) => isNone(list))
  return (
    isEmpty(nats['pub']) &&
    isEmpty(nats['sub']) &&
    isNone(nats['resp']) &&
    isNone(nats['src']) &&
    isNone(nats['times']) &&
    isNone(nats['times_location']) &&
    ['subs', 'data', 'payload'].every((limit) => isNone(nats[limit])) &&
    isNone(nats['bearer_token']) &&
    isNone(nats['proxy_required']) &&
    isNone(nats['allowed_connection_types'])
  )
}

/** Go's empty values. */
function isNone(value: unknown): boolean {
  return !value || (Array.isArray(value) && value.length === 0)
}

function conflictFault(options: Options, operator: OperatorOptions): string | undefined {
  const { resolver, trustedKeys } = operator
  if (resolver === undefined) return 'operators require an account resolver to be configured'
  if (options.accounts.length > 0) {
    return 'operators do not allow Accounts to be configured directly'
  }
  if (options.users.length + options.nkeys.length > 0) {
    return 'operators do not allow users to be configured directly'
  }
  return trustedKeys.length === 0
    ? undefined
    : "conflicting options for 'TrustedKeys' and 'TrustedOperators'"
}

function systemAccountFault(
  { systemAccount }: Options,
  { resolver }: OperatorOptions,
  operators: readonly JwtText[],
): string | undefined {
  const named = operators.map((operator) => claimText(operator, 'system_account'))
  if (systemAccount !== '') {
    const isForeign = named.some((name) => name !== '') && !named.includes(systemAccount)
    return isForeign ? 'system_account in config and operator JWT must be identical' : undefined
  }
  const isDirectory = resolver?.kind === 'full' || resolver?.kind === 'cache'
  if (named[0] !== '' || !isDirectory) return undefined
  return (
    'using nats based account resolver - the system account needs to be specified in ' +
    'configuration or the operator jwt'
  )
}

const VERSION_PARTS = ['major', 'minor', 'update'] as const

function versionFault(operator: JwtText): string | undefined {
  const asserted = claimText(operator, 'assert_server_version')
  if (asserted === '') return undefined
  const { subject } = operator
  const texts = asserted.split('.')
  const reason = versionTextFault(asserted, texts)
  if (reason !== undefined) {
    return `operator ${subject} expects version ${asserted} got error instead: ${reason}`
  }
  const ours = NATS_VERSION.split(/[.-]/).map(Number)
  for (const [index, part] of VERSION_PARTS.entries()) {
    const [wanted, have] = [Number(texts[index]), ours[index] ?? 0]
    if (wanted < have) return undefined
    if (wanted > have) {
      const server = `server ${part} version ${have}`
      return `operator ${subject} expected ${part} version ${wanted} > ${server}`
    }
  }
  return undefined
}

function versionTextFault(asserted: string, parts: readonly string[]): string | undefined {
  if (parts.length !== VERSION_PARTS.length) {
    return 'asserted server version must be of the form <major>.<minor>.<update>'
  }
  const unfit = parts.find((part) => !/^[-+]?\d{1,18}$/.test(part))
  if (unfit !== undefined) return `asserted server version cant parse ${unfit} to int`
  if (parts.every((part) => Number(part) >= 0)) return undefined
  return `asserted server version can'b contain negative values: ${asserted}`
}

function keysFault(
  { pinnedAccounts }: OperatorOptions,
  operators: readonly JwtText[],
): string | undefined {
  const isKey = (kind: 'operator' | 'account') => (key: string) =>
    decodePublicNkey(key)?.kind === kind
  const strange = operators.flatMap(trustedKeysOf).find((key) => !isKey('operator')(key))
  if (strange !== undefined) {
    return `trusted Keys ${goQuote(strange)} are required to be a valid public operator nkey`
  }
  const unfit = pinnedAccounts.find((key) => !isKey('account')(key))
  return unfit === undefined
    ? undefined
    : `pinned account key ${goQuote(unfit)} is not a valid public account nkey`
}

/** Keys that may sign accounts: strict operators do so with signing keys alone. */
function trustedKeysOf({ subject, nats }: JwtText): readonly string[] {
  const list = nats['signing_keys']
  const signingKeys = Array.isArray(list) ? list.filter((key) => typeof key === 'string') : []
  return nats['strict_signing_key_usage'] === true ? signingKeys : [subject, ...signingKeys]
}

function calloutFault({ authorization }: Options): string | undefined {
  return authorization.authCallout === undefined
    ? undefined
    : 'operators do not allow authorization callouts to be configured directly'
}

/** What only shows once all the rest is found right: the resolver, then the system account. */
export function resolverFault(options: Options): string | undefined {
  const { operator } = options
  const resolver = operator?.resolver
  if (operator === undefined || resolver === undefined) return systemFault(options)
  if (resolver.kind === 'url') {
    if (Object.keys(operator.preload).length > 0) {
      return 'resolver preloads only available for writeable resolver types MEM/DIR/CACHE_DIR'
    }
    const fault = urlFault(resolver.url)
    if (fault !== undefined) return fault
  }
  if (resolver.kind === 'full' || resolver.kind === 'cache') {
    // A program gets here without a file having been read.
    const fault = directoryFault(resolver.directory)
    if (fault !== undefined) return fault
    if (operator.jwts.length === 0) return 'Could not start resolver: no operator key found'
    return undefined
  }
  return systemFault(options)
}

/** Go's HTTP client knows two schemes; that nobody answers only shows when it is asked. */
function urlFault(url: string): string | undefined {
  const base = url.endsWith('/') ? url : `${url}/`
  const parsed = parseGoUrl(base)
  if ('error' in parsed || /^https?$/.test(parsed.scheme)) return undefined
  const scheme = `unsupported protocol scheme ${goQuote(parsed.scheme)}`
  const shown = goQuote(redactUrl(base))
  return `could not fetch <${shown}>: Get ${shown}: ${scheme}`
}

function systemFault({ systemAccount, accounts, operator }: Options): string | undefined {
  const isKnown = accounts.some(({ name }) => name === systemAccount)
  if (systemAccount === '' || systemAccount === GLOBAL_ACCOUNT || isKnown) return undefined
  const start = 'error resolving system account'
  if (operator?.resolver === undefined) return `${start}: account missing`
  if (decodePublicNkey(systemAccount)?.kind !== 'account') {
    return `${start}: will only fetch valid account keys`
  }
  const isFetched = operator.resolver.kind !== 'memory' || systemAccount in operator.preload
  return isFetched ? undefined : `${start}: account missing`
}

/** @param noAuthUser of clients, or of those over WebSocket */
export function noAuthUserFault(
  { operator, users, nkeys }: Options,
  noAuthUser: string,
): string | undefined {
  if (noAuthUser === '') return undefined
  if (operator !== undefined && operator.jwts.length > 0) {
    return 'no_auth_user not compatible with Trusted Operator'
  }
  const start = `no_auth_user: "${noAuthUser}"`
  if (users.length + nkeys.length === 0) {
    return `${start} present, but users/nkeys are not defined`
  }
  const isKnown =
    users.some(({ user }) => user === noAuthUser) || nkeys.some(({ nkey }) => nkey === noAuthUser)
  return isKnown
    ? undefined
    : `${start} not present as user or nkey in authorization block or account configuration`
}

export function proxiesFault({ trustedProxies }: Options): string | undefined {
  const unfit = trustedProxies.find((key) => decodePublicNkey(key) === null)
  return unfit === undefined ? undefined : `proxy trusted key ${goQuote(unfit)} is invalid`
}

/** The operators of options found right. */
export function trustedOperators({ operator }: Pick<Options, 'operator'>): readonly JwtText[] {
  const operators = decodeOperators(operator?.jwts ?? [])
  return typeof operators === 'string' ? [] : operators
}
