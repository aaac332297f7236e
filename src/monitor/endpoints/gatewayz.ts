import { goTimeOfMs } from '../../protocol/go-time.ts'
import { defineEndpoint } from './endpoint.ts'
import { subscriptionsFromQuery } from './subscriptions-parameter.ts'

/** There are no gateways; tools ask for them all the same. */
export const GATEWAYZ = defineEndpoint({
  path: '/gatewayz',
  name: 'GATEWAYZ',
  counted: 'all',
  fields: {
    name: { json: 'name', type: 'string' },
    withAccounts: { json: 'accounts', type: 'bool' },
    accountName: { json: 'account_name', type: 'string' },
    withSubjects: { json: 'subscriptions', type: 'bool' },
    withDetail: { json: 'subscriptions_detail', type: 'bool' },
  },
  fromQuery: (query) => ({
    ...subscriptionsFromQuery(query),
    withAccounts: query.bool('accs'),
    name: query.text('gw_name'),
    accountName: query.text('acc_name'),
  }),
  answer: (_, { source }) => ({
    server_id: source.server().id,
    now: goTimeOfMs(Date.now()),
    outbound_gateways: {},
    inbound_gateways: {},
  }),
})
