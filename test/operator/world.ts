import { NkeyPair } from '../../src/auth/nkeys.ts'

/** What stands beside `nats` in a JWT; times are Unix seconds. */
export interface Draft {
  readonly exp?: number
  readonly nbf?: number
  readonly iat?: number
  readonly name?: string
  readonly [name: string]: unknown
}

export const NO_LIMITS = { subs: -1, data: -1, payload: -1 }
const ACCOUNT_LIMITS = {
  ...NO_LIMITS,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
export const nowS = (): number => Math.floor(Date.now() / 1000)

/** Signs any claims; `iss`, `iat` and `jti` are there unless written. */
export function mint(issuer: NkeyPair, draft: Draft & { nats: object }): string {
  const body = { jti: 'ID', iat: nowS(), iss: issuer.publicKey, ...draft }
  const text = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode(body)}`
  return `${text}.${issuer.sign(text)}`
}

/** A user: what it presents, and what it signs with. */
export interface User {
  readonly keys: NkeyPair
  readonly jwt: string
}

/** An account whose claims a test writes as it goes. */
export class TestAccount {
  readonly keys = NkeyPair.generate('account')
  readonly name: string
  readonly #issuer: NkeyPair

  constructor(name: string, issuer: NkeyPair) {
    this.name = name
    this.#issuer = issuer
  }

  get publicKey(): string {
    return this.keys.publicKey
  }

  /** The account JWT; `limits` are added to those that there are not. */
  jwt(
    { limits = {}, ...nats }: { limits?: object; [name: string]: unknown } = {},
    draft: Draft = {},
    issuer = this.#issuer,
  ): string {
    const claims = {
      limits: { ...ACCOUNT_LIMITS, ...limits },
      ...nats,
      type: 'account',
      version: 2,
    }
    return mint(issuer, { sub: this.publicKey, name: this.name, ...draft, nats: claims })
  }

  user(nats: object = {}, draft: Draft = {}, keys = NkeyPair.generate('user')): User {
    const claims = { ...NO_LIMITS, ...nats, type: 'user', version: 2 }
    return {
      keys,
      jwt: mint(this.keys, { sub: keys.publicKey, name: 'bob', ...draft, nats: claims }),
    }
  }

  /** A user that a signing key has signed; with `isScoped` it carries no limits of its own. */
  signedUser(
    signer: NkeyPair,
    {
      isScoped = false,
      nats = {},
      draft = {},
    }: { isScoped?: boolean; nats?: object; draft?: Draft } = {},
  ): User {
    const keys = NkeyPair.generate('user')
    const limits = isScoped ? { subs: 0, data: 0, payload: 0 } : NO_LIMITS
    const claims = { ...limits, ...nats, issuer_account: this.publicKey, type: 'user', version: 2 }
    return { keys, jwt: mint(signer, { sub: keys.publicKey, name: 'bob', ...draft, nats: claims }) }
  }

  /** Permission for another account to import something of this one. */
  activation(
    importer: TestAccount,
    kind: 'stream' | 'service',
    subject: string,
    draft: Draft = {},
  ) {
    const nats = { subject, kind, type: 'activation', version: 2 }
    return mint(this.keys, { sub: importer.publicKey, name: subject, ...draft, nats })
  }
}

/** An operator with its system account. */
export class World {
  readonly operator = NkeyPair.generate('operator')
  readonly signingKey = NkeyPair.generate('operator')
  readonly system: TestAccount
  readonly #accounts: TestAccount[] = []
  readonly #isStrict: boolean

  constructor({ isStrict = false }: { isStrict?: boolean } = {}) {
    this.#isStrict = isStrict
    this.system = new TestAccount('SYS', this.signingKey)
  }

  account(name: string, issuer = this.signingKey): TestAccount {
    const account = new TestAccount(name, issuer)
    this.#accounts.push(account)
    return account
  }

  get operatorJwt(): string {
    const nats = {
      signing_keys: [this.signingKey.publicKey],
      system_account: this.system.publicKey,
      ...(this.#isStrict ? { strict_signing_key_usage: true } : {}),
      type: 'operator',
      version: 2,
    }
    return mint(this.operator, { sub: this.operator.publicKey, name: 'OP', nats })
  }

  /** Configuration with all accounts in memory. @param jwts in place of plain ones, by account */
  memoryConfig(jwts: ReadonlyMap<TestAccount, string> = new Map()): string {
    const accounts = [this.system, ...this.#accounts].map(
      (account) => `${account.publicKey}: ${jwts.get(account) ?? account.jwt()}`,
    )
    return `operator: ${this.operatorJwt}
      resolver: MEMORY
      resolver_preload: {\n${accounts.join('\n')}\n}\n`
  }

  /** Configuration with a directory that has the system account at the start. */
  directoryConfig(directory: string, { kind = 'full', more = '', preload = true } = {}): string {
    const known = `resolver_preload: { ${this.system.publicKey}: ${this.system.jwt()} }`
    return `operator: ${this.operatorJwt}
      resolver: { type: ${kind}, dir: '${directory}', ${more} }
      ${preload ? known : ''}\n`
  }
}
