import assert from 'node:assert/strict'
import type { TestConnection } from '../support/client-libraries.ts'
import { Collector, respondWith, textOf } from '../support/collector.ts'
import type { ServerProcess } from '../support/server-process.ts'
import { crossInterest, crossMessages, waitForNoResponders } from './cross.ts'
import { type Bench, eachPair, type LeafOptions } from './pairs.ts'

const TIMEOUT_MS = 10_000
/** Subjects of the tests' own tools. */
const TOOLS = '"interest.>", "messages.>", "_INBOX.>"'

/** A hub whose user "leaf" has these permissions. */
function hubTop(publish: string, subscribe: string): string {
  return `authorization { users: [
    { user: admin, password: pa }
    { user: leaf, password: pl, permissions: {
        publish: { ${publish} }, subscribe: { ${subscribe} } } }
  ] }`
}

interface Ends {
  readonly hub: ServerProcess
  readonly leaf: ServerProcess
  readonly atHub: TestConnection
  readonly atLeaf: TestConnection
}

async function restricted(
  bench: Bench,
  publish: string,
  subscribe: string,
  options: LeafOptions = {},
): Promise<Ends> {
  const hub = await bench.startHub({ top: hubTop(publish, subscribe), flags: ['-DV'] })
  const leaf = await bench.startLeaf(hub.leafPort, {
    credentials: 'leaf:pl',
    flags: ['-DV'],
    ...options,
  })
  const atHub = await bench.connect(hub, { user: 'admin', pass: 'pa' })
  return { hub, leaf, atHub, atLeaf: await bench.connect(leaf) }
}

/** What arrives at one end of what the other publishes, of these subjects. */
async function crossing(
  from: TestConnection,
  to: TestConnection,
  wish: string | readonly string[],
  subjects: readonly string[],
): Promise<string[]> {
  const wishes = typeof wish === 'string' ? [wish] : wish
  const seen = wishes.map((one) => new Collector(to, one))
  await crossInterest(to, from)
  for (const subject of subjects) from.publish(subject, subject)
  await crossMessages(from, to)
  for (const { subscription } of seen) subscription.unsubscribe()
  return seen.flatMap(({ texts }) => texts).filter((text) => subjects.includes(text))
}

eachPair('permissions and deny lists', (check) => {
  check('deny lists of the user: exact, with wildcards, below a wider wish', async (bench) => {
    const { hub, atHub, atLeaf } = await restricted(
      bench,
      'deny: ["no", "no.*", "deep.no.>"]',
      'deny: ["not", "not.*", "deep.not.>"]',
    )
    const up = ['no', 'no.x', 'no.x.y', 'deep.no', 'deep.no.x.y', 'yes', 'last']
    assert.deepEqual(await crossing(atLeaf, atHub, '>', up), ['no.x.y', 'deep.no', 'yes', 'last'])
    const down = ['not', 'not.x', 'not.x.y', 'deep.not', 'deep.not.x.y', 'yes', 'last']
    const wishes = ['*', '*.*', '*.*.*', 'deep.>']
    assert.deepEqual(
      (await crossing(atHub, atLeaf, wishes, down)).sort(),
      // Both wishes of "deep.not" get it.
      ['deep.not', 'deep.not', 'last', 'not.x.y', 'yes'],
    )
    assert.doesNotMatch(hub.log, /Violation/)
  })

  check('allow lists of the user, and wishes wider than they are', async (bench) => {
    const { atHub, atLeaf, hub } = await restricted(
      bench,
      `allow: ["up.>", "one", ${TOOLS}], deny: "up.no"`,
      `allow: ["down.*", "one", ${TOOLS}], deny: "down.no"`,
    )
    const up = ['up.a', 'up.no', 'one', 'two', 'up.a.b']
    assert.deepEqual(await crossing(atLeaf, atHub, '>', up), ['up.a', 'one', 'up.a.b'])
    const down = ['down.a', 'down.no', 'one', 'two', 'down.a.b']
    assert.deepEqual(await crossing(atHub, atLeaf, '>', down), ['down.a', 'one'])
    // Wishes the leaf may not have stay at home, so nothing has to be refused.
    const other = new Collector(atLeaf, 'two')
    await crossInterest(atLeaf, atHub)
    assert.doesNotMatch(hub.log, /\[LS\+ two|\[LS\+ down\.no/)
    await waitForNoResponders(atHub, 'two')
    assert.deepEqual(other.texts, [])
    assert.doesNotMatch(hub.log, /Violation/)
  })

  check(
    'a deny for one queue group leaves the others alone',
    async (bench) => {
      const { atHub, atLeaf } = await restricted(
        bench,
        'deny: "none"',
        'deny: ["work q", "any *.no"]',
      )
      const groups = [
        { seen: new Collector(atLeaf, 'work', { queue: 'q' }), wanted: 0 },
        { seen: new Collector(atLeaf, 'work', { queue: 'p' }), wanted: 3 },
        { seen: new Collector(atLeaf, 'work'), wanted: 3 },
        { seen: new Collector(atLeaf, 'any', { queue: 'a.no' }), wanted: 0 },
        { seen: new Collector(atLeaf, 'any', { queue: 'a.yes' }), wanted: 3 },
      ]
      await crossInterest(atLeaf, atHub)
      for (let i = 0; i < 3; i += 1) {
        atHub.publish('work', String(i))
        atHub.publish('any', String(i))
      }
      await crossMessages(atHub, atLeaf)
      assert.deepEqual(
        groups.map(({ seen }) => seen.messages.length),
        groups.map(({ wanted }) => wanted),
      )
    },
    ({ hub }) =>
      hub.name.startsWith('nats-server-2.') && `${hub.name} denies no groups on leaf links`,
  )

  check(
    'permissions and the deny lists of the remote add up',
    async (bench) => {
      const { atHub, atLeaf, hub, leaf } = await restricted(
        bench,
        'deny: "a.out"',
        'deny: "a.in"',
        { remote: 'deny_exports: ["b.out", "c.*.out"], deny_imports: ["b.in", "c.*.in"]' },
      )
      const up = ['a.out', 'b.out', 'c.x.out', 'a.in', 'b.in', 'd.out']
      assert.deepEqual(await crossing(atLeaf, atHub, '>', up), ['a.in', 'b.in', 'd.out'])
      const down = ['a.in', 'b.in', 'c.x.in', 'a.out', 'b.out', 'd.in']
      assert.deepEqual(await crossing(atHub, atLeaf, '>', down), ['a.out', 'b.out', 'd.in'])
      assert.doesNotMatch(hub.log + leaf.log, /Violation|connection closed/)
    },
    ({ leaf }) =>
      leaf.name.startsWith('nats-server') && `${leaf.name} also keeps back what it may not receive`,
  )

  check('requests: allowed, not allowed, and answers', async (bench) => {
    const { atHub, atLeaf } = await restricted(
      bench,
      `allow: ["ask.>", ${TOOLS}]`,
      `allow: ["serve.>", ${TOOLS}]`,
    )
    for (const subject of ['ask.x', 'other.x']) respondWith(atHub, subject, () => 'hub')
    for (const subject of ['serve.x', 'other.y']) respondWith(atLeaf, subject, () => 'leaf')
    await Promise.all([crossInterest(atHub, atLeaf), crossInterest(atLeaf, atHub)])
    const asked = async (from: TestConnection, subject: string) =>
      textOf(await from.request(subject, '', { timeout: TIMEOUT_MS }))
    assert.deepEqual([await asked(atLeaf, 'ask.x'), await asked(atHub, 'serve.x')], ['hub', 'leaf'])
    await waitForNoResponders(atHub, 'other.y')
    await assert.rejects(atLeaf.request('other.x', '', { timeout: 500 }))
  })

  check('JetStream of each side is its own', async (bench) => {
    const hub = await bench.startHub({ flags: ['-DV'] })
    const leaf = await bench.startLeaf(hub.leafPort, { flags: ['-DV'] })
    const [atHub, atLeaf] = [await bench.connect(hub), await bench.connect(leaf)]
    const subjects = [
      '$JS.API.INFO',
      '$JS.API.STREAM.LIST',
      '$KV.bucket.key',
      '$OBJ.b.C.x',
      '$JS.ACK.x',
      '$JS.FC.x',
    ]
    const crossed = ['$JS.ACK.x', '$JS.FC.x']
    const wishes = ['$JS.API.INFO', '$JS.API.>', '$KV.>', '$OBJ.b.C.x', '$JS.ACK.>', '$JS.FC.*']
    assert.deepEqual(await crossing(atHub, atLeaf, wishes, subjects), crossed)
    assert.deepEqual(await crossing(atLeaf, atHub, wishes, subjects), crossed)
    assert.deepEqual(await crossing(atHub, atLeaf, '>', subjects), crossed)
    assert.deepEqual(await crossing(atLeaf, atHub, '>', subjects), crossed)
    for (const { log, program } of [hub, leaf]) {
      assert.doesNotMatch(
        log,
        /\[LS\+ \$(JS\.API|KV|OBJ)\./,
        `announced, in the log of ${program.name}`,
      )
    }
  })

  check('each side may have deny lists of its own in a chain', async (bench) => {
    const top = await bench.startHub({ name: 'top' })
    const middle = await bench.startLeaf(top.leafPort, {
      name: 'middle',
      remote: 'deny_imports: "x.in", deny_exports: "x.out"',
      leafnodes: 'host: 127.0.0.1, port: -1',
    })
    const bottom = await bench.startLeaf(
      middle.leafPort,
      {
        name: 'bottom',
        remote: 'deny_imports: "y.in", deny_exports: "y.out"',
      },
      bench.pair.hub,
    )
    const [atTop, atBottom] = [await bench.connect(top), await bench.connect(bottom)]
    const atMiddle = await bench.connect(middle)
    await Promise.all([crossInterest(atBottom, atTop), crossInterest(atTop, atBottom)])
    const all = ['x.in', 'x.out', 'y.in', 'y.out', 'z']
    const wishes = ['x.in', 'x.out', 'y.in', 'y.out', 'z']
    assert.deepEqual((await crossing(atTop, atBottom, wishes, all)).sort(), ['x.out', 'y.out', 'z'])
    assert.deepEqual((await crossing(atBottom, atTop, wishes, all)).sort(), ['x.in', 'y.in', 'z'])
    assert.deepEqual((await crossing(atTop, atMiddle, wishes, all)).sort(), [
      'x.out',
      'y.in',
      'y.out',
      'z',
    ])
  })
})
