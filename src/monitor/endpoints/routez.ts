import { goTimeOfMs } from '../../protocol/go-time.ts'
import { defineEndpoint } from './endpoint.ts'
import { subscriptionsFromQuery } from './subscriptions-parameter.ts'

/** There are no routes; tools ask for them all the same. */
export const ROUTEZ = defineEndpoint({
  path: '/routez',
  name: 'ROUTEZ',
  counted: 'valid',
  fields: {
    withSubjects: { json: 'subscriptions', type: 'bool' },
    withDetail: { json: 'subscriptions_detail', type: 'bool' },
  },
  fromQuery: subscriptionsFromQuery,
  answer(_, { source }) {
    const { id, name } = source.server()
    return {
      server_id: id,
      server_name: name,
      now: goTimeOfMs(Date.now()),
      num_routes: 0,
      routes: [],
    }
  },
})
