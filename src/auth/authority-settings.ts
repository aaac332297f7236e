import type {
  AccountOptions,
  ConnectionType,
  NkeyUserOptions,
  PermissionOptions,
  UserOptions,
} from '../config/account-types.ts'
import { NO_RATE } from '../config/rate-table.ts'
import { randomBase62 } from '../protocol/nuid.ts'
import { isBcrypt } from './password.ts'
import { effectivePermissions } from './permissions.ts'

/** Name of the account of everybody who is given none. */
/** One user, or one token, for all. A token decides alone when it is there. */
export interface SingleUser {
  readonly user: string
  readonly pass: string
  readonly token: string
}

export interface LeafUser {
  readonly user: string
  readonly pass: string
  readonly account: string
  readonly proxyRequired: boolean
}

/** What of a listener decides who may come in by it. */
interface ListenerSettings {
  readonly isOpen: boolean
  /** `verify_and_map` */
  readonly mapsCertificates: boolean
}

/** Everything of the configuration that decides about logins. Plain data. */
export interface AuthoritySettings {
  /** Permissions are those in force, defaults included. */
  readonly users: readonly UserOptions[]
  readonly nkeys: readonly NkeyUserOptions[]
  /** User, by name or public key, that who presents nothing is taken for. */
  readonly noAuthUser: string
  /** Name of the user made for clients where only the system account has users; '' = none. */
  readonly implicitUser: string
  readonly single: SingleUser
  /** The single user, or the token, is taken from trusted proxies only. */
  readonly proxyRequired: boolean
  readonly trustedProxies: readonly string[]
  readonly isOperatorMode: boolean
  readonly client: ListenerSettings
  readonly websocket: ListenerSettings & {
    /** `verify`; leaf nodes that come this way may be mapped by the leafnodes block. */
    readonly asksCertificates: boolean
    readonly single: SingleUser
    readonly noAuthUser: string
  }
  readonly leaf: ListenerSettings & {
    readonly user: string
    readonly pass: string
    readonly nkey: string
    readonly account: string
    readonly users: readonly LeafUser[]
    readonly proxyRequired: boolean
  }
}

interface TlsBlock {
  readonly verify: boolean
  readonly verifyAndMap: boolean
}

/** The part of Options that this is made from. */
export interface LoginOptions {
  readonly port: number
  readonly users: readonly UserOptions[]
  readonly nkeys: readonly NkeyUserOptions[]
  readonly accounts: readonly Pick<AccountOptions, 'name' | 'defaultPermissions'>[]
  readonly authorization: SingleUser & {
    readonly defaultPermissions: PermissionOptions | undefined
    readonly proxyRequired: boolean
  }
  readonly noAuthUser: string
  readonly systemAccount: string
  readonly operator: object | undefined
  readonly trustedProxies: readonly string[]
  readonly tls: TlsBlock | undefined
  readonly websocket: {
    readonly port: number
    readonly tls: TlsBlock | undefined
    readonly authorization: SingleUser
    readonly noAuthUser: string
  }
  readonly leafnodes: {
    readonly port: number
    readonly tls: TlsBlock | undefined
    readonly authorization: Omit<AuthoritySettings['leaf'], keyof ListenerSettings>
  }
}

const NAME_LENGTH = 8
const IMPLICIT_PREFIX = 'nats-'

/** `nats-` and eight characters that nobody can guess; to be made once, for all threads. */
export function createImplicitUserName(): string {
  return IMPLICIT_PREFIX + randomBase62(NAME_LENGTH)
}

/** @param implicitUser of createImplicitUserName() where nobody else would get in, else '' */
export function authoritySettings(options: LoginOptions, implicitUser: string): AuthoritySettings {
  const { authorization, websocket, leafnodes } = options
  const defaults = new Map(options.accounts.map((one) => [one.name, one.defaultPermissions]))
  // Who is in no account is in the authorization block, whose defaults are for nobody else.
  const withPermissions = <User extends UserOptions | NkeyUserOptions>(user: User): User => ({
    ...user,
    permissions: effectivePermissions(
      user.permissions,
      user.account === '' ? authorization.defaultPermissions : defaults.get(user.account),
    ),
  })
  const implicit = implicitUser === '' ? [] : [implicitUserOptions(implicitUser)]
  return {
    users: [...options.users.map(withPermissions), ...implicit],
    nkeys: options.nkeys.map(withPermissions),
    noAuthUser: implicitUser || options.noAuthUser,
    implicitUser,
    single: singleOf(authorization),
    proxyRequired: authorization.proxyRequired,
    trustedProxies: options.trustedProxies,
    isOperatorMode: options.operator !== undefined,
    client: listenerOf(options),
    websocket: {
      ...listenerOf(websocket),
      asksCertificates: websocket.tls?.verify === true || websocket.tls?.verifyAndMap === true,
      single: singleOf(websocket.authorization),
      noAuthUser: websocket.noAuthUser,
    },
    leaf: { ...leafnodes.authorization, ...listenerOf(leafnodes) },
  }
}

function singleOf({ user, pass, token }: SingleUser): SingleUser {
  return { user, pass, token }
}

function listenerOf({ port, tls }: { port: number; tls: TlsBlock | undefined }): ListenerSettings {
  return { isOpen: port !== 0, mapsCertificates: tls?.verifyAndMap ?? false }
}

/** As in nats-server, its password is what follows the first of the eight characters. */
function implicitUserOptions(user: string): UserOptions {
  return {
    user,
    pass: user.slice(IMPLICIT_PREFIX.length + 1),
    account: '',
    permissions: undefined,
    connectionTypes: [],
    proxyRequired: false,
    ...NO_RATE,
  }
}

/** The listeners; `leaf`: leaf nodes, however they come. */
export type ListenerName = 'client' | 'websocket' | 'leaf'

/** What a listener asks of those who connect, as INFO and the time to log in need it. */
export interface ListenerTerms {
  /** CONNECT has to come first, and in time; without it everybody is let in. */
  readonly required: boolean
  /** INFO says auth_required. */
  readonly showsRequired: boolean
  /** INFO has a nonce to be signed. */
  readonly showsNonce: boolean
  /** Somebody who says something else than CONNECT may be let in. */
  readonly takesSilent: boolean
}

/** Whether the websocket block stands in place of what is asked of other clients. */
export function hasOwnLogin({ websocket }: AuthoritySettings): boolean {
  return isNamed(websocket.single) || websocket.noAuthUser !== ''
}

/** Whether the leafnodes block names anybody; else leaf nodes are let in as clients are. */
export function namesLeafs({ leaf }: Pick<AuthoritySettings, 'leaf'>): boolean {
  return leaf.user !== '' || leaf.nkey !== '' || leaf.users.length > 0
}

/** Whether clients of a listener, or leafs that are taken for clients, have to log in. */
export function isLoginRequired(listener: ListenerName, settings: AuthoritySettings): boolean {
  const { users, nkeys, isOperatorMode, single } = settings
  const hasTable = users.length > 0 || nkeys.length > 0
  const isOwn = listener === 'websocket' && hasOwnLogin(settings)
  return isOperatorMode || hasTable || isNamed(single) || isOwn
}

/** To be had without the tables that a decision needs: threads that decide nothing ask for it. */
export function listenerTerms(listener: ListenerName, settings: AuthoritySettings): ListenerTerms {
  const { noAuthUser, implicitUser, nkeys, isOperatorMode, trustedProxies, websocket } = settings
  const isOwnLeaf = listener === 'leaf' && namesLeafs(settings)
  const required = isOwnLeaf || isLoginRequired(listener, settings)
  const isHidden = listener === 'client' && noAuthUser !== '' && noAuthUser !== implicitUser
  return {
    required,
    showsRequired: required && !isHidden,
    showsNonce:
      listener === 'leaf' || nkeys.length > 0 || isOperatorMode || trustedProxies.length > 0,
    takesSilent: noAuthUser !== '' || websocket.noAuthUser !== '',
  }
}

/** Whether a user, or a token, is given. */
function isNamed({ user, token }: SingleUser): boolean {
  return user !== '' || token !== ''
}

/** WRN at start when hasPlaintextPassword() holds. Source: nats-server. */
export const PLAINTEXT_PASSWORD_WARNING = 'Plaintext passwords detected, use nkeys or bcrypt'

/**
 * Plain tokens do not count: nats-server warns of passwords only. Nor do users without a password
 * who have a certificate, nor the passwords of the leafnodes and websocket blocks.
 */
export function hasPlaintextPassword(settings: AuthoritySettings): boolean {
  const { single, users, implicitUser, isOperatorMode } = settings
  if (single.pass !== '' && !isBcrypt(single.pass)) return true
  return (
    !isOperatorMode &&
    users.some((user) => {
      if (user.user === implicitUser || isBcrypt(user.pass)) return false
      return user.pass !== '' || !isCertificateUser(settings, user)
    })
  )
}

/**
 * Whether there is a listener on which a certificate may lead to this user. Without a password the
 * user is then for certificates only: two empty passwords are not to be found equal.
 */
export function isCertificateUser(settings: AuthoritySettings, user: UserOptions): boolean {
  const { client, websocket, leaf } = settings
  const isAllowed = (type: ConnectionType): boolean =>
    user.connectionTypes.length === 0 || user.connectionTypes.includes(type)
  const hasOwnLeafUsers = leaf.user !== '' || leaf.nkey !== '' || leaf.users.length > 0
  const hasWebsocket = websocket.isOpen && websocket.asksCertificates
  const isLeafAllowed = isAllowed('LEAFNODE') || (hasWebsocket && isAllowed('LEAFNODE_WS'))
  return (
    (maps(client) && isAllowed('STANDARD')) ||
    (maps(websocket) && isAllowed('WEBSOCKET')) ||
    (maps(leaf) && !hasOwnLeafUsers && isLeafAllowed)
  )
}

function maps({ isOpen, mapsCertificates }: ListenerSettings): boolean {
  return isOpen && mapsCertificates
}
