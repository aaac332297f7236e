import type { GoDecoded } from '../../protocol/go-json-decode.ts'
import { goTimeOfMs } from '../../protocol/go-time.ts'
import {
  CONNECTION_SORTS,
  type ConnectionQuery,
  type ConnectionSort,
  type ConnectionState,
} from '../reports.ts'
import { connectionsJson } from './connection-json.ts'
import { defineEndpoint, EndpointError } from './endpoint.ts'
import { goInt, pageOf } from './paging.ts'
import { ParameterError, type Query } from './query.ts'
import { subscriptionsFromQuery } from './subscriptions-parameter.ts'

const FIELDS = {
  sort: { json: 'sort', type: 'string' },
  withAuth: { json: 'auth', type: 'bool' },
  withSubjects: { json: 'subscriptions', type: 'bool' },
  withDetail: { json: 'subscriptions_detail', type: 'bool' },
  offset: { json: 'offset', type: 'int' },
  limit: { json: 'limit', type: 'int' },
  cid: { json: 'cid', type: 'uint64' },
  mqttClient: { json: 'mqtt_client', type: 'string' },
  state: { json: 'state', type: 'int' },
  user: { json: 'user', type: 'string' },
  account: { json: 'acc', type: 'string' },
  filterSubject: { json: 'filter_subject', type: 'string' },
} as const

type ConnzOptions = GoDecoded<typeof FIELDS>

/** By nats-server's numbers. */
const STATES: readonly ConnectionState[] = ['open', 'closed', 'all']

/** What is in a state that does not exist. */
const NO_CONNECTIONS = { total: 0, connections: [] }

const STATE_NUMBERS: ReadonlyMap<string, number> = new Map([
  ['', 0],
  ['open', 0],
  ['closed', 1],
  ['any', 2],
  ['all', 2],
])

export const CONNZ = defineEndpoint({
  path: '/connz',
  name: 'CONNZ',
  counted: 'valid',
  fields: FIELDS,
  fromQuery: (query) => ({
    sort: query.text('sort'),
    withAuth: query.bool('auth'),
    ...subscriptionsFromQuery(query),
    offset: query.int('offset'),
    limit: query.int('limit'),
    cid: query.uint64('cid'),
    state: stateFromQuery(query),
    user: query.text('user'),
    account: query.text('acc'),
    mqttClient: query.text('mqtt_client'),
  }),
  forAccount: (options, account) => ({ ...options, account }),
  async answer(options, { source }) {
    const query = connectionQuery(options)
    const isKnownState = STATES[options.state ?? 0] !== undefined
    const page = isKnownState ? await source.connections(query) : NO_CONNECTIONS
    const nowMs = Date.now()
    // Clients of MQTT there are none; the total does not regard this filter.
    const shown = options.mqttClient ? [] : (page?.connections ?? [])
    const view = { nowMs, withAuth: options.withAuth ?? false, subscriptions: listed(options) }
    return {
      server_id: page === undefined ? '' : source.server().id,
      now: goTimeOfMs(nowMs),
      num_connections: shown.length,
      total: page?.total ?? 0,
      offset: goInt(query.offset),
      limit: goInt(query.limit),
      connections: page === undefined ? null : connectionsJson(shown, view),
    }
  },
})

function stateFromQuery(query: Query): number {
  const text = query.text('state')
  const state = STATE_NUMBERS.get(text.toLowerCase())
  if (state === undefined) throw new ParameterError(`Error decoding state for ${text}`)
  return state
}

function listed({ withDetail, withSubjects }: ConnzOptions): 'none' | 'subjects' | 'detail' {
  if (withDetail) return 'detail'
  return withSubjects ? 'subjects' : 'none'
}

/** @throws EndpointError */
function connectionQuery(options: ConnzOptions): ConnectionQuery {
  const { cid = 0, user = '', account = '' } = options
  const state = STATES[options.state ?? 0] ?? 'all'
  const sort = sortOf(options.sort ?? '', state)
  const filterSubject = options.filterSubject === '>' ? '' : (options.filterSubject ?? '')
  if (filterSubject !== '' && account === '') {
    throw new EndpointError('filter by subject only valid with account filtering')
  }
  const page = pageOf(options.offset, options.limit)
  return {
    sort,
    state,
    cid,
    user,
    account,
    filterSubject,
    withSubscriptions: listed(options) !== 'none',
    withAuth: options.withAuth ?? false,
    offset: page.offset,
    limit: cid > 0 ? 1 : page.limit,
  }
}

function sortOf(name: string, state: ConnectionState): ConnectionSort {
  if (name === '') return 'cid'
  const sort = CONNECTION_SORTS.find((known) => known === name)
  if (sort === undefined) throw new EndpointError(`invalid sorting option: ${name}`)
  if ((sort === 'stop' || sort === 'reason') && state !== 'closed') {
    throw new EndpointError(`sort by ${sort} only valid on closed connections`)
  }
  return sort
}
