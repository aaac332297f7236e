import { GLOBAL_ACCOUNT } from '../protocol/global-account.ts'
import type { Options } from './option-types.ts'

/** Name of the system account where none is configured. */
export const SYSTEM_ACCOUNT = '$SYS'

/** Which account is the system account; '' = none. */
export function systemAccountOf({ accounts, systemAccount, noSystemAccount }: Options): string {
  const isNamed = accounts.some(({ name }) => name === SYSTEM_ACCOUNT)
  const configured = systemAccount || (isNamed ? SYSTEM_ACCOUNT : '')
  return configured || (noSystemAccount ? '' : SYSTEM_ACCOUNT)
}

/**
 * Whether the only configured account is the system account, whose users are there for
 * administration: then everybody else still connects without credentials, as a user that the server
 * makes up. A block that sets nothing counts as none; nats-server can tell the two apart.
 *
 * @param options complete
 */
export function needsImplicitUser(options: Options): boolean {
  const { accounts, operator, noAuthUser, authorization, users, nkeys, systemAccount } = options
  const others = accounts.filter(({ name }) => name !== GLOBAL_ACCOUNT)
  const { timeoutMs: _, ...settings } = authorization
  const isUnset =
    Object.values(settings).every((value) => !value) &&
    [...users, ...nkeys].every(({ account }) => account !== '')
  const hasOperators = operator !== undefined && operator.jwts.length > 0
  const isSystemOnly = others.length === 1 && others[0]?.name === systemAccount
  return isSystemOnly && !hasOperators && noAuthUser === '' && isUnset
}
