import type { ConnectionType, NkeyUserOptions, UserOptions } from '../config/account-types.ts'
import { type DistinguishedName, parseDistinguishedName } from './distinguished-name.ts'
import { createSecretCheck, isBcrypt, type SecretCheck, type VerifyBcrypt } from './password.ts'

/** A user of the configuration, its password ready to be compared. */
export interface KnownUser {
  readonly options: UserOptions
  readonly check: SecretCheck
}

interface NamedUser {
  readonly user: KnownUser
  readonly name: DistinguishedName
}

/** Users of the configuration by name. Of two with the same name the later counts. */
export class UserTable {
  readonly #users: ReadonlyMap<string, UserOptions>
  readonly #nkeys: ReadonlyMap<string, NkeyUserOptions>
  readonly #verifyBcrypt: VerifyBcrypt
  /** Those who have logged in or tried to: there may be thousands who never come here. */
  readonly #known = new Map<string, KnownUser>()
  /** Made when the first certificate asks. */
  #named: readonly NamedUser[] | undefined
  /**
   * Compared for names that nobody has: whoever has a bcrypt password must not be told from nobody
   * by the time of the answer. Undefined when no password takes time.
   */
  readonly decoy: SecretCheck | undefined

  constructor(
    users: readonly UserOptions[],
    nkeys: readonly NkeyUserOptions[],
    verifyBcrypt: VerifyBcrypt,
  ) {
    this.#verifyBcrypt = verifyBcrypt
    this.#users = new Map(users.map((options) => [options.user, options]))
    this.#nkeys = new Map(nkeys.map((options) => [options.nkey, options]))
    const slow = users.find(({ pass }) => isBcrypt(pass))
    this.decoy = slow && createSecretCheck(slow.pass, verifyBcrypt)
  }

  get hasUsers(): boolean {
    return this.#users.size > 0
  }

  get hasNkeys(): boolean {
    return this.#nkeys.size > 0
  }

  user(name: string): KnownUser | undefined {
    const options = this.#users.get(name)
    if (options === undefined) return undefined
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const created = { options, check: createSecretCheck(options.pass, this.#verifyBcrypt) }
    this.#known.set(name, created)
    return created
  }

  nkey(publicKey: string): NkeyUserOptions | undefined {
    return this.#nkeys.get(publicKey)
  }

  /** Users whose name is that of a certificate's subject. */
  get named(): readonly NamedUser[] {
    this.#named ??= [...this.#users.keys()].flatMap((text) => {
      const name = parseDistinguishedName(text)
      return name === undefined ? [] : [{ user: this.user(text)!, name }]
    })
    return this.#named
  }
}

export function isTypeAllowed(
  { connectionTypes }: { readonly connectionTypes: readonly ConnectionType[] },
  type: ConnectionType,
): boolean {
  return connectionTypes.length === 0 || connectionTypes.includes(type)
}
