import { goQuote } from '../../protocol/go-quote.ts'
import { defineEndpoint } from './endpoint.ts'

/** Profiles of Go's runtime; there are none of them here. Requests of the system account only. */
export const PROFILEZ = defineEndpoint({
  path: '',
  name: 'PROFILEZ',
  counted: 'none',
  fields: {
    name: { json: 'name', type: 'string' },
    debug: { json: 'debug', type: 'int' },
    durationNs: { json: 'duration', type: 'int' },
  },
  fromQuery: () => ({}),
  answer: ({ name = '' }) => ({
    profile: null,
    error: name === '' ? 'Profile name not specified' : `Profile ${goQuote(name)} not found`,
  }),
})
