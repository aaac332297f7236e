import assert from 'node:assert/strict'
import { test } from 'node:test'
import { optionsFromObject, type PartialOptions } from '../../src/config/options.ts'
import { orderForClients } from '../../src/workers/reload/reconfigure-order.ts'
import type { ReloadOrder } from '../../src/workers/reload/reload-types.ts'

function usersSent(users: PartialOptions['users']): readonly string[] {
  const options = optionsFromObject({ users: users ?? [] })
  const order = { id: 1, settings: { options, serverName: 'here' } } as unknown as ReloadOrder
  const sent = orderForClients(order)
  assert.deepEqual({ ...sent.settings.options, users: options.users }, options)
  assert.equal(sent.settings.serverName, 'here')
  assert.equal(order.settings.options, options, 'the order itself stays whole')
  return sent.settings.options.users.map(({ user }) => user)
}

test('protocol workers are sent one user: that there are some, and whether one has a rate', () => {
  const named = (user: string, maxMsgsPerSecond = 0) => ({ user, pass: 'x', maxMsgsPerSecond })
  assert.deepEqual(usersSent([]), [])
  assert.deepEqual(usersSent([named('a'), named('b'), named('c')]), ['a'])
  assert.deepEqual(usersSent([named('a'), named('b', 5), named('c', 6)]), ['b'])
})
