import assert from 'node:assert/strict'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Crowd } from '../../bench/crowd.ts'
import { MonitorClient, startMonitored, timeConnz } from '../../bench/monitor-client.ts'
import { SERVER_PATH } from '../../bench/paths.ts'
import { ServerLog } from '../../bench/server-log.ts'
import { type StartedServer, startServer } from '../../bench/server-process.ts'
import { asUser, usersConfig } from '../../bench/settings.ts'

test('a log gives its next matching line, also in pieces, and keeps its end', async () => {
  const log = new ServerLog()
  log.add('reloaded, said before anybody asked\n')
  const heard = [log.next(/reloaded/), log.next(/reloaded/), log.next(/failed/)]
  log.add('other\n[1] relo')
  log.add('aded 2\n[1] fail')
  log.add('ed 3\nreloaded 4\n')
  assert.deepEqual(await Promise.all(heard), ['[1] reloaded 2', '[1] reloaded 2', '[1] failed 3'])
  log.add('x'.repeat(3_000))
  assert.equal(log.tail, 'x'.repeat(2_000))
})

describe('a page of /connz', () => {
  let page: object = {}
  const server = http.createServer((request, response) => {
    const isConnz = request.url?.startsWith('/connz?limit=2') ?? false
    response.writeHead(isConnz ? 200 : 404)
    response.end(isConnz ? JSON.stringify(page) : 'nothing here')
  })
  let client: MonitorClient
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    client = new MonitorClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  })
  after(() => {
    client.close()
    server.close()
  })

  test('must have all rows, and their subscriptions when asked for', async () => {
    page = { total: 3, connections: [{}, { subscriptions_list: ['a'] }] }
    assert.ok((await timeConnz(client, 2, 3)) > 0)
    assert.ok((await timeConnz(client, 2, 2, '&sort=cid')) > 0)
    const refusal = /not complete: total=3 shown=/
    await assert.rejects(timeConnz(client, 2, 4), refusal)
    await assert.rejects(timeConnz(client, 2, 3, '&subs=1'), refusal)
    page = { total: 3, connections: [{}] }
    await assert.rejects(timeConnz(client, 2, 3), refusal)
  })

  test('any other answer is an error', async () => {
    await assert.rejects(client.get('/metrics'), /^Error: \/metrics answers 404: nothing here$/)
    assert.equal((await client.ask('/metrics')).status, 404)
  })
})

describe('a server that was started', () => {
  let server: StartedServer
  before(async () => {
    server = await startServer([SERVER_PATH], usersConfig())
  })
  after(() => server.stop())

  test('has no monitoring port unless told so', () => {
    assert.equal(server.monitorUrl, undefined)
  })

  test('has all users of the setting, and those of its next configuration', async () => {
    const crowd = await Crowd.open(3, (index) => asUser(server.endpoint, 98 + index))
    try {
      await crowd.prove()
      const hundredAndFirst = () => ({ ...asUser(server.endpoint, 0), user: 'user100' })
      await assert.rejects(Crowd.open(1, hundredAndFirst), /Authorization Violation/)
      assert.ok((await server.reload(usersConfig({ users: 101 }))) > 0)
      const another = await Crowd.open(1, hundredAndFirst)
      await server.reload(usersConfig())
      await assert.rejects(another.failure)
      await Promise.race([crowd.prove(), crowd.failure])
    } finally {
      crowd.close()
    }
  })

  test('says why it does not reload', async () => {
    await assert.rejects(server.reload('max_payload: ['), /Failed to reload server configuration/)
  })
})

test('a server without a monitoring port in its ports file cannot be monitored', async () => {
  const code = `const { writeFileSync } = require('node:fs')
    const folder = process.argv[process.argv.indexOf('--ports_file_dir') + 1]
    const ports = JSON.stringify({ nats: ['nats://127.0.0.1:1'] })
    writeFileSync(folder + '/x_' + process.pid + '.ports', ports)
    setInterval(() => {}, 1000)`
  await assert.rejects(startMonitored([process.execPath, '-e', code, '--']), /no monitoring port/)
})
