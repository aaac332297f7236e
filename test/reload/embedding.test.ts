/** Reloads of a broker inside another program. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { BrokerError, OptionsError, type PartialOptions, startBroker } from '../../src/index.ts'
import { reloadReportText } from '../../src/lifecycle/reload-report.ts'
import { NO_COUNTS } from '../../src/workers/reload/reload-types.ts'
import { RawClient } from '../support/raw-client.ts'
import { until } from '../support/wait.ts'

const BASE: PartialOptions = { host: '127.0.0.1', port: -1, workers: 2 }

async function entered(port: number, connect: object): Promise<RawClient> {
  const client = await RawClient.connect(port)
  await client.send(`CONNECT ${JSON.stringify(connect)}\r\nPING\r\n`)
  await client.readUntil('PONG\r\n')
  return client
}

test('an embedded broker', async (t) => {
  const broker = await startBroker({ ...BASE, users: [{ user: 'anna', pass: 'a' }] })
  t.after(() => broker.close())
  await using anna = await entered(broker.port, { user: 'anna', pass: 'a' })

  await t.test('gets other options, and tells what that did', async () => {
    const report = await broker.reload({
      ...BASE,
      maxPayload: 1000,
      users: [
        { user: 'anna', pass: 'a' },
        { user: 'bert', pass: 'b' },
      ],
    })
    assert.deepEqual(report, {
      ...NO_COUNTS,
      changed: ['users', 'max_payload'],
      reauthenticated: 1,
    })
    await using bert = await entered(broker.port, { user: 'bert', pass: 'b' })
    assert.match(bert.received.toString(), /"max_payload":1000[,}]/)
    const again = await broker.reload({ ...BASE, users: [{ user: 'anna', pass: 'a' }] })
    assert.deepEqual([again.changed, again.disconnected], [['users', 'max_payload'], 1])
    await until('the end of bert', () => bert.closedBy !== null)
    assert.equal(anna.closedBy, null)
  })

  await t.test('without options reads its files again, and nothing differs', async () => {
    assert.deepEqual(await broker.reload(), { ...NO_COUNTS, changed: [] })
  })

  await t.test('refuses what cannot be reloaded, and what makes no sense', async () => {
    const users = [{ user: 'anna', pass: 'a' }]
    await assert.rejects(broker.reload({ ...BASE, users, maxSubscriptions: 5 }), (error) => {
      assert.ok(error instanceof BrokerError)
      assert.equal(error.code, 'BRK_RELOAD')
      assert.equal(error.message, 'config reload not supported for MaxSubs: old=0, new=5')
      return true
    })
    await assert.rejects(broker.reload({ ...BASE, maxPayload: -1 }), OptionsError)
    await assert.rejects(broker.reload({ ...BASE, users, port: broker.port + 1 }), /for Port: old/)
    assert.deepEqual((await broker.reload()).changed, [])
  })

  await t.test('logs where it is told to from then on', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'reload-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const logFile = join(folder, 'broker.log')
    const users = [{ user: 'anna', pass: 'a' }]
    await broker.reload({ ...BASE, users, logFile, trace: true })
    await anna.send('PUB heard 0\r\n\r\n')
    await until('the trace', () => /\[TRC\] .*PUB heard/.test(readFileSync(logFile, 'utf8')))
    assert.match(readFileSync(logFile, 'utf8'), /\[INF\] Reload: 2 options changed \(trace, log_f/)
    await broker.reload({ ...BASE, users })
    await anna.send('PUB unheard 0\r\n\r\nPING\r\n')
    await anna.waitFor('the second PONG', () => /PONG.*PONG/s.test(anna.received.toString()))
    assert.doesNotMatch(readFileSync(logFile, 'utf8'), /unheard/)
  })

  await t.test('keeps its ports file where the options say', async () => {
    const [one, other] = ['one', 'other'].map((name) => mkdtempSync(join(tmpdir(), `${name}-`)))
    t.after(() => [one, other].map((path) => rmSync(path!, { recursive: true })))
    const options = { ...BASE, users: [{ user: 'anna', pass: 'a' }] }
    const told = (path: string) => {
      const files = readdirSync(path)
      return files.map((file) => JSON.parse(readFileSync(join(path, file), 'utf8')).nats)
    }
    const here = [[`nats://127.0.0.1:${broker.port}`]]
    await broker.reload({ ...options, portsFileDir: one! })
    assert.deepEqual([told(one!), told(other!)], [here, []])
    await broker.reload({ ...options, portsFileDir: other! })
    assert.deepEqual([told(one!), told(other!)], [[], here])
    await broker.reload(options)
    assert.deepEqual([told(one!), told(other!)], [[], []])
  })

  await t.test('runs one reload after the other', async () => {
    const users = [{ user: 'anna', pass: 'a' }]
    const reports = await Promise.all(
      [1000, 2000, 2000, 3000].map((maxPayload) => broker.reload({ ...BASE, users, maxPayload })),
    )
    const counts = reports.map(({ changed }) => changed.length)
    assert.deepEqual(counts, [1, 1, 0, 1])
  })

  await t.test('refuses one at its end', async () => {
    const closing = broker.close()
    await assert.rejects(broker.reload(), /server is shutting down/)
    await closing
  })
})

test('the report of a reload is one line', () => {
  assert.equal(reloadReportText({ ...NO_COUNTS, changed: [] }), 'Reload: 0 options changed')
  assert.equal(
    reloadReportText({
      changed: ['users'],
      reauthenticated: 4,
      disconnected: 1,
      subscriptionsRemoved: 2,
      linksClosed: 1,
      remotesStarted: 2,
    }),
    'Reload: 1 option changed (users), 4 connections authenticated again, 1 connection closed, ' +
      '2 subscriptions removed, 1 leaf link closed, 2 remotes started',
  )
})
