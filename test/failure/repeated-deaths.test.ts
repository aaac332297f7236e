import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { WireClient } from '../order/wire-client.ts'
import { withLog } from '../support/failure-text.ts'
import { program, ROOT } from '../support/peers.ts'
import { startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { reaches } from './ask.ts'
import { BrokerUnderTest, ROUTER } from './broker-under-test.ts'

const MIB = 1024 * 1024
const timeout = 110_000

describe('threads that die again and again', () => {
  test('a second death of one role within a minute ends the process', { timeout }, async () => {
    const before = process.env['NODE_OPTIONS']
    process.env['NODE_OPTIONS'] = `--import=${join(ROOT, 'test/failure/fail-on-signal.mjs')}`
    await using server = await startServer(program('sable'), { config: 'workers: 1\n' }).finally(
      () => {
        if (before === undefined) delete process.env['NODE_OPTIONS']
        else process.env['NODE_OPTIONS'] = before
      },
    )
    try {
      await using first = await WireClient.connect(server.port)
      server.signal('SIGWINCH')
      await until(
        () => `the replacement\n${server.logTail}`,
        () => server.log.includes('protocol worker 1 replaced'),
      )
      assert.ok(first.isClosed, 'the connection of the dead thread')
      await using second = await WireClient.connect(server.port)
      assert.ok(await reaches(second, second, 'again'), 'service between the deaths')
      server.signal('SIGWINCH')
      await server.exited()
      assert.equal(server.exitCode, 1, 'exit code')
      assert.match(server.log, /\[FTL\] protocol worker died twice within a minute/)
    } catch (error) {
      throw withLog(error, [server])
    }
  })

  test('deaths of different roles, and deaths far apart, do not', { timeout }, async () => {
    await using broker = await BrokerUnderTest.start({ workers: 3 }, 1)
    await broker.watch(async () => {
      for (const [i, thread] of [1, ROUTER, 2, ROUTER, 1].entries()) {
        broker.fail(thread)
        await broker.replaced(i + 1)
      }
      assert.deepEqual(broker.fatalTexts, [])
    })
  })

  test('one role is judged by its own deaths only', { timeout }, async () => {
    await using broker = await BrokerUnderTest.start({ workers: 3 }, 60_000)
    await broker.watch(async () => {
      broker.fail(1)
      await broker.replaced(1)
      broker.fail(ROUTER)
      await broker.replaced(2)
      assert.deepEqual(broker.fatalTexts, [], 'one death of each role')
      broker.fail(2)
      await until('the verdict', () => broker.fatalTexts.length > 0)
      assert.deepEqual(broker.fatalTexts, ['protocol worker died twice within a minute'])
    })
  })

  test('twenty replacements leave no memory behind', { timeout }, async () => {
    await using broker = await BrokerUnderTest.start({ workers: 3 })
    await broker.watch(async () => {
      const rssAfter: number[] = []
      for (let death = 1; death <= 20; death++) {
        const clients = await broker.connectMany(4)
        for (let i = 0; i < 4; i++) {
          const isThere = await reaches(clients[i]!, clients[(i + 1) % 4]!, `round.${death}.${i}`)
          assert.ok(isThere, `traffic before death ${death}`)
        }
        broker.fail(death % 3)
        await broker.replaced(death)
        for (const client of clients) client.close()
        rssAfter.push(process.memoryUsage.rss())
      }
      // The first half warms up heaps and the new threads' shares of the shared memory. A thread
      // that stayed would keep more than 5 MiB.
      const growth = Math.min(...rssAfter.slice(-4)) - Math.max(...rssAfter.slice(6, 10))
      const history = rssAfter.map((rss) => Math.round(rss / MIB)).join(' ')
      assert.ok(growth < 25 * MIB, `MiB of the process after each replacement: ${history}`)
    })
  })
})
