import { NkeyPair } from '../../../src/auth/nkeys.ts'
import {
  accountJwt,
  deleteJwt,
  forged,
  NOW_S,
  newKey,
  operator,
  signingKey,
  userJwt,
} from './tokens.ts'

export interface ClaimsRequest {
  readonly title: string
  readonly subject: string
  readonly payload: string
}

/** Accounts that a run of the requests is about; all but `unused` are in use. */
export interface RequestAccounts {
  readonly system: string
  readonly used: string
  readonly unused: string
}

/** One of each kind of request that a resolver answers, and all the ways to get it wrong. */
export function claimsRequests({ system, used, unused }: RequestAccounts): ClaimsRequest[] {
  const later = (seconds: number): number => NOW_S + seconds
  const stranger = NkeyPair.generate('operator')
  const own = NkeyPair.generate('account')
  const update = (account: string): string => `$SYS.REQ.ACCOUNT.${account}.CLAIMS.UPDATE`
  const oldUpdate = (account: string): string => `$SYS.ACCOUNT.${account}.CLAIMS.UPDATE`
  const all = '$SYS.REQ.CLAIMS.UPDATE'
  const remove = '$SYS.REQ.CLAIMS.DELETE'
  const list = { subject: '$SYS.REQ.CLAIMS.LIST', payload: '' }
  const lookup = (account: string): Omit<ClaimsRequest, 'title'> => {
    return { subject: `$SYS.REQ.ACCOUNT.${account}.CLAIMS.LOOKUP`, payload: '' }
  }
  const requests: ClaimsRequest[] = []
  const add = (title: string, subject: string, payload: string): void => {
    requests.push({ title, subject, payload })
  }

  const bad: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['no token', 'x'],
    ['bad base64', 'a.b!.c'],
    ['a bad header', `${Buffer.from('"x"').toString('base64url')}.e30.e30`],
    ['no claims', 'eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.e30.AAAA'],
    ['another algorithm', 'eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.e30.AAAA'],
    ['a forged signature', forged(accountJwt(used, { issuedAt: later(5) }))],
    ['a user', userJwt(used, own)],
    ['a request to delete', deleteJwt([used])],
    ['another account', accountJwt(unused)],
    ['bad claims', accountJwt(used, { nats: { mappings: { 'a..b': [{ subject: 'x' }] } } })],
    [
      'two errors',
      accountJwt(used, {
        nats: { signing_keys: ['x'], exports: [{ subject: 'a b', type: 'stream' }] },
      }),
    ],
  ]
  for (const [title, jwt] of bad) {
    add(`update with ${title}`, update(used), jwt)
    add(`update of the old form with ${title}`, oldUpdate(used), jwt)
    if (title !== 'another account') add(`update of any account with ${title}`, all, jwt)
  }
  add('update signed by the operator', update(used), accountJwt(used, { issuedAt: later(1) }))
  add('the same once more', update(used), accountJwt(used, { issuedAt: later(1) }))
  const signed = { issuer: signingKey, issuedAt: later(2) }
  add('update signed by a signing key', oldUpdate(used), accountJwt(used, signed))
  add('an older one', update(used), accountJwt(used, { issuer: signingKey, issuedAt: later(1) }))
  add('update of any account', all, accountJwt(used, { issuer: signingKey, issuedAt: later(3) }))
  add('update of an unused account', update(unused), accountJwt(unused, { issuer: signingKey }))
  const unusedSigned = { issuer: signingKey, issuedAt: later(1) }
  add('update of any unused account', all, accountJwt(unused, unusedSigned))
  requests.push({ title: 'list', ...list })
  requests.push({ title: 'lookup', ...lookup(used) })
  requests.push({ title: 'lookup of an unknown account', ...lookup(newKey()) })

  add('delete with nothing', remove, '')
  add('delete with no token', remove, 'x')
  add('delete that is forged', remove, forged(deleteJwt([unused])))
  add('delete not self signed', remove, deleteJwt([unused], operator, signingKey.publicKey))
  add('delete by an account', remove, accountJwt(unused))
  add('delete by a stranger', remove, deleteJwt([unused], stranger))
  add('delete of no account key', remove, deleteJwt([unused, 'x'], signingKey))
  add('delete of the system account', remove, deleteJwt([unused, system], signingKey))
  add('delete by the operator itself', remove, deleteJwt([newKey()]))
  add('delete by a signing key', remove, deleteJwt([unused], signingKey))
  add('delete of what is not there', remove, deleteJwt([unused, newKey()], signingKey))
  requests.push({ title: 'list after delete', ...list })
  requests.push({ title: 'lookup after delete', ...lookup(unused) })
  // Last, because nats-server stores it in place of the account that it then does not trust.
  const untrusted = { issuer: stranger, issuedAt: later(9) }
  add('update signed by a stranger', update(used), accountJwt(used, untrusted))
  return requests
}

/** An answer without what differs from server to server. */
export function withoutServer(answer: string): string {
  return answer.replace(/"server":\{(?:[^{}]|\{[^{}]*\})*\}/, '"server":{}')
}
