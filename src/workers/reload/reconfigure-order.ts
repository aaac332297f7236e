import type { RateOptions } from '../../config/account-types.ts'
import { isLimited } from '../../io/ingress-limit.ts'
import type { ReloadOrder } from './reload-types.ts'

/**
 * What a protocol worker is sent of a reload: of users, which may be thousands, it needs to know
 * whether there are any, and whether any has a rate. Taking in all of them would hold up its
 * clients.
 */
export function orderForClients(order: ReloadOrder): ReloadOrder {
  const { settings } = order
  const { users, nkeys } = settings.options
  const options = { ...settings.options, users: fewOf(users), nkeys: fewOf(nkeys) }
  return { ...order, settings: { ...settings, options } }
}

function fewOf<User extends RateOptions>(users: readonly User[]): readonly User[] {
  const limited = users.find(isLimited)
  return limited === undefined ? users.slice(0, 1) : [limited]
}
