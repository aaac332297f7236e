import { goTimeOfMs } from '../../protocol/go-time.ts'
import { accountJson } from './account-json.ts'
import { defineEndpoint, EndpointError } from './endpoint.ts'
import { omitEmpty } from './json-value.ts'

const FIELDS = { account: { json: 'account', type: 'string' } } as const

export const ACCOUNTZ = defineEndpoint({
  path: '/accountz',
  name: 'ACCOUNTZ',
  counted: 'all',
  fields: FIELDS,
  fromQuery: (query) => ({ account: query.text('acc') }),
  async answer({ account: name = '' }, { source }) {
    const names = name === '' ? await source.accounts() : []
    const account = name === '' ? undefined : await source.account(name)
    if (name !== '' && account === undefined) throw notThere(name)
    const { id, systemAccount } = source.server()
    return {
      server_id: id,
      now: goTimeOfMs(Date.now()),
      system_account: omitEmpty(systemAccount),
      accounts: omitEmpty(names),
      account_detail: account === undefined ? undefined : accountJson(account),
    }
  },
})

/** What an account is told of itself; requests of the system account only. */
export const ACCOUNT_INFO = defineEndpoint({
  path: '',
  name: 'INFO',
  counted: 'none',
  fields: FIELDS,
  fromQuery: () => ({}),
  forAccount: (_, account) => ({ account }),
  async answer({ account: name = '' }, { source }) {
    const account = await source.account(name)
    if (account === undefined) throw notThere(name)
    return accountJson(account)
  },
})

function notThere(name: string): EndpointError {
  return new EndpointError(`Account ${name} does not exist`)
}
