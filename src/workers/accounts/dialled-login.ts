import { NO_CREDENTIALS, NOBODY } from '../../auth/login.ts'
import type { ViolationName } from '../../protocol/violations.ts'
import type { Account } from './account.ts'
import type { Login, LoginOwner } from './login.ts'

/**
 * Of a leaf link that this server has dialled: nobody has logged in, but it counts as one of the
 * account's, has the account's limits, and lasts as long as the account.
 *
 * @param host of the peer
 */
export function dialledLogin(
  cid: number,
  host: string,
  account: Account,
  owner: LoginOwner,
): Login {
  return {
    request: {
      cid,
      connectionType: 'LEAFNODE',
      host,
      nonce: '',
      connect: NO_CREDENTIALS,
      tls: undefined,
    },
    identity: { ...NOBODY, account: account.name },
    account,
    isLeaf: true,
    isDialled: true,
    startMs: Date.now(),
    serverMaxPayload: -1,
    permissions: undefined,
    grant: undefined,
    owner,
  }
}

/** Why such a link cannot stay. */
export function endOfDialled({ claims, expiresMs }: Account): ViolationName | undefined {
  const isOver = claims === undefined || (expiresMs !== 0 && expiresMs <= Date.now())
  return isOver ? 'accountExpired' : undefined
}
