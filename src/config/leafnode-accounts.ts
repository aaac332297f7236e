import { GLOBAL_ACCOUNT } from '../protocol/global-account.ts'
import { goQuote } from '../protocol/go-quote.ts'
import { decodePublicNkey } from '../protocol/nkey-encoding.ts'
import type { Options } from './option-types.ts'
import { SYSTEM_ACCOUNT } from './system-account.ts'

/** Whether the accounts that leaf links are bound to can be there, in nats-server's words. */
export function leafAccountsFault(options: Options): string | undefined {
  return (options.operator?.jwts.length ?? 0) > 0
    ? accountKeysFault(options)
    : accountNamesFault(options)
}

function accountNamesFault(options: Options): string | undefined {
  const { authorization, remotes } = options.leafnodes
  const known = new Set(['', GLOBAL_ACCOUNT, ...options.accounts.map(({ name }) => name)])
  if (options.systemAccount === '' && !options.noSystemAccount) known.add(SYSTEM_ACCOUNT)
  const users = [authorization, ...authorization.users]
  const fault = (holders: readonly { readonly account: string }[], place: string) => {
    const unknown = holders.find(({ account }) => !known.has(account))
    if (unknown === undefined) return undefined
    const account = goQuote(unknown.account)
    return `cannot find local account ${account} specified in leafnode ${place}`
  }
  return fault(users, 'authorization') ?? fault(remotes, 'remote')
}

/** In operator mode accounts go by their keys. */
function accountKeysFault({ leafnodes }: Options): string | undefined {
  const { authorization, remotes, port } = leafnodes
  const isKey = (account: string) => decodePublicNkey(account)?.kind === 'account'
  if (authorization.users.length > 0) {
    return 'operator mode does not allow specifying users in leafnode config'
  }
  if (!remotes.every(({ account }) => isKey(account))) {
    return (
      'operator mode requires account nkeys in remotes. Please add an `account` key to each ' +
      'remote in your `leafnodes` section, to assign it to an account. Each account value should ' +
      "be a 56 character public key, starting with the letter 'A'"
    )
  }
  const { account } = authorization
  return port === 0 || account === '' || isKey(account)
    ? undefined
    : 'operator mode and non account nkeys are incompatible'
}
