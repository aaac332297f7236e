import { goTimeOfMs } from '../../protocol/go-time.ts'
import { isValidPublishSubject } from '../../protocol/subjects.ts'
import { defineEndpoint, EndpointError } from './endpoint.ts'
import { omitEmpty } from './json-value.ts'
import { goInt, pageOf } from './paging.ts'
import { sublistJson } from './sublist-json.ts'
import { subscriptionJson } from './subscription-json.ts'

export const SUBSZ = defineEndpoint({
  path: '/subsz',
  name: 'SUBSZ',
  counted: 'all',
  fields: {
    offset: { json: 'offset', type: 'int' },
    limit: { json: 'limit', type: 'int' },
    withDetail: { json: 'subscriptions', type: 'bool' },
    account: { json: 'account', type: 'string' },
    test: { json: 'test', type: 'string' },
  },
  fromQuery: (query) => ({
    withDetail: query.bool('subs'),
    offset: query.int('offset'),
    limit: query.int('limit'),
    test: query.text('test'),
    account: query.text('acc'),
  }),
  forAccount: (options, account) => ({ ...options, account, withDetail: true }),
  async answer({ account = '', test = '', ...options }, { source }) {
    if (test !== '' && !isValidPublishSubject(test)) {
      const text = `invalid test subject, must be valid publish subject: ${test}`
      throw new EndpointError(text)
    }
    const { offset, limit } = pageOf(options.offset, options.limit)
    const [sublist, page] = await Promise.all([
      source.sublist(account),
      options.withDetail ? source.subscriptions({ account, test, offset, limit }) : undefined,
    ])
    return {
      server_id: source.server().id,
      now: goTimeOfMs(Date.now()),
      ...sublistJson(sublist),
      total: page?.total ?? 0,
      offset: goInt(offset),
      limit: goInt(limit),
      subscriptions_list: omitEmpty(page?.subscriptions.map(subscriptionJson)),
    }
  },
})
