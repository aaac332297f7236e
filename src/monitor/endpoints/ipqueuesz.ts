import { defineEndpoint } from './endpoint.ts'

/** nats-server's internal queues by name; this server has none of them. */
export const IPQUEUESZ = defineEndpoint({
  path: '/ipqueuesz',
  name: 'IPQUEUESZ',
  counted: 'none',
  fields: {
    all: { json: 'all', type: 'bool' },
    filter: { json: 'filter', type: 'string' },
  },
  fromQuery: (query) => ({ all: query.bool('all'), filter: query.text('queues') }),
  answer: () => ({}),
})
