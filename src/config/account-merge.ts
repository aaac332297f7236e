import { EXPORT_TABLE, LIMITS_TABLE, MAPPING_TABLE } from './account-table.ts'
import type {
  AccountLimits,
  AccountOptions,
  AuthCalloutOptions,
  MappingDestination,
  NkeyUserOptions,
  PermissionOptions,
  ResponsePermission,
  ServiceExport,
  ServiceImport,
  ServiceLatency,
  StreamExport,
  StreamImport,
  SubjectMapping,
  TraceDestination,
  UserOptions,
} from './account-types.ts'
import { defaultsOf } from './option-entry.ts'
import type { AuthorizationOptions } from './option-types.ts'
import { isObject, overlay, overlayEach } from './overlay.ts'
import { DEFAULT_RESPONSES } from './permission-checks.ts'
import { CALLOUT_TABLE, USER_TABLE } from './user-table.ts'

/** Users, accounts and mappings as a program gives them: what is left out has its default. */

export type PartialPermissions = Partial<Omit<PermissionOptions, 'responses'>> & {
  readonly responses?: Partial<ResponsePermission> | undefined
}

type PartialUser<User> = Partial<Omit<User, 'permissions'>> & {
  readonly permissions?: PartialPermissions | undefined
}

export type PartialNamedUser = PartialUser<UserOptions> & Pick<UserOptions, 'user'>
export type PartialNkeyUser = PartialUser<NkeyUserOptions> & Pick<NkeyUserOptions, 'nkey'>

type With<T, Required extends keyof T> = Partial<T> & Pick<T, Required>

export interface PartialMapping extends Pick<SubjectMapping, 'source'> {
  /** Without a weight: 100. */
  readonly destinations: readonly With<MappingDestination, 'subject'>[]
}

type PartialServiceExport = With<Omit<ServiceExport, 'latency'>, 'kind' | 'subject'> & {
  /** Without sampling: all requests. */
  readonly latency?: With<ServiceLatency, 'subject'> | undefined
}

export type PartialAccount = With<Pick<AccountOptions, 'name' | 'nkey'>, 'name'> & {
  readonly exports?: readonly (With<StreamExport, 'kind' | 'subject'> | PartialServiceExport)[]
  readonly imports?: readonly (
    | With<StreamImport, 'kind' | 'account' | 'subject'>
    | With<ServiceImport, 'kind' | 'account' | 'subject'>
  )[]
  readonly mappings?: readonly PartialMapping[]
  readonly limits?: Partial<AccountLimits>
  readonly defaultPermissions?: PartialPermissions | undefined
  /** Without sampling: all messages. */
  readonly trace?: With<TraceDestination, 'subject'> | undefined
}

export type PartialAuthorization = Partial<
  Omit<AuthorizationOptions, 'defaultPermissions' | 'authCallout'>
> & {
  readonly defaultPermissions?: PartialPermissions | undefined
  readonly authCallout?: With<AuthCalloutOptions, 'issuer' | 'authUsers'> | undefined
}

export function mergeAuthorization(defaults: AuthorizationOptions, given: unknown): unknown {
  const authorization = overlay(defaults, given)
  if (!isObject(authorization)) return authorization
  const { defaultPermissions, authCallout } = authorization
  return {
    ...authorization,
    defaultPermissions: mergePermissions(defaultPermissions),
    authCallout: overlay(defaultsOf(CALLOUT_TABLE), authCallout),
  }
}

/** @param identity what tells the users of this list, empty */
export function mergeUsers(
  given: unknown,
  identity: Pick<UserOptions, 'pass'> | Record<string, never>,
): unknown {
  const { user: _user, pass: _pass, nkey: _nkey, ...common } = defaultsOf(USER_TABLE)
  const defaults = { ...identity, account: '', ...common }
  return overlayEach(given, (element) => {
    const user = overlay(defaults, element)
    if (!isObject(user)) return user
    return { ...user, permissions: mergePermissions(user['permissions']) }
  })
}

function mergePermissions(given: unknown): unknown {
  const unset = { publish: undefined, subscribe: undefined, responses: undefined }
  const permissions = overlay(unset, given)
  if (!isObject(permissions)) return permissions
  return { ...permissions, responses: overlay(DEFAULT_RESPONSES, permissions['responses']) }
}

export function mergeMappings(given: unknown): unknown {
  const { cluster } = defaultsOf(MAPPING_TABLE)
  return overlayEach(given, (element) => {
    if (!isObject(element)) return element
    const destinations = overlayEach(element['destinations'], (destination) => {
      return overlay({ weight: 100, cluster }, destination)
    })
    return { ...element, destinations }
  })
}

export function mergeAccounts(given: unknown): unknown {
  return overlayEach(given, (element) => {
    const defaults = { nkey: '', exports: [], imports: [], mappings: [], limits: {} }
    const unset = { defaultPermissions: undefined, trace: undefined }
    const account = overlay({ ...defaults, ...unset }, element)
    if (!isObject(account)) return account
    return {
      ...account,
      exports: overlayEach(account['exports'], mergeExport),
      imports: overlayEach(account['imports'], mergeImport),
      mappings: mergeMappings(account['mappings']),
      limits: overlay(defaultsOf(LIMITS_TABLE), account['limits']),
      defaultPermissions: mergePermissions(account['defaultPermissions']),
      trace: overlay({ sampling: 100 }, account['trace']),
    }
  })
}

function mergeExport(given: unknown): unknown {
  const { accounts, accountTokenPosition: tokenPosition } = defaultsOf(EXPORT_TABLE)
  const common = { accounts, tokenPosition, tokenRequired: false, revocations: {} }
  const ofService = {
    responseType: 'singleton',
    thresholdMs: 0,
    latency: undefined,
    allowTrace: false,
  }
  const isService = isObject(given) && given['kind'] === 'service'
  const entry = overlay(isService ? { ...common, ...ofService } : common, given)
  if (!isService || !isObject(entry)) return entry
  return { ...entry, latency: overlay({ sampling: 100 }, entry['latency']) }
}

function mergeImport(given: unknown): unknown {
  const isService = isObject(given) && given['kind'] === 'service'
  const ofKind = isService ? { share: false } : { prefix: '' }
  return overlay({ token: '', to: '', allowTrace: false, ...ofKind }, given)
}
