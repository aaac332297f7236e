import { isDeepStrictEqual } from 'node:util'
import { GLOBAL_ACCOUNT } from '../../protocol/global-account.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import type { AuthCalloutOptions, OperatorOptions } from '../account-types.ts'
import type { Options } from '../option-types.ts'
import { SYSTEM_ACCOUNT } from '../system-account.ts'
import { fixed } from './field-kinds.ts'
import { goList, goSeconds, goStruct, STRUCTURE } from './go-format.ts'
import { type FieldOutcome, type ReloadField, refusal, UNCHANGED } from './reload-field.ts'

/** Fields of nats-server's options about who may connect, by their names. */
export const ACCESS_FIELDS: readonly ReloadField[] = [
  {
    name: 'Nkeys',
    options: ['nkeys'],
    compare: ({ old, next }) => {
      const isChanged = !isDeepStrictEqual(byKey(old.nkeys), byKey(next.nkeys))
      // Accounts are never equal for nats-server, nor are users who belong to one.
      const isTold =
        isChanged || [...old.nkeys, ...next.nkeys].some(({ account }) => account !== '')
      return {
        lines: isTold ? ['Reloaded: authorization nkey users'] : [],
        changed: isChanged ? ['nkeys'] : [],
      }
    },
  },
  {
    name: 'Users',
    options: ['users', 'authorization'],
    compare: ({ old, next }) => {
      const isSame =
        isDeepStrictEqual(old.users, next.users) &&
        isDeepStrictEqual(
          old.authorization.defaultPermissions,
          next.authorization.defaultPermissions,
        )
      return told('authorization users', isSame ? [] : ['users'])
    },
  },
  {
    name: 'Accounts',
    options: ['accounts', 'mappings'],
    compare: ({ old, next }) => {
      const parts = ['accounts', 'mappings'] as const
      return told(
        'accounts',
        parts.filter((part) => !isDeepStrictEqual(old[part], next[part])),
      )
    },
  },
  {
    name: 'NoAuthUser',
    options: ['noAuthUser'],
    compare: ({ old, next }) => noAuthUser(old, next),
  },
  {
    name: 'DefaultSentinel',
    options: ['operator'],
    compare: ({ old, next }) => {
      if (old.operator?.defaultSentinel === next.operator?.defaultSentinel) return UNCHANGED
      // Whoever has the sentinel is let in, so nothing of it is shown.
      return { lines: ['Reloaded: default_sentinel'], changed: ['default_sentinel'] }
    },
  },
  {
    name: 'SystemAccount',
    options: ['systemAccount'],
    compare: ({ old, next }) => {
      const [before, after] = [configuredSystemAccount(old), configuredSystemAccount(next)]
      // Where neither file names one no_system_account is to blame, which comes next.
      return before === after ? UNCHANGED : refusal('SystemAccount', before, after)
    },
  },
  fixed('NoSystemAccount', 'noSystemAccount'),
  authorization('Username', 'user', 'authorization username'),
  authorization('Password', 'pass', 'authorization password'),
  {
    name: 'ProxyRequired',
    options: ['authorization'],
    compare: ({ old, next }) => {
      const [before, after] = [old.authorization.proxyRequired, next.authorization.proxyRequired]
      return before === after ? UNCHANGED : refusal('ProxyRequired', `${before}`, `${after}`)
    },
  },
  authorization('Authorization', 'token', 'authorization token'),
  {
    name: 'AuthCallout',
    options: ['authorization'],
    compare: ({ old, next }) => {
      const [before, after] = [old.authorization.authCallout, next.authorization.authCallout]
      if (isDeepStrictEqual(before, after)) return UNCHANGED
      return refusal('AuthCallout', calloutText(before), calloutText(after))
    },
  },
  {
    name: 'AuthTimeout',
    options: ['authorization'],
    compare: ({ old, next }) => {
      const { timeoutMs } = next.authorization
      if (timeoutMs === old.authorization.timeoutMs) return UNCHANGED
      const line = `Reloaded: authorization timeout = ${goSeconds(timeoutMs)}`
      return { lines: [line], changed: ['authorization.timeout'] }
    },
  },
  fixedInOperator('TrustedKeys', 'trustedKeys', goList),
  fixedInOperator('TrustedOperators', 'jwts', (jwts) => goList(jwts.map(() => STRUCTURE))),
  {
    name: 'AccountResolver',
    options: ['operator'],
    compare: ({ old, next }) => {
      const [before, after] = [old.operator?.resolver, next.operator?.resolver]
      if ((before === undefined) !== (after === undefined)) {
        return { refusal: 'config reload does not support moving to or from an account resolver' }
      }
      if (after === undefined) return UNCHANGED
      const parts = [
        ['resolver', before, after],
        ['resolver_preload', old.operator?.preload, next.operator?.preload],
        ['resolver_pinned_accounts', old.operator?.pinnedAccounts, next.operator?.pinnedAccounts],
      ] as const
      return {
        // No resolver is ever equal to another for nats-server.
        lines: ['Reloaded: accounts'],
        changed: parts.flatMap(([key, one, other]) => (isDeepStrictEqual(one, other) ? [] : [key])),
      }
    },
  },
  {
    name: 'AccountResolverTLSConfig',
    options: ['operator'],
    compare: ({ old, next }) =>
      isDeepStrictEqual(old.operator?.resolverTls, next.operator?.resolverTls)
        ? UNCHANGED
        : { lines: ['Reloaded: accounts'], changed: ['resolver_tls'] },
  },
  {
    name: 'Proxies',
    options: ['trustedProxies'],
    compare: ({ old, next }) => {
      const removed = missingIn(next.trustedProxies, old.trustedProxies)
      const added = missingIn(old.trustedProxies, next.trustedProxies)
      const line = (keys: readonly string[], what: string) => {
        if (keys.length === 0) return []
        return [`Reloaded: proxies trusted keys ${goList(keys.map(goQuote))} were ${what}`]
      }
      const lines = [...line(removed, 'removed'), ...line(added, 'added')]
      return { lines, changed: lines.length === 0 ? [] : ['proxies'] }
    },
  },
]

/** Trusted keys that are in `keys` and not in `others`. */
export function missingIn(others: readonly string[], keys: readonly string[]): readonly string[] {
  return keys.filter((key) => !others.includes(key))
}

/** Of these two nats-server says that it has reloaded them even if nothing differs. */
function told(what: string, changed: readonly string[]): FieldOutcome {
  return { lines: [`Reloaded: ${what}`], changed }
}

function byKey(users: Options['nkeys']): Options['nkeys'] {
  return [...users].sort((one, other) => (one.nkey < other.nkey ? -1 : 1))
}

/** Only a user who is gone may cease to be it. */
function noAuthUser(old: Options, next: Options): FieldOutcome {
  const [before, after] = [old.noAuthUser, next.noAuthUser]
  if (before === after) return UNCHANGED
  const isGone = !next.users.some(({ user }) => user === before)
  if (after === '' && isGone) return { lines: [], changed: ['no_auth_user'] }
  return refusal('NoAuthUser', before, after)
}

/** '' where it is there by default. */
function configuredSystemAccount({ systemAccount, accounts }: Options): string {
  const isNamed = accounts.some(({ name }) => name === SYSTEM_ACCOUNT)
  return systemAccount === SYSTEM_ACCOUNT && !isNamed ? '' : systemAccount
}

function authorization(name: string, option: 'user' | 'pass' | 'token', line: string): ReloadField {
  return {
    name,
    options: ['authorization'],
    compare: ({ old, next }) =>
      old.authorization[option] === next.authorization[option]
        ? UNCHANGED
        : { lines: [`Reloaded: ${line}`], changed: [`authorization.${option}`] },
  }
}

function calloutText(callout: AuthCalloutOptions | undefined): string {
  if (callout === undefined) return '<nil>'
  const { issuer, account, authUsers, xkey, allowedAccounts } = callout
  const fields = [issuer, account || GLOBAL_ACCOUNT, goList(authUsers), xkey]
  return `&${goStruct([...fields, goList(allowedAccounts)])}`
}

function fixedInOperator(
  name: string,
  option: 'jwts' | 'trustedKeys',
  show: (values: readonly string[]) => string,
): ReloadField {
  const valuesOf = (operator: OperatorOptions | undefined) => operator?.[option] ?? []
  return {
    name,
    options: ['operator'],
    compare: ({ old, next }) => {
      const [before, after] = [valuesOf(old.operator), valuesOf(next.operator)]
      return isDeepStrictEqual(before, after) ? UNCHANGED : refusal(name, show(before), show(after))
    },
  }
}
