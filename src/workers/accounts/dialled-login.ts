import type { ViolationName } from '../../protocol/violations.ts'
import type { Account } from './account.ts'
import type { Login, LoginOwner } from './login.ts'

const NOBODY: Login['request']['connect'] = {
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
    request: { cid, connectionType: 'LEAFNODE', host, nonce: '', connect: NOBODY, tls: undefined },
    identity: {
      account: account.name,
      user: '',
      nkey: '',
      permissions: undefined,
      maxPayload: -1,
      maxSubscriptions: -1,
      expiresMs: 0,
      jwt: '',
      issuerKey: '',
      nameTag: '',
      tags: [],
      issuedAt: 0,
      proxyKey: '',
    },
    account,
    isLeaf: true,
    isDialled: true,
    startMs: Date.now(),
    permissions: undefined,
    owner,
  }
}

/** Why such a link cannot stay. */
export function endOfDialled({ claims, expiresMs }: Account): ViolationName | undefined {
  const isOver = claims === undefined || (expiresMs !== 0 && expiresMs <= Date.now())
  return isOver ? 'accountExpired' : undefined
}
