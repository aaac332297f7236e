import { createHash } from 'node:crypto'
import { createAccount, createOperator, createUser, type KeyPair } from '@nats-io/nkeys'

/** What a user may do, as in the claims of a JWT. */
export interface Permission {
  readonly allow?: readonly string[]
  readonly deny?: readonly string[]
}

const NO_LIMITS = { subs: -1, data: -1, payload: -1 }
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

/** An operator with one account for users and one for the system, for tests only. */
export class TrustChain {
  readonly #operator = createOperator()
  readonly #account = createAccount()
  readonly #system = createAccount()

  /** For the configuration of nats-server. */
  get serverConfig(): string {
    const accounts = [this.#account, this.#system].map((account) => {
      const limits = { ...NO_LIMITS, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 }
      const jwt = sign('test account', 'account', account.getPublicKey(), this.#operator, {
        limits,
      })
      return `${account.getPublicKey()}: ${jwt}`
    })
    const self = this.#operator.getPublicKey()
    return `
      operator: ${sign('test operator', 'operator', self, this.#operator, {})}
      system_account: ${this.#system.getPublicKey()}
      resolver: MEMORY
      resolver_preload: { ${accounts.join('\n')} }
    `
  }

  /** Text of a credentials file. */
  credentials(pub: Permission = {}, sub: Permission = {}): string {
    const user = createUser()
    const jwt = sign('test user', 'user', user.getPublicKey(), this.#account, {
      pub,
      sub,
      ...NO_LIMITS,
    })
    return [
      '-----BEGIN NATS USER JWT-----',
      jwt,
      '------END NATS USER JWT------',
      '',
      '-----BEGIN USER NKEY SEED-----',
      textOf(user.getSeed()),
      '------END USER NKEY SEED------',
      '',
    ].join('\n')
  }
}

function sign(
  name: string,
  type: string,
  subject: string,
  issuer: KeyPair,
  claims: object,
): string {
  const body = {
    iat: Math.floor(Date.now() / 1000),
    iss: issuer.getPublicKey(),
    jti: createHash('sha256').update(subject).digest('hex'),
    name,
    nats: { ...claims, type, version: 2 },
    sub: subject,
  }
  const text = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode(body)}`
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString('base64url')}`
}
