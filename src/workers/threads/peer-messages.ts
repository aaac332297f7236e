import type { AskedIn, Identity, LoginNotice, LoginRequest } from '../../auth/login.ts'
import type { PermissionOptions, TraceDestination } from '../../config/account-types.ts'
import type { ConnectionEnd } from '../../monitor/events/advisories.ts'
import type { ViolationName } from '../../protocol/violations.ts'
import type { ClientInfo } from '../../router/accounts/client-info.ts'
import type { VerifiedPassword } from '../accounts/verified-passwords.ts'
import type { GrantedRate } from '../clients/ingress-budgets.ts'
import type { LoginManner } from '../clients/logins.ts'
import type { EndPlace } from '../system/connection-events.ts'

/**
 * What a connection may do, as the routing worker grants it. Addresses are in the sublist's memory,
 * and die with the routing worker: its successor grants anew (`rejoin`).
 */
export interface Grant {
  readonly identity: Identity
  /** Number of the account, see ACCOUNT_NUMBER. */
  readonly account: number
  readonly accountName: string
  /** Name in the account JWT; '' = none. */
  readonly accountTag: string
  readonly isSystemAccount: boolean
  /** See CONNECTION_PLAN_KEY. */
  readonly planKey: number
  /** What may be published, and what must not be delivered; 0 = no restriction. */
  readonly incoming: number
  readonly outgoing: number
  /** In force, defaults included. */
  readonly permissions: PermissionOptions | undefined
  /** Numbers of the accounts whose services may be asked; see ServiceImports.listenTo. */
  readonly exporters: readonly number[]
  /** The strictest of server, account and user; -1 = none. */
  readonly maxPayload: number
  readonly maxSubscriptions: number
  /** Of its user and of its account, where they have any. */
  readonly rates: readonly GrantedRate[]
  /** Where the account wants messages with `traceparent` to be traced to. */
  readonly trace: TraceDestination | undefined
  /** Unix time in ms at which the connection ends; 0: never. `expiry` says whose end it is. */
  readonly expiresMs: number
  readonly expiry: 'userExpired' | 'accountExpired'
}

/** Answer to a login. */
export type LoginAnswer = { readonly notices?: readonly LoginNotice[] | undefined } & (
  | {
      readonly ok: true
      readonly grant: Grant
      readonly verified?: VerifiedPassword | undefined
    }
  | {
      readonly ok: false
      readonly why: ViolationName
      /** For the log, of level error and debug; '' = nothing. */
      readonly log: string
      readonly reason: string
      /** That has turned it away. */
      readonly account?: string | undefined
      /** In which an auth callout was asked; that one is told why it failed. */
      readonly askedIn?: AskedIn | undefined
    }
)

/** A login that has been granted, told to a new routing worker. */
export interface StandingLogin {
  readonly request: LoginRequest
  readonly identity: Identity
  readonly accountName: string
  /** Unix time at which it connected. */
  readonly startMs: number
  /** With which bcrypt hash it was let in, so that nobody has to compute that again. */
  readonly verified?: VerifiedPassword | undefined
}

/** What two threads tell each other about single clients. Everything about messages is in lanes. */
export type PeerMessage =
  // From protocol workers to the routing worker.
  | {
      readonly type: 'login'
      readonly id: number
      readonly request: LoginRequest
      readonly how: LoginManner
      /** Unix time at which it connected. */
      readonly startMs: number
    }
  | { readonly type: 'logout'; readonly cid: number }
  | { readonly type: 'rejoin'; readonly logins: readonly StandingLogin[] }
  /** What `rejoined` granted is in force: the slots of the thread may be read. */
  | { readonly type: 'rejoinDone' }
  /** To `pace`. */
  | { readonly type: 'paced'; readonly id: number }
  /** Events that somebody in the system account listens to. */
  | { readonly type: 'connected'; readonly client: ClientInfo }
  | { readonly type: 'disconnected'; readonly end: ConnectionEnd }
  | { readonly type: 'loginFailed'; readonly end: ConnectionEnd; readonly place: EndPlace }
  // From the routing worker to protocol workers.
  | { readonly type: 'loggedIn'; readonly id: number; readonly answer: LoginAnswer }
  | { readonly type: 'rejoined'; readonly grants: readonly (readonly [number, Grant])[] }
  /** Something about a connection has changed: the account's limits, or its permissions. */
  | { readonly type: 'regranted'; readonly cid: number; readonly grant: Grant }
  | {
      readonly type: 'evicted'
      readonly cid: number
      readonly why: ViolationName
      /** For the log, at level error; '' = only what the client is told. */
      readonly log: string
    }
  /** Answered when all that came before has been taken in; see Pacer. */
  | { readonly type: 'pace'; readonly id: number }
