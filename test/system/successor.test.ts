import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerUnderTest, ROUTER } from '../failure/broker-under-test.ts'
import { PeerClient } from './peer-client.ts'

test('a new routing worker tells, counts and answers as the old one did', async () => {
  await using broker = await BrokerUnderTest.start({
    workers: 3,
    accounts: [{ name: 'SYS' }, { name: 'A' }],
    users: [
      { user: 'sys', pass: 'p', account: 'SYS' },
      { user: 'a', pass: 'p', account: 'A' },
    ],
    systemAccount: 'SYS',
  })
  await using sys = await PeerClient.as(broker.port, 'sys')
  await using stays = await PeerClient.as(broker.port, 'a')
  await sys.subscribe('$SYS.ACCOUNT.A.>')
  broker.fail(ROUTER)
  // Who has stayed is counted before anybody new comes.
  const { conns } = await sys.event('$SYS.ACCOUNT.A.SERVER.CONNS')
  assert.equal(conns, 1)
  const comes = await PeerClient.as(broker.port, 'a', { name: 'new' })
  assert.equal((await sys.event('$SYS.ACCOUNT.A.CONNECT')).client.name, 'new')
  comes.close()
  const end = await sys.event('$SYS.ACCOUNT.A.DISCONNECT')
  assert.deepEqual([end.client.id, end.reason], [comes.cid, 'Client Closed'])
  const { data } = await sys.json('$SYS.REQ.SERVER.PING.CONNZ', { acc: 'A' })
  assert.deepEqual(
    data.connections.map(({ cid }: { cid: number }) => cid),
    [stays.cid],
  )
})
