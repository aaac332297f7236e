import type { ConnectionType } from '../../config/account-types.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import type { Identity } from '../login.ts'
import { clampInt32, permissionsOf } from './account-options.ts'
import type { AccountClaims, UserClaims, UserScope } from './claims.ts'
import { connectWindow } from './connect-times.ts'
import { expandPermissions } from './permission-template.ts'

const CONNECTION_TYPES: readonly ConnectionType[] = [
  'STANDARD',
  'WEBSOCKET',
  'LEAFNODE',
  'LEAFNODE_WS',
  'MQTT',
  'MQTT_WS',
  'IN_PROCESS',
]

/**
 * The claims with what the scope of a signing key gives the user: its limits and permissions, with
 * the templates filled in. Without a scope they stay as they are. `why` is nats-server's error.
 */
export function scopedUser(
  user: UserClaims,
  account: Pick<AccountClaims, 'name' | 'tags'>,
  scope: UserScope | undefined,
):
  | { readonly ok: true; readonly user: UserClaims }
  | { readonly ok: false; readonly isTemplate: boolean; readonly why: string } {
  if (scope === undefined) return { ok: true, user }
  if (user.issuer !== scope.key) {
    return { ok: false, isTemplate: false, why: 'issuer not the scoped signer' }
  }
  if (!user.hasEmptyPermissions) {
    const why = 'scoped users require no permissions or limits set'
    return { ok: false, isTemplate: false, why }
  }
  const expanded = expandPermissions(scope.template.permissions, { user, account })
  if (!expanded.ok) return { ok: false, isTemplate: true, why: expanded.why }
  return { ok: true, user: { ...user, ...scope.template, permissions: expanded.permissions } }
}

/**
 * Whether a user may connect this way. Types that are not known do not count, unless there are no
 * others: an empty list means all, and that was not meant.
 *
 * @returns undefined if so, else nats-server's reason
 */
export function connectionTypeFault(
  names: readonly string[],
  type: ConnectionType,
): string | undefined {
  const upper = names.map((name) => name.toUpperCase())
  const known = upper.filter((name) => CONNECTION_TYPES.some((one) => one === name))
  if (known.length === 0 && upper.length > 0) {
    return `invalid connection types [${upper.map((name) => goQuote(name)).join(' ')}]`
  }
  return known.length === 0 || known.includes(type) ? undefined : 'Connection type not allowed'
}

/** What only the login knows. */
export interface LoginFacts {
  /** As it was presented; '' for a user that an auth callout has made up. */
  readonly jwt: string
  /** As events show the user. */
  readonly user: string
  readonly proxyKey: string
}

/**
 * Who the holder of these claims is, or undefined outside of the times in which he may connect.
 *
 * @param user with its scope, see scopedUser
 * @param account its name or public key
 */
export function identityOf(
  user: UserClaims,
  account: string,
  { jwt, user: name, proxyKey }: LoginFacts,
  nowMs: number,
): Identity | undefined {
  const window = connectWindow(user.times, user.timesLocation, nowMs)
  if (!window.isOpen) return undefined
  const ends = [user.expires * 1000, window.endsMs].filter((ms) => ms !== 0)
  return {
    account,
    user: name,
    nkey: user.subject,
    permissions: permissionsOf(user.permissions),
    maxPayload: clampInt32(user.payload),
    maxSubscriptions: clampInt32(user.subs),
    rate: undefined,
    expiresMs: ends.length === 0 ? 0 : Math.min(...ends),
    jwt,
    issuerKey: user.issuer,
    nameTag: user.name,
    tags: user.tags,
    issuedAt: user.issuedAt,
    proxyKey,
  }
}
