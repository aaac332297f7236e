import type { PermissionOptions, RateOptions } from '../config/account-types.ts'
import type { ViolationName } from '../protocol/violations.ts'
import { decodeRawUrlBase64 } from './go-base64.ts'
import {
  type Identity,
  type LoginNotice,
  type LoginRequest,
  NOBODY,
  type Verdict,
} from './login.ts'
import { decodeSignature, isPublicKey, verifySignature } from './nkeys.ts'
import type { BcryptAsker } from './password.ts'
import { shownUser } from './presented.ts'

/** What somebody presents; parts of it are filled in for who presents nothing. */
export interface Presented {
  nkey: string
  user: string
  pass: string
  token: string
  /** '' outside operator mode. */
  jwt: string
  /** Of the user in the JWT, once it was found right. */
  publicKey: string
}

/** How a login ends before an auth callout has been asked. */
export interface Outcome {
  readonly attempt: LoginAttempt
  readonly verdict: Verdict
  /** Of the account whose user this is, when that has others ask who its users are. */
  readonly external?: ExternalAuthority | undefined
}

/** The `authorization` section of an account JWT. */
export interface ExternalAuthority {
  /** Public key of the account. */
  readonly account: string
  readonly authUsers: readonly string[]
  readonly allowedAccounts: readonly string[]
  /** Public curve key that requests are sealed for; '' = in clear. */
  readonly xkey: string
  readonly defaultPermissions: PermissionOptions | undefined
}

export type MaybeLater<T> = T | Promise<T>

/** Goes on at once, or when the promise has come to its end. */
export function settle<T, R>(
  value: MaybeLater<T>,
  next: (value: T) => MaybeLater<R>,
): MaybeLater<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}

type Proxy = 'none' | 'trusted' | 'not trusted'

/** One login, from what CONNECT says to what has become of it. */
export class LoginAttempt {
  readonly request: LoginRequest
  readonly presented: Presented
  readonly notices: LoginNotice[] = []
  /** Key of the trusted proxy it came through; '' = none. */
  proxyKey = ''
  /** Whoever it was found to be must come through a trusted proxy. */
  proxyRequired = false
  /** Presents nothing and is taken for a user all the same. */
  isPresumed = false

  constructor(request: LoginRequest, isOperatorMode: boolean) {
    const { nkey, user, pass, authToken, jwt } = request.connect
    this.request = request
    this.presented = {
      nkey,
      user,
      pass,
      token: authToken,
      jwt: isOperatorMode ? jwt : '',
      publicKey: '',
    }
  }

  /** Nothing but, perhaps, a JWT or a proxy's signature. */
  get isAnonymous(): boolean {
    const { user, pass, token } = this.presented
    return user === '' && pass === '' && token === ''
  }

  get asker(): BcryptAsker {
    const { host, cid, deadlineMs = 0 } = this.request
    return { address: host, connection: cid, deadlineMs }
  }

  debug(text: string): void {
    this.notices.push({ level: 'debug', text })
  }

  /** Looks for the trusted proxy that has signed the nonce. */
  findProxy(trustedKeys: readonly string[]): Proxy {
    const { connect, nonce } = this.request
    if (connect.proxySig === '' || trustedKeys.length === 0) return 'none'
    const signature = decodeRawUrlBase64(connect.proxySig)
    if (!signature.ok) this.debug('Proxy signature not valid base64')
    const bytes = Buffer.from(nonce)
    const key =
      signature.ok && nonce !== ''
        ? trustedKeys.find((trusted) => verifySignature(trusted, bytes, signature.bytes))
        : undefined
    if (key === undefined) return 'not trusted'
    this.proxyKey = key
    return 'trusted'
  }

  /** @param isNeeded by whom it was found to be */
  lacksProxy(isNeeded: boolean): boolean {
    this.proxyRequired = isNeeded
    return isNeeded && this.proxyKey === ''
  }

  /** @returns what is wrong with the signature of the nonce, undefined = nothing */
  signatureFault(publicKey: string): string | undefined {
    const { connect, nonce } = this.request
    if (connect.sig === '') return 'Signature missing'
    const signature = decodeSignature(connect.sig)
    if (signature === undefined) return 'Signature not valid base64'
    if (!isPublicKey(publicKey, 'user')) return 'User nkey not valid'
    const isRight = nonce !== '' && verifySignature(publicKey, Buffer.from(nonce), signature)
    return isRight ? undefined : 'Signature not verified'
  }

  admit(account: string, permissions: PermissionOptions | undefined, user?: RateOptions): Outcome {
    const identity: Identity = {
      ...NOBODY,
      account,
      user: shownUser(this.presented),
      nkey: this.presented.nkey,
      permissions,
      rate: rateOf(user),
      proxyKey: this.proxyKey,
    }
    return this.end({ ok: true, identity })
  }

  refuse(reason: string, why: ViolationName = 'authorization'): Outcome {
    return this.end({ ok: false, why, reason })
  }

  end(verdict: Verdict): Outcome {
    return { attempt: this, verdict }
  }
}

function rateOf(user: RateOptions | undefined): RateOptions | undefined {
  if (user === undefined) return undefined
  const { maxMsgsPerSecond, maxBytesPerSecond } = user
  const isLimited = maxMsgsPerSecond > 0 || maxBytesPerSecond > 0
  return isLimited ? { maxMsgsPerSecond, maxBytesPerSecond } : undefined
}
