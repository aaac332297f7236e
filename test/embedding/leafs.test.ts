/** What `leafs()` of an embedded broker tells. */
import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type PartialOptions, type RunningBroker, startBroker } from '../../src/index.ts'
import { LIBRARIES } from '../support/client-libraries.ts'
import { until } from '../support/wait.ts'

const LOOPBACK = { host: '127.0.0.1', port: -1 } as const

async function start(t: TestContext, options: PartialOptions): Promise<RunningBroker> {
  const broker = await startBroker({ ...LOOPBACK, ...options })
  t.after(() => broker.close())
  return broker
}

async function links(broker: RunningBroker) {
  return (await broker.leafs())?.links ?? []
}

/** Waits for something both sides only know after a while. */
async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  let does = false
  const timer = setInterval(async () => {
    does = await holds()
  }, 20)
  try {
    await until(what, () => does)
  } finally {
    clearInterval(timer)
  }
}

test('both ends of a link are told of with their roles, interest and traffic', async (t) => {
  const hub = await start(t, { serverName: 'hub', leafnodes: LOOPBACK })
  const leaf = await start(t, {
    serverName: 'leaf',
    leafnodes: { remotes: [{ urls: [`nats://127.0.0.1:${hub.leafPort}`] }] },
  })
  await eventually('the link', async () => (await links(hub)).length === 1)
  const [library] = LIBRARIES
  const below = await library!.connect({ servers: leaf.url })
  const above = await library!.connect({ servers: hub.url })
  t.after(() => Promise.all([below.close(), above.close()]))
  let received = 0
  below.subscribe('news.*', { callback: () => received++ })
  await below.flush()
  await eventually('the interest', async () =>
    (await links(hub)).some(({ subscriptionsList }) => subscriptionsList?.includes('news.*')),
  )
  above.publish('news.x', 'hello')
  await until('the message', () => received === 1)
  const [onHub] = await links(hub)
  const [onLeaf] = await links(leaf)
  assert.ok(onHub !== undefined && onLeaf !== undefined)
  assert.equal(onHub.name, 'leaf')
  assert.equal(onLeaf.name, 'hub')
  assert.deepEqual([onHub.isSpoke, onLeaf.isSpoke], [false, true])
  assert.deepEqual([onHub.isSolicited, onLeaf.isSolicited], [false, true])
  assert.deepEqual([onHub.account, onHub.remoteAccount], ['$G', '$G'])
  assert.deepEqual([onHub.outMsgs, onHub.outBytes], [1, 5])
  assert.deepEqual([onLeaf.inMsgs, onLeaf.inBytes], [1, 5])
  assert.match(onHub.compression, /^s2_(uncompressed|fast|better|best)$/)
  assert.equal(onLeaf.port, hub.leafPort)
  assert.equal(onLeaf.announced, onHub.subscriptions)
  assert.deepEqual((await leaf.leafs())?.remotes, [
    {
      urls: [...((await leaf.leafs())?.remotes[0]?.urls ?? [])],
      account: '$G',
      state: 'connected',
      link: onLeaf.id,
      failedAttempts: 0,
      lastError: '',
      nextAttemptMs: -1,
    },
  ])
})

test('a remote that is out of reach tells why, and when it is tried again', async (t) => {
  const port = await freePort()
  const leaf = await start(t, {
    leafnodes: {
      reconnectMs: 60_000,
      remotes: [
        { urls: [`nats://bob:secret@127.0.0.1:${port}`] },
        { urls: ['nats://127.0.0.1:1'], disabled: true },
      ],
    },
  })
  await eventually('the failed attempt', async () => {
    const report = await leaf.leafs()
    return report?.remotes[0]?.failedAttempts === 1
  })
  const [unreachable, disabled] = (await leaf.leafs())?.remotes ?? []
  assert.equal(unreachable?.state, 'waiting')
  assert.match(
    unreachable?.lastError ?? '',
    /^dial tcp 127\.0\.0\.1:\d+: connect: connection refused$/,
  )
  assert.deepEqual(unreachable?.urls, [`127.0.0.1:${port}`])
  const waitMs = unreachable?.nextAttemptMs ?? 0
  assert.ok(waitMs > 30_000 && waitMs <= 120_000, String(waitMs))
  assert.equal(disabled?.state, 'disabled')
  assert.equal(disabled?.nextAttemptMs, -1)
  assert.equal(JSON.stringify(await leaf.leafs()).includes('secret'), false)
})

/** A port nobody listens on any more. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK.host, resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
