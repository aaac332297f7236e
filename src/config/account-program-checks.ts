import { GLOBAL_ACCOUNT } from '../protocol/global-account.ts'
import { goQuote } from '../protocol/go-quote.ts'
import { decodePublicNkey } from '../protocol/nkey-encoding.ts'
import { isValidPublishSubject } from '../protocol/subjects.ts'
import { loginFault } from './account-authorization-reader.ts'
import { calloutAccountFaults } from './account-callout-checks.ts'
import { accountNamesFault, mappingSourceFault, mappingText } from './account-checks.ts'
import { duplicateText, isSameService } from './account-exchange-readers.ts'
import type { AccountRules } from './account-rules.ts'
import type {
  AccountOptions,
  AuthCalloutOptions,
  PermissionOptions,
  SubjectMapping,
} from './account-types.ts'
import type { Options } from './option-types.ts'
import { permissionsFault, withResponses } from './permission-checks.ts'
import { UserNames } from './user-checks.ts'
import { calloutFault, issuerFault, xkeyFault } from './user-readers.ts'

/**
 * The first fault in users, accounts and mappings that a program gives, all of which the schema has
 * let pass. The words are those for files, where reading finds the same.
 */
export function accountOptionsFault(
  options: Options,
  rules: AccountRules | undefined,
): string | undefined {
  const { accounts, mappings, noSystemAccount, authorization } = options
  return (
    usersFault(options) ??
    accountNamesFault(accounts) ??
    first(accounts, accountFault) ??
    first([...mappings, ...accounts.flatMap((account) => account.mappings)], (mapping) => {
      return mappingFault(mapping, rules)
    }) ??
    rules?.exchangeFault(accounts, { hasSystemAccount: !noSystemAccount }) ??
    defaultPermissionsFault('authorization', authorization.defaultPermissions) ??
    authCalloutFault(authorization.authCallout) ??
    calloutAccountFaults(options)[0]
  )
}

function first<T>(
  elements: readonly T[],
  faultOf: (element: T) => string | undefined,
): string | undefined {
  for (const element of elements) {
    const fault = faultOf(element)
    if (fault !== undefined) return fault
  }
  return undefined
}

function mappingFault(
  mapping: SubjectMapping,
  rules: AccountRules | undefined,
): string | undefined {
  const why = rules?.mappingFault(mapping)
  return mappingSourceFault(mapping.source) ?? (why && mappingText(mapping, why))
}

function usersFault({ users, nkeys, accounts, authorization }: Options): string | undefined {
  const everybody = [...users, ...nkeys]
  if (everybody.length === 0) return undefined
  const unfit = nkeys.some(({ nkey }) => decodePublicNkey(nkey)?.kind !== 'user')
  const known = new Set(['', GLOBAL_ACCOUNT, ...accounts.map(({ name }) => name)])
  const stray = everybody.find(({ account }) => !known.has(account))
  return (
    loginFault(authorization) ??
    (unfit ? 'Not a valid public nkey for a user' : undefined) ??
    new UserNames({ users: [], nkeys: [] }).add({ users, nkeys })[0] ??
    (stray && `${goQuote(stray.account)} account not defined for user ${goQuote(nameOf(stray))}`)
  )
}

function nameOf(user: Options['users'][number] | Options['nkeys'][number]): string {
  return 'nkey' in user ? user.nkey : user.user
}

function accountFault(account: AccountOptions): string | undefined {
  const { name, imports, trace, defaultPermissions } = account
  const twin = imports.find((entry, index) => {
    return imports.slice(index + 1).some((other) => isSameService(entry, other))
  })
  if (twin !== undefined) return duplicateText(twin)
  if (imports.some((entry) => entry.kind === 'stream' && entry.prefix !== '' && entry.to !== '')) {
    return "Stream import can not have a 'prefix' and a 'to' property"
  }
  if (trace !== undefined && !isValidPublishSubject(trace.subject)) {
    return `Trace destination ${goQuote(trace.subject)} is not valid`
  }
  return defaultPermissionsFault(`account ${goQuote(name)}`, defaultPermissions)
}

function defaultPermissionsFault(
  place: string,
  permissions: PermissionOptions | undefined,
): string | undefined {
  const fault = permissionsFault(permissions)
  return fault && `invalid default permissions of ${place}: ${fault}`
}

function authCalloutFault(callout: AuthCalloutOptions | undefined): string | undefined {
  if (callout === undefined) return undefined
  const { issuer, xkey } = callout
  return calloutFault(callout) ?? issuerFault(issuer) ?? (xkey === '' ? undefined : xkeyFault(xkey))
}

/** Puts into all permissions what `responses` says about `publish`. */
export function completePermissions(options: Options): Options {
  const { users, nkeys, accounts, authorization } = options
  const completed = <T extends { readonly permissions: PermissionOptions | undefined }>(
    user: T,
  ) => {
    return { ...user, permissions: complete(user.permissions) }
  }
  const completedDefaults = <T extends Pick<AccountOptions, 'defaultPermissions'>>(holder: T) => {
    return { ...holder, defaultPermissions: complete(holder.defaultPermissions) }
  }
  return {
    ...options,
    users: users.map(completed),
    nkeys: nkeys.map(completed),
    accounts: accounts.map(completedDefaults),
    authorization: completedDefaults(authorization),
  }
}

function complete(permissions: PermissionOptions | undefined): PermissionOptions | undefined {
  return permissions && withResponses(permissions)
}
