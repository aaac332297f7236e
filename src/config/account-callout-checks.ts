import { GLOBAL_ACCOUNT } from '../protocol/global-account.ts'
import { goQuote } from '../protocol/go-quote.ts'
import type { Options } from './option-types.ts'

/**
 * What nats-server checks when the whole file is read. The global account counts as configured only
 * once it has mappings.
 */
export function calloutAccountFaults({
  authorization,
  accounts,
  mappings,
}: Pick<Options, 'authorization' | 'accounts' | 'mappings'>): readonly string[] {
  const names = new Set(accounts.map(({ name }) => name))
  if (mappings.length > 0) names.add(GLOBAL_ACCOUNT)
  const allowed = authorization.authCallout?.allowedAccounts ?? []
  return allowed
    .filter((account) => !names.has(account))
    .map((account) => {
      return `auth_callout allowed account ${goQuote(account)} not found in configured accounts`
    })
}
