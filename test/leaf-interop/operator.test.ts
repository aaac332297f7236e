/** Links between servers that trust an operator: users, accounts, and what becomes of them. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { connect, credsAuthenticator } from 'nats'
import { Administrator } from '../operator/jwt-client.ts'
import { nowS, type TestAccount, type User, World } from '../operator/world.ts'
import type { TestConnection } from '../support/client-libraries.ts'
import { Collector } from '../support/collector.ts'
import type { ServerProcess } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { crossInterest, crossMessages } from './cross.ts'
import { exchange, logged } from './exchange.ts'
import { type Bench, eachPair } from './pairs.ts'

const folder = mkdtempSync(join(tmpdir(), 'leaf-operator-'))
after(() => rmSync(folder, { recursive: true }))
const LINK_MS_MAX = 20_000
/** A user lives so long; whole seconds, as in claims. */
const SOON_S = 4

const credentialsOf = ({ jwt, keys }: User) =>
  [
    ...['-----BEGIN NATS USER JWT-----', jwt, '------END NATS USER JWT------', ''],
    ...['-----BEGIN USER NKEY SEED-----', keys.seed(), '------END USER NKEY SEED------', ''],
  ].join('\n')

/** Text for a remote. */
function credentials(user: User): string {
  const path = join(folder, `${crypto.randomUUID()}.creds`)
  writeFileSync(path, credentialsOf(user))
  return `credentials: "${path}"`
}

async function connectAs(
  connections: AsyncDisposableStack,
  server: ServerProcess,
  user: User,
): Promise<TestConnection> {
  const authenticator = credsAuthenticator(Buffer.from(credentialsOf(user)))
  const connection = await connect({ servers: server.url, authenticator })
  connections.defer(() => connection.close())
  return connection
}

const closings = ({ log }: ServerProcess) => log.match(/Leafnode connection closed/g)?.length ?? 0

eachPair('leaf links in operator mode', (check) => {
  check('an account of the operator at both ends', async (bench) => {
    await using connections = new AsyncDisposableStack()
    const [world, other] = [new World(), new World()]
    const [atTop, below] = [world.account('TOP'), other.account('BELOW')]
    const hub = await bench.startHub({ top: world.memoryConfig() })
    const leaf = await bench.startLeaf(hub.leafPort, {
      remote: `account: ${below.publicKey}\n${credentials(atTop.user())}`,
      top: other.memoryConfig(),
    })
    await exchange(
      await connectAs(connections, hub, atTop.user()),
      await connectAs(connections, leaf, below.user()),
    )
  })

  check('permissions in the JWT, types of connections, and the number of links', async (bench) => {
    await using connections = new AsyncDisposableStack()
    const world = new World()
    const [account, small] = [world.account('A'), world.account('SMALL')]
    const jwts = new Map([[small, small.jwt({ limits: { leaf: 1 } })]])
    const hub = await bench.startHub({ top: world.memoryConfig(jwts) })
    const leaf = (name: string, user: User) =>
      bench.startLeaf(hub.leafPort, { name, remote: credentials(user) })
    const marks = ['interest.>', 'messages.>', '_INBOX.>']
    const restricted = await leaf(
      'restricted',
      account.user({
        pub: { allow: [...marks, 'out.>'], deny: ['out.no'] },
        sub: { allow: [...marks, 'in.>'], deny: ['in.no'] },
      }),
    )
    const atHub = await connectAs(connections, hub, account.user())
    const atLeaf = await bench.connect(restricted)
    const [atTop, below] = [new Collector(atHub, '>'), new Collector(atLeaf, 'in.>')]
    await crossInterest(atHub, atLeaf, LINK_MS_MAX)
    await crossInterest(atLeaf, atHub)
    for (const subject of ['out.no', 'other', 'out.a']) atLeaf.publish(subject, 'up')
    for (const subject of ['in.no', 'in.a']) atHub.publish(subject, 'down')
    await crossMessages(atLeaf, atHub)
    await crossMessages(atHub, atLeaf)
    const subjects = (texts: Collector, text: string) =>
      texts.messages.filter(({ data }) => Buffer.from(data).equals(Buffer.from(text)))
    assert.deepEqual(
      subjects(atTop, 'up').map(({ subject }) => subject),
      ['out.a'],
    )
    assert.deepEqual(
      subjects(below, 'down').map(({ subject }) => subject),
      ['in.a'],
    )

    const onlyClients = { allowed_connection_types: ['STANDARD'] }
    const refused = await leaf('refused', account.user(onlyClients))
    await logged(refused, /Leafnode Error 'Authorization Violation'/)
    const first = await leaf('first', small.user({ allowed_connection_types: ['LEAFNODE'] }))
    const atSmall = await connectAs(connections, hub, small.user())
    await exchange(atSmall, await bench.connect(first), LINK_MS_MAX)
    const second = await leaf('second', small.user())
    await logged(second, /Leafnode Error 'maximum account active connections exceeded'/)
  })

  check('users that expire or are revoked, and new permissions of an account', async (bench) => {
    await using connections = new AsyncDisposableStack()
    const world = new World()
    const directory = mkdtempSync(join(folder, 'accounts-'))
    const hub = await bench.startHub({ top: world.directoryConfig(directory) })
    await using administrator = await Administrator.open(hub, world)
    let issuedS = nowS() - 100
    const push = async (account: TestAccount, nats: { [name: string]: unknown } = {}) => {
      await administrator.push(account.jwt(nats, { iat: ++issuedS }))
    }
    const account = world.account('A')
    await push(account)
    const [lasting, revoked] = [account.user(), account.user()]
    const [one, two, three] = await Promise.all(
      [lasting, revoked, account.user({}, { exp: nowS() + SOON_S })].map((user, at) =>
        bench.startLeaf(hub.leafPort, {
          name: `leaf${at}`,
          remote: credentials(user),
        }),
      ),
    )
    const atHub = await connectAs(connections, hub, account.user())
    for (const leaf of [one!, two!]) {
      await crossInterest(atHub, await bench.connect(leaf), LINK_MS_MAX)
    }
    await logged(three!, /Leafnode Error 'User Authentication Expired'/)
    await logged(three!, /Leafnode Error 'Authorization Violation'/)

    await push(account, { revocations: { [revoked.keys.publicKey]: nowS() + 1000 } })
    await logged(two!, /Leafnode Error 'User Authentication Revoked'/)
    assert.equal(closings(one!), 0)
    await expectNewPermissions(bench, one!, atHub, () =>
      push(account, { default_permissions: { pub: {}, sub: { deny: ['in.no'] } } }),
    )
  })
})

/** nats-server goes on with the new ones turned round, so only Sable as a hub is looked at. */
async function expectNewPermissions(
  bench: Bench,
  leaf: ServerProcess,
  atHub: TestConnection,
  change: () => Promise<void>,
): Promise<void> {
  if (bench.pair.hub.name !== 'sable') return
  await change()
  await until('the link to end', () => closings(leaf) > 0)
  const atLeaf = await bench.connect(leaf)
  const seen = new Collector(atLeaf, 'in.*')
  await crossInterest(atLeaf, atHub, LINK_MS_MAX)
  for (const subject of ['in.no', 'in.a']) atHub.publish(subject)
  await crossMessages(atHub, atLeaf)
  assert.deepEqual(
    seen.messages.map(({ subject }) => subject),
    ['in.a'],
  )
}
