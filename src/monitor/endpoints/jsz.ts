import { goTimeOfMs } from '../../protocol/go-time.ts'
import { defineEndpoint, EndpointError } from './endpoint.ts'
import type { JsonObject } from './json-value.ts'

/** What nats-server says where JetStream is off. */
export const JSZ = defineEndpoint({
  path: '/jsz',
  name: 'JSZ',
  counted: 'all',
  fields: {
    account: { json: 'account', type: 'string' },
    withAccounts: { json: 'accounts', type: 'bool' },
    withStreams: { json: 'streams', type: 'bool' },
    withConsumers: { json: 'consumer', type: 'bool' },
    withDirectConsumers: { json: 'direct_consumer', type: 'bool' },
    withConfig: { json: 'config', type: 'bool' },
    leaderOnly: { json: 'leader_only', type: 'bool' },
    offset: { json: 'offset', type: 'int' },
    limit: { json: 'limit', type: 'int' },
    withRaft: { json: 'raft', type: 'bool' },
    streamLeaderOnly: { json: 'stream_leader_only', type: 'bool' },
  },
  fromQuery: (query) => ({
    withAccounts: query.bool('accounts'),
    withStreams: query.bool('streams'),
    withConsumers: query.bool('consumers'),
    withDirectConsumers: query.bool('direct-consumers'),
    withConfig: query.bool('config'),
    offset: query.int('offset'),
    limit: query.int('limit'),
    leaderOnly: query.bool('leader-only'),
    withRaft: query.bool('raft'),
    streamLeaderOnly: query.bool('stream-leader-only'),
    account: query.text('acc'),
  }),
  answer: ({ leaderOnly = false }, { source }) => disabledJson(source.server().id, leaderOnly),
  answerSystem({ options: { leaderOnly = false }, account }, { source }) {
    if (account !== '') throw new EndpointError('jetstream not enabled')
    return disabledJson(source.server().id, leaderOnly)
  },
})

/** @throws EndpointError when only a leader is to answer */
function disabledJson(serverId: string, leaderOnly: boolean): JsonObject {
  if (leaderOnly) throw new EndpointError('filtered response: not leader', { isSilent: true })
  return {
    memory: 0,
    storage: 0,
    reserved_memory: 0,
    reserved_storage: 0,
    accounts: 0,
    ha_assets: 0,
    api: { level: 0, total: 0, errors: 0 },
    server_id: serverId,
    now: goTimeOfMs(Date.now()),
    disabled: true,
    config: { max_memory: 0, max_storage: 0 },
    streams: 0,
    consumers: 0,
    messages: 0,
    bytes: 0,
    total: 0,
  }
}
