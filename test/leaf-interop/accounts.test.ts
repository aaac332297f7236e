/** Links of several accounts, and what imports between accounts make cross them. */
import assert from 'node:assert/strict'
import { CLASSIC } from '../support/client-libraries.ts'
import { Collector, respondWith, textOf } from '../support/collector.ts'
import { crossInterest, crossMessages, waitForNoResponders } from './cross.ts'
import { exchange, logged } from './exchange.ts'
import { eachPair, type Pair } from './pairs.ts'

const TIMEOUT_MS = 10_000

/** Accounts of one server, each with a user of the same name in lower case. */
function accounts(rest: Readonly<Record<string, string>>): string {
  const texts = Object.entries(rest).map(
    ([name, more]) => `${name} { users: [ { user: ${name.toLowerCase()}, password: p } ]
      ${more} }`,
  )
  return `accounts {\n${texts.join('\n')}\n}`
}
const login = (user: string) => ({ user, pass: 'p' })

/** A remote for each pair of a local account and a user of the hub. */
function remotes(port: number, [first, ...rest]: readonly (readonly [string, string])[]) {
  const others = rest.map(
    ([local, user]) => `}, { url: "nats-leaf://${user}:p@127.0.0.1:${port}", account: ${local}`,
  )
  const [local, user] = first!
  return { credentials: `${user}:p`, remote: `account: ${local}\n${others.join('\n')}` }
}

const EXPORTS = 'exports: [ { service: "svc.>" }, { stream: "ev.>" } ]'
const IMPORTS = `imports: [
  { service: { account: EXP, subject: "svc.echo" }, to: "req.echo" }
  { stream: { account: EXP, subject: "ev.>" }, prefix: "from" } ]`
const SHARED = { EXP: EXPORTS, IMP: IMPORTS }

/** Leafs are told of what other accounts import since a later version. */
const isOld = ({ hub }: Pair) =>
  /2\.(9|10)$/.test(hub.name) && `${hub.name} tells leafs nothing of stream imports`

eachPair('accounts of leaf links', (check) => {
  check('links of several accounts between two servers stay apart', async (bench) => {
    const hub = await bench.startHub({ top: accounts({ A: '', B: '' }) })
    const leaf = await bench.startLeaf(hub.leafPort, {
      ...remotes(hub.leafPort, [
        ['LA', 'a'],
        ['LB', 'b'],
      ]),
      top: accounts({ LA: '', LB: '' }),
    })
    const [hubA, hubB] = [
      await bench.connect(hub, login('a')),
      await bench.connect(hub, login('b')),
    ]
    const [leafA, leafB] = [
      await bench.connect(leaf, login('la')),
      await bench.connect(leaf, login('lb')),
    ]
    const seen = [hubB, leafB].map((connection) => new Collector(connection, 'only.a'))
    await Promise.all([exchange(hubA, leafA), exchange(hubB, leafB)])
    for (const from of [hubA, leafA]) from.publish('only.a')
    await crossMessages(hubA, leafA)
    await crossMessages(leafA, hubA)
    await crossMessages(hubB, leafB)
    await crossMessages(leafB, hubB)
    assert.deepEqual(
      seen.map(({ messages }) => messages.length),
      [0, 0],
    )
    respondWith(hubA, 'service.a', String)
    await crossInterest(hubA, leafA)
    await waitForNoResponders(leafB, 'service.a')
    assert.doesNotMatch(hub.log + leaf.log, /Loop detected|Duplicate|Replacing/)
  })

  check('services and streams that the hub imports', async (bench) => {
    const hub = await bench.startHub({ top: accounts(SHARED) })
    const leaf = await bench.startLeaf(hub.leafPort, {
      ...remotes(hub.leafPort, [['L', 'imp']]),
      top: accounts({ L: '' }),
    })
    const atExporter = await bench.connect(hub, login('exp'))
    const atImporter = await bench.connect(hub, login('imp'))
    const atLeaf = await bench.connect(leaf, login('l'))
    const infos: string[] = []
    atExporter.subscribe('svc.echo', {
      callback: (_error, message) => {
        infos.push(message.headers?.get('Nats-Request-Info') ?? '')
        message.respond(message.data)
      },
    })
    const events = new Collector(atLeaf, 'from.ev.*')
    await crossInterest(atLeaf, atImporter)
    await crossInterest(atImporter, atLeaf)
    const headers = CLASSIC.headers()
    headers.set('Nats-Request-Info', '{"acc":"OTHER"}')
    for (const options of [{}, { headers }]) {
      const answer = await atLeaf.request('req.echo', 'x', { timeout: TIMEOUT_MS, ...options })
      assert.equal(textOf(answer), 'x')
    }
    const [first = '', second = ''] = infos
    assert.equal((JSON.parse(first) as { acc: string }).acc, 'IMP')
    // Hubs before 2.12 believe what they are told.
    const isBelieved = bench.pair.hub.name.startsWith('nats-server-2.')
    assert.equal((JSON.parse(second) as { acc: string }).acc, isBelieved ? 'OTHER' : 'IMP')
    for (const number of [1, 2, 3]) atExporter.publish(`ev.${number}`, String(number))
    await events.waitFor(3)
    assert.deepEqual(
      events.messages.map(({ subject }) => subject),
      ['from.ev.1', 'from.ev.2', 'from.ev.3'],
    )
  })

  check(
    'services and streams that a leaf exports to accounts of the hub',
    async (bench) => {
      const hub = await bench.startHub({ top: accounts(SHARED) })
      const leaf = await bench.startLeaf(hub.leafPort, {
        ...remotes(hub.leafPort, [
          ['OUT', 'exp'],
          ['IN', 'imp'],
        ]),
        top: accounts({ OUT: '', IN: '' }),
      })
      const atImporter = await bench.connect(hub, login('imp'))
      const atExporter = await bench.connect(hub, login('exp'))
      const atOut = await bench.connect(leaf, login('out'))
      const atIn = await bench.connect(leaf, login('in'))
      respondWith(atOut, 'svc.echo', (text) => text.toUpperCase())
      const seen = [new Collector(atImporter, 'from.>'), new Collector(atIn, 'from.ev.*')]
      await crossInterest(atOut, atExporter)
      await crossInterest(atIn, atImporter)
      await crossInterest(atImporter, atIn)
      for (const from of [atImporter, atIn]) {
        const answer = await from.request('req.echo', 'hello', { timeout: TIMEOUT_MS })
        assert.equal(textOf(answer), 'HELLO')
      }
      await crossInterest(atExporter, atOut)
      atOut.publish('ev.a', '1')
      atOut.publish('other.a', '2')
      atOut.publish('ev.b', '3')
      await Promise.all(seen.map((collector) => collector.waitFor(2)))
      for (const { texts } of seen) assert.deepEqual(texts, ['1', '3'])
      seen[0]!.subscription.unsubscribe()
      seen[1]!.subscription.unsubscribe()
    },
    isOld,
  )

  check('services and streams of the hub that accounts of the leaf import', async (bench) => {
    const hub = await bench.startHub({ top: accounts({ H: '' }) })
    const leaf = await bench.startLeaf(hub.leafPort, {
      ...remotes(hub.leafPort, [['EXP', 'h']]),
      top: accounts(SHARED),
    })
    const atHub = await bench.connect(hub, login('h'))
    const atExporter = await bench.connect(leaf, login('exp'))
    const atImporter = await bench.connect(leaf, login('imp'))
    respondWith(atHub, 'svc.echo', (text) => text.toUpperCase())
    await crossInterest(atHub, atExporter)
    await crossInterest(atExporter, atHub)
    for (const text of ['one', 'two']) {
      const answer = await atImporter.request('req.echo', text, { timeout: TIMEOUT_MS })
      assert.equal(textOf(answer), text.toUpperCase())
    }
    const events = new Collector(atImporter, 'from.ev.x')
    await atImporter.flush()
    await crossInterest(atExporter, atHub)
    atHub.publish('ev.x', 'event')
    await events.waitFor(1)
    assert.deepEqual(events.texts, ['event'])
  })

  check('the system accounts of both ends', async (bench) => {
    const top = accounts({ S: '' })
    const hub = await bench.startHub({ top: `${top}\nsystem_account: S` })
    const leaf = await bench.startLeaf(hub.leafPort, {
      ...remotes(hub.leafPort, [['S', 's']]),
      top: `${top}\nsystem_account: S`,
    })
    await exchange(await bench.connect(hub, login('s')), await bench.connect(leaf, login('s')))
  })

  check('an account has as many links as it may have, whoever dialled', async (bench) => {
    const hub = await bench.startHub({
      top: accounts({ A: '', B: 'limits: { max_leafnodes: 1 }' }),
    })
    const leaf = await bench.startLeaf(hub.leafPort, {
      ...remotes(hub.leafPort, [['L', 'b']]),
      name: 'first',
      top: accounts({ L: '' }),
    })
    const atHub = await bench.connect(hub, login('b'))
    const atLeaf = await bench.connect(leaf, login('l'))
    await exchange(atHub, atLeaf)
    const second = await bench.startLeaf(hub.leafPort, {
      ...remotes(hub.leafPort, [['L', 'b']]),
      name: 'second',
      top: accounts({ L: '' }),
    })
    await logged(second, /Leafnode Error 'maximum account active connections exceeded'/)
    await exchange(atHub, atLeaf)
    const limited = await bench.startLeaf(hub.leafPort, {
      ...remotes(hub.leafPort, [['NONE', 'a']]),
      name: 'limited',
      top: accounts({ NONE: 'limits: { max_leafnodes: 0 }' }),
    })
    await logged(limited, /maximum account active connections exceeded/)
  })
})
