import { type Callout, createCallout } from '../../auth/auth-callout.ts'
import { type Authority, createAuthority } from '../../auth/authority.ts'
import { authoritySettings } from '../../auth/authority-settings.ts'
import { NkeyPair } from '../../auth/nkeys.ts'
import type { VerifyBcrypt } from '../../auth/password.ts'
import { UserTable } from '../../auth/user-table.ts'
import { CurvePair } from '../../auth/xkeys.ts'
import { NATS_VERSION } from '../../base/version.ts'
import type { AccountOptions } from '../../config/account-types.ts'
import { setHeader } from '../../router/accounts/message-headers.ts'
import type { SystemClient } from '../system/system-client.ts'
import type { ThreadSettings } from '../threads/thread-settings.ts'
import type { OperatorAccounts } from './operator-accounts.ts'

const NO_HEADERS = new Uint8Array(0)

/** Who may connect, by each kind of listener. */
export type Authorities = Readonly<Record<'client' | 'websocket' | 'leaf', Authority>>

/** What the routing worker gives for them. */
export interface AuthorityTools {
  readonly verifyBcrypt: VerifyBcrypt
  /** Undefined: no operator mode. */
  readonly operator: OperatorAccounts | undefined
  /** Of an account that is known. */
  optionsOf(account: string): AccountOptions | undefined
  /** The broker's own client in an account that is known. */
  clientOf(account: string): SystemClient | undefined
}

export function createAuthorities(settings: ThreadSettings, tools: AuthorityTools): Authorities {
  const rules = authoritySettings(settings.options, settings.implicitUser)
  const { verifyBcrypt, operator } = tools
  const parts = {
    verifyBcrypt,
    table: new UserTable(rules.users, rules.nkeys, verifyBcrypt),
    jwt: operator?.authority,
    callout: calloutOf(settings, tools),
  }
  return {
    client: createAuthority('client', rules, parts),
    websocket: createAuthority('websocket', rules, parts),
    leaf: createAuthority('leaf', rules, parts),
  }
}

function calloutOf(settings: ThreadSettings, tools: AuthorityTools): Callout | undefined {
  const { options, identity, serverName } = settings
  const { operator } = tools
  const { authCallout, timeoutMs } = options.authorization
  if (authCallout === undefined && operator === undefined) return undefined
  const keys = NkeyPair.fromSeed(identity.seed, ['server'])
  const curve = CurvePair.fromSeed(identity.curveSeed)
  if (keys === undefined || curve === undefined) throw new TypeError('the server has no keys')
  return createCallout({
    options: authCallout,
    server: {
      name: serverName,
      host: options.host,
      id: identity.id,
      version: NATS_VERSION,
      cluster: '',
      tags: options.serverTags,
    },
    keys,
    curve,
    timeoutMs,
    nowMs: Date.now,
    ask: async ({ account, subject, payload, header }, limitMs) => {
      const client = tools.clientOf(account)
      if (client === undefined) throw new Error(`account ${account} is not known`)
      const headers =
        header === undefined ? NO_HEADERS : setHeader(NO_HEADERS, header.name, header.value)
      return (await client.request({ subject, headers, payload }, limitMs))?.payload
    },
    accounts: {
      configured: (name) => tools.optionsOf(name),
      claims: (publicKey) => operator?.lookup(publicKey),
      issuerOf: (account, key) =>
        operator?.authority.issuerOf(account, key) ?? { isKnown: false, scope: undefined },
    },
  })
}
