import type { AccountClaims } from '../../auth/jwt/claims.ts'
import type { AccountLimits, AccountOptions } from '../../config/account-types.ts'
import { NO_RATE } from '../../config/rate-table.ts'
import { createMappings } from '../../router/accounts/subject-mappings.ts'
import type { Login } from './login.ts'

const NO_LIMITS: AccountLimits = {
  maxConnections: -1,
  maxLeafnodes: -1,
  maxSubscriptions: -1,
  maxPayload: -1,
  ...NO_RATE,
}

const NO_MAPPINGS = createMappings([], '').mappings

/** Options of an account that nothing is said about. */
export function plainAccount(name: string): AccountOptions {
  return {
    name,
    nkey: '',
    exports: [],
    imports: [],
    mappings: [],
    limits: NO_LIMITS,
    defaultPermissions: undefined,
    trace: undefined,
  }
}

/** One account, on the routing worker. */
export class Account {
  /** Name, or public key in operator mode. */
  readonly name: string
  /** See ACCOUNT_NUMBER; never given to another account while the server runs. */
  readonly number: number
  options: AccountOptions
  /** When its options were put in force; Unix time. */
  updatedMs = Date.now()
  mappings = NO_MAPPINGS
  /** Address of the mappings' block, 0 = none. */
  mappingsBlock = 0
  /** In operator mode. */
  claims: AccountClaims | undefined
  /** Connections, leaf links included, oldest first. */
  readonly logins = new Map<number, Login>()
  leafCount = 0
  /** It has got what every account imports from the system account. */
  hasSystemImports = false

  constructor(name: string, number: number) {
    this.name = name
    this.number = number
    this.options = plainAccount(name)
  }

  /** Unix time in ms; 0: never. */
  get expiresMs(): number {
    return (this.claims?.expires ?? 0) * 1000
  }
}
