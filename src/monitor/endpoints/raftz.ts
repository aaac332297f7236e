import { defineEndpoint, TEXT_TYPE } from './endpoint.ts'

/** There are no Raft nodes without JetStream. */
export const RAFTZ = defineEndpoint({
  path: '/raftz',
  name: 'RAFTZ',
  counted: 'none',
  fields: {
    account: { json: 'account', type: 'string' },
    group: { json: 'group', type: 'string' },
  },
  fromQuery: (query) => ({ account: query.text('acc'), group: query.text('group') }),
  answer: () => ({}),
  http: () => ({ status: 404, contentType: TEXT_TYPE, body: 'No Raft nodes registered' }),
})
