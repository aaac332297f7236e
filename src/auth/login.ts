import type { ConnectionType, PermissionOptions, RateOptions } from '../config/account-types.ts'
import type { ConnectOptions } from '../protocol/connect.ts'
import type { ViolationName } from '../protocol/violations.ts'

/** What TLS has shown of a client; all of it plain data, so that it can be sent between threads. */
export interface TlsFacts {
  /** Go's names, `1.3` and `TLS_AES_128_GCM_SHA256`. */
  readonly version: string
  readonly cipher: string
  /**
   * Names in the client's certificate, best first, see certificateNames; empty without one.
   */
  readonly names: readonly string[]
  /** How many of `names`, from the first, are no subject: e-mail addresses, DNS names, URIs. */
  readonly alternativeNames?: number
  /** Subject of the certificate, its parts in the order of the certificate. */
  readonly subject?: readonly (readonly SubjectAttribute[])[]
  /** The client's certificates as PEM, its own first. */
  readonly certificates: readonly string[]
  /** Whether they were verified. */
  readonly isVerified: boolean
}

/** One `CN=x` in a certificate; a part of a subject may have several. */
export interface SubjectAttribute {
  /** Object identifier, `2.5.4.3`. */
  readonly type: string
  readonly value: string
}

/** Everything that decides whether a connection is let in. Plain data. */
export interface LoginRequest {
  readonly cid: number
  readonly connectionType: ConnectionType
  /** Address of the peer, without port. */
  readonly host: string
  /** What INFO told; '' = none. */
  readonly nonce: string
  /** Unix time in ms at which the authentication timeout ends; absent: never. */
  readonly deadlineMs?: number
  readonly connect: Pick<
    ConnectOptions,
    | 'user'
    | 'pass'
    | 'authToken'
    | 'nkey'
    | 'sig'
    | 'jwt'
    | 'proxySig'
    | 'name'
    | 'lang'
    | 'version'
    | 'protocol'
  >
  readonly tls: TlsFacts | undefined
}

/** Who somebody has turned out to be. Plain data. */
export interface Identity {
  /** Name of the account, or its public key in operator mode. */
  readonly account: string
  /** As events and the monitor show it: name, public key, or a token in brackets. */
  readonly user: string
  /** Public user key; '' = none. */
  readonly nkey: string
  /** Undefined: everything is permitted, unless the account has default permissions. */
  readonly permissions: PermissionOptions | undefined
  /** Of the user; -1 = none. */
  readonly maxPayload: number
  readonly maxSubscriptions: number
  /** Of all its clients together, undefined = no limit. */
  readonly rate: RateOptions | undefined
  /** Unix time in ms at which the login ends; 0: never. */
  readonly expiresMs: number
  /** User JWT and what is in it; '' and empty outside operator mode. */
  readonly jwt: string
  readonly issuerKey: string
  readonly nameTag: string
  readonly tags: readonly string[]
  /** Unix time in s at which the JWT was issued; 0 without. */
  readonly issuedAt: number
  /** Key of the trusted proxy that the connection came through; '' = none. */
  readonly proxyKey: string
}

/** What somebody presents who presents nothing. */
export const NO_CREDENTIALS: LoginRequest['connect'] = {
  user: '',
  pass: '',
  authToken: '',
  nkey: '',
  sig: '',
  jwt: '',
  proxySig: '',
  name: '',
  lang: '',
  version: '',
  protocol: 0,
}

/** The part of CONNECT that decides about a login. */
export function credentialsOf(options: ConnectOptions): LoginRequest['connect'] {
  const { user, pass, authToken, nkey, sig, jwt, proxySig, name, lang, version, protocol } = options
  return { user, pass, authToken, nkey, sig, jwt, proxySig, name, lang, version, protocol }
}

/** Nobody in particular, in no account yet, without limits. */
export const NOBODY: Identity = {
  account: '',
  user: '',
  nkey: '',
  permissions: undefined,
  maxPayload: -1,
  maxSubscriptions: -1,
  rate: undefined,
  expiresMs: 0,
  jwt: '',
  issuerKey: '',
  nameTag: '',
  tags: [],
  issuedAt: 0,
  proxyKey: '',
}

/** A line for the log. */
export interface LoginNotice {
  readonly level: 'debug' | 'warn' | 'error'
  /** About the server: without the prefix of the connection. */
  readonly ofServer?: true
  readonly text: string
}

/** Account in which an auth callout was asked, and what that is told of its refusal. */
export interface AskedIn {
  readonly account: string
  readonly why: string
}

export type Verdict =
  | {
      readonly ok: true
      readonly identity: Identity
      readonly notices?: readonly LoginNotice[]
    }
  | {
      readonly ok: false
      readonly why: ViolationName
      /** For the log, at level debug, and for the event about it; never a secret. */
      readonly reason: string
      /** For the log, at level error: `authentication error - User "bob"`. */
      readonly log?: string
      readonly askedIn?: AskedIn
      readonly notices?: readonly LoginNotice[]
    }
