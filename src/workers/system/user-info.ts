import type { SystemMessage } from '../../auth/resolver/system-bus.ts'
import type { PermissionOptions } from '../../config/account-types.ts'
import { type GoJsonObject, goJson } from '../../protocol/go-json.ts'
import type { SubjectPermission } from '../../protocol/go-json-decode.ts'
import { decodeClientInfo } from '../../router/accounts/client-info.ts'
import { headerValue } from '../../router/accounts/message-headers.ts'
import { REQUEST_INFO_HEADER } from '../../router/accounts/request-info.ts'
import type { AccountDirectory } from '../accounts/account-directory.ts'
import type { Login } from '../accounts/login.ts'
import type { LoginDesk } from '../accounts/login-desk.ts'
import type { SystemClient } from './system-client.ts'

const NS_PER_MS = 1e6
const BAD_REQUEST = 400

export interface UserInfoServiceOptions {
  readonly client: SystemClient
  readonly directory: AccountDirectory
  readonly desk: LoginDesk
  readonly serverInfo: () => GoJsonObject
}

/** What clients of every account may ask: who they are. */
export class UserInfoService {
  readonly #options: UserInfoServiceOptions

  constructor(options: UserInfoServiceOptions) {
    this.#options = options
  }

  start(): void {
    this.#options.client.subscribe('$SYS.REQ.USER.*.INFO', undefined, (request) =>
      this.#onUserInfo(request),
    )
  }

  /** Who the requester is, and what it may do. The service import has put its identity in front. */
  #onUserInfo({ reply, headers }: SystemMessage): void {
    if (reply === '') return
    const { client, directory, desk, serverInfo } = this.#options
    const value = headerValue(headers, REQUEST_INFO_HEADER)
    const info = value && decodeClientInfo(value)
    if (info === undefined) {
      const answer = { server: serverInfo(), error: { code: BAD_REQUEST } }
      client.publish(reply, '', Buffer.from(goJson(answer)))
      return
    }
    const login = info.id === undefined ? undefined : desk.get(info.id)
    const isOwn = login !== undefined && login.account.name === info.account
    const account = directory.get(info.account ?? '')
    const data = {
      user: info.user ?? '',
      account: info.account ?? '',
      account_name: account?.claims?.name || account?.name || undefined,
      user_name: info.nameTag || undefined,
      ...(isOwn ? permissionsOf(login) : {}),
      ...(isOwn ? expiryOf(login) : {}),
    }
    client.publish(reply, '', Buffer.from(goJson({ server: serverInfo(), data })))
  }
}

function permissionsOf({ identity, account }: Login): GoJsonObject {
  const permissions = identity.permissions ?? account.options.defaultPermissions
  return permissions === undefined ? {} : { permissions: permissionsJson(permissions) }
}

function permissionsJson({ publish, subscribe, responses }: PermissionOptions): GoJsonObject {
  return {
    publish: subjectsJson(publish),
    subscribe: subjectsJson(subscribe),
    ...(responses === undefined
      ? {}
      : { responses: { max: responses.max, ttl: responses.expiresMs * NS_PER_MS } }),
  }
}

function subjectsJson(permission: SubjectPermission | undefined): GoJsonObject {
  const { allow = [], deny = [] } = permission ?? {}
  return { ...(allow.length > 0 ? { allow } : {}), ...(deny.length > 0 ? { deny } : {}) }
}

function expiryOf({ identity, account }: Login): GoJsonObject {
  const ends = [identity.expiresMs, account.expiresMs].filter((endMs) => endMs > 0)
  if (ends.length === 0) return {}
  return { expires: Math.max(0, Math.min(...ends) - Date.now()) * NS_PER_MS }
}
