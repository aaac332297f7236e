import assert from 'node:assert/strict'
import { it } from 'node:test'
import { NkeyPair } from '../../src/auth/nkeys.ts'
import { SECRET_HASH } from '../auth/bcrypt-hashes.ts'
import { eachServer } from '../operator/each-server.ts'
import type { ServerProgram } from '../support/peers.ts'
import { closedWith, Reloading } from './reloading.ts'

const TIMEOUT_MS = 60_000
const VIOLATION = closedWith('Authorization Violation')
const EVICTED = closedWith()
const STAYS = ''

function user(name: string, more = ''): string {
  return `{ user: ${name}, password: ${name}-secret${more} }`
}

function as(name: string, pass = `${name}-secret`): object {
  return { user: name, pass }
}

/** Users of accounts A and B, and what else these have. */
function accounts(a: readonly string[], b: readonly string[], more = { a: '', b: '' }): string {
  const list = (users: readonly string[]) => `users: [ ${users.join(', ')} ]`
  return `accounts { A { ${list(a)}, ${more.a} }, B { ${list(b)}, ${more.b} } }\n`
}

eachServer('reload, clients', (program) => {
  const options = { timeout: TIMEOUT_MS }
  it('logins come, change and go', options, () => logins(program))
  it('one user, then nkeys, then accounts of nkeys', options, () => otherLogins(program))
  it('accounts, permissions and limits change', options, () => accountsChange(program))
  it('what is exchanged between accounts changes', options, () => exchange(program))
  it('limits and INFO change', options, () => limits(program))
})

async function logins(program: ServerProgram): Promise<void> {
  await using server = await Reloading.start(program, '')
  const anonymous = await server.client({})
  const silent = await server.client(undefined)
  const right = await server.client(as('bob'), 'SUB foo 1')
  const wrong = await server.client(as('bob', 'guess'))
  const unknown = await server.client(as('eve'))

  // Switched on.
  await server.reload(`authorization { users: [ ${user('bob')}, ${user('amy')} ] }`)
  assert.equal(await anonymous.say(), VIOLATION)
  assert.equal(await silent.say(), VIOLATION)
  assert.equal(await right.say('PUB foo 2', 'ok'), 'MSG foo 1 2\r\nok\r\n')
  assert.equal(await wrong.say(), VIOLATION)
  assert.equal(await unknown.say(), EVICTED)
  const amy = await server.client(as('amy'))
  assert.equal(amy.info['auth_required'], true)

  // One goes, one gets another password, one is new.
  const other = '{ user: bob, password: secret }'
  await server.reload(`authorization { users: [ ${other}, ${user('eve')} ] }`)
  assert.equal(await right.say(), VIOLATION)
  assert.equal(await amy.say(), EVICTED)
  const eve = await server.client(as('eve'))
  assert.equal(await eve.say(), STAYS)
  const bob = await server.client(as('bob', 'secret'))

  // Hashes: the same password, and another one.
  const hashed = (name: string) => `{ user: ${name}, password: "${SECRET_HASH}" }`
  await server.reload(`authorization { users: [ ${hashed('bob')}, ${hashed('eve')} ] }`)
  assert.equal(await bob.say(), STAYS)
  assert.equal(await eve.say(), VIOLATION)

  // A token, changed.
  await server.reload('authorization { token: first }')
  const token = await server.client({ auth_token: 'first' })
  await server.reload('authorization { token: first }\nmax_payload: 1000')
  assert.equal(await token.say(), STAYS)
  await server.reload('authorization { token: second }')
  assert.equal(await token.say(), VIOLATION)

  // Switched off.
  const last = await server.client({ auth_token: 'second' })
  await server.reload('')
  assert.equal(await last.say(), STAYS)
  assert.equal(await (await server.client({})).say(), STAYS)
}

async function otherLogins(program: ServerProgram): Promise<void> {
  const one = 'authorization { user: bob, password: first }'
  await using server = await Reloading.start(program, one)
  const bob = await server.client(as('bob', 'first'))
  await server.reload('authorization { user: bob, password: second }')
  // nats-server lets nobody stay where there is one user, and tells no reason.
  assert.ok((await bob.say()).endsWith(EVICTED))
  const back = await server.client(as('bob', 'second'), 'SUB foo 1')

  // Users with keys take the place of the one with a password.
  const [amy, eve] = [NkeyPair.generate('user'), NkeyPair.generate('user')]
  const signed = (pair: NkeyPair) => (nonce: string) => ({
    nkey: pair.publicKey,
    sig: pair.sign(nonce),
  })
  await server.reload(`authorization { users: [ { nkey: ${amy.publicKey} } ] }`)
  assert.equal(await back.say(), EVICTED)
  const first = await server.client(signed(amy))
  assert.equal(await first.say(), STAYS)
  assert.equal(await (await server.client(signed(eve))).say(), EVICTED)

  // Another key; then the same one again, in an account.
  await server.reload(`authorization { users: [ { nkey: ${eve.publicKey} } ] }`)
  assert.equal(await first.say(), EVICTED)
  const second = await server.client(signed(eve))
  const inAccount = (name: string, key: string) => `${name} { users: [ { nkey: ${key} } ] }`
  await server.reload(`accounts { ${inAccount('A', eve.publicKey)} }`)
  assert.equal(await second.say(), EVICTED)
  const third = await server.client(signed(eve), 'SUB foo 1')
  await server.reload(
    `accounts { ${inAccount('A', eve.publicKey)}, ${inAccount('B', amy.publicKey)} }`,
  )
  const other = await server.client(signed(amy))
  assert.equal(await other.say('PUB foo 1', 'x'), STAYS)
  assert.equal(await third.say('PUB foo 1', 'y'), 'MSG foo 1 1\r\ny\r\n')
}

async function accountsChange(program: ServerProgram): Promise<void> {
  await using server = await Reloading.start(
    program,
    accounts([user('mover'), user('free')], [user('other')]),
  )
  const mover = await server.client(as('mover'))
  const free = await server.client(as('free'), 'SUB foo 1', 'SUB bar q 2', 'SUB baz 3')
  const other = await server.client(as('other'))

  await server.reload(
    accounts(
      [user('free', ', permissions { subscribe { deny: [foo, bar] }, publish { deny: hidden } }')],
      [user('other'), user('mover')],
    ),
  )
  assert.equal(await mover.say(), EVICTED)
  assert.equal(await other.say(), STAYS)
  const removed = await free.say()
  // The order of subscriptions is left open.
  assert.deepEqual(removed.split('\r\n').sort(), [
    '',
    `-ERR 'Permissions Violation for Subscription to "bar" using queue "q" (sid "2")'`,
    `-ERR 'Permissions Violation for Subscription to "foo" (sid "1")'`,
  ])
  assert.equal(await free.say('PUB foo 1', 'x', 'PUB baz 1', 'y'), 'MSG baz 3 1\r\ny\r\n')
  assert.match(await free.say('PUB hidden 1', 'x'), /Permissions Violation for Publish to "hidden"/)
  assert.match(server.server.log, /Removed sub "foo" \(sid "1"\)/)

  // Permissions are taken back.
  await server.reload(accounts([user('free')], [user('other')]))
  assert.equal(await free.say('SUB foo 4', 'PUB foo 1', 'x'), 'MSG foo 4 1\r\nx\r\n')
  assert.equal(await free.say('PUB hidden 1', 'x'), STAYS)

  // An account gets limits, and another one goes.
  const second = await server.client(as('free'))
  await server.reload(
    `accounts { A { users: [ ${user('free')} ], limits { max_conn: 1, max_payload: 3 } } }`,
  )
  assert.equal(await other.say(), EVICTED)
  const both = [await free.say(), await second.say()]
  assert.deepEqual(both.sort(), [STAYS, closedWith('maximum account active connections exceeded')])
  const stayed = both[0] === STAYS ? free : second
  assert.equal(await stayed.say('PUB foo 4', '1234'), closedWith('Maximum Payload Violation'))
}

async function exchange(program: ServerProgram): Promise<void> {
  const exports = 'exports: [ { stream: "s.>" }, { service: "q.>" } ]'
  const config = (more: string) => accounts([user('a')], [user('b')], { a: exports, b: more })
  await using server = await Reloading.start(program, config(''))
  const a = await server.client(as('a'), 'SUB q.1 1')
  const b = await server.client(as('b'), 'SUB s.1 1', 'SUB x.1 2', 'SUB answer 3', 'SUB to 4')
  /** What both get of a message, a request and its answer, and a mapped message. */
  const run = async () => {
    await a.say('PUB s.1 1', 'm')
    const ofB = await b.say('PUB q.1 answer 1', 'r', 'PUB from 1', 'f')
    return [await a.say(), ofB]
  }
  assert.deepEqual(await run(), ['', ''])

  const stream = '{ stream: { account: A, subject: "s.>" } }'
  const service = '{ service: { account: A, subject: "q.1" } }'
  await server.reload(config(`imports: [ ${stream}, ${service} ], mappings = { from: to }`))
  assert.deepEqual(await run(), [
    'MSG q.1 1 _R_ 1\r\nr\r\n',
    'MSG s.1 1 1\r\nm\r\nMSG to 4 1\r\nf\r\n',
  ])

  const other = '{ stream: { account: A, subject: "s.*" }, to: "x.$1" }'
  await server.reload(config(`imports: [ ${other} ]`))
  assert.deepEqual(await run(), ['', 'MSG x.1 2 1\r\nm\r\n'])

  await server.reload(config(''))
  assert.deepEqual(await run(), ['', ''])
}

async function limits(program: ServerProgram): Promise<void> {
  await using server = await Reloading.start(program, '')
  const first = await server.client({})
  const second = await server.client({})
  await server.reload('max_payload: 5')
  assert.equal((await server.client({})).info['max_payload'], 5)
  assert.equal(await first.say('PUB foo 6', '123456'), closedWith('Maximum Payload Violation'))

  await server.reload('max_control_line: 60')
  assert.equal(await second.say('PUB foo 6', '123456'), STAYS)
  const line = `PUB ${'x'.repeat(80)} 1`
  assert.equal(await second.say(line, 'x'), closedWith('maximum control line exceeded'))

  await server.reload('client_advertise: "example.com:99"')
  const { host, port } = (await server.client({})).info
  assert.deepEqual({ host, port }, { host: 'example.com', port: 99 })

  // What is traced changes for those who are here, too.
  const third = await server.client({})
  await server.reload('trace: true')
  await third.say('PUB loud 1', 'x')
  await server.reload('trace: false')
  await third.say('PUB quiet 1', 'x')
  assert.match(server.server.log, /<<- \[PUB loud 1\]/)
  assert.doesNotMatch(server.server.log, /<<- \[PUB quiet 1\]/)

  await server.reload('ping_interval: "50ms"\nping_max: 1')
  const stale = await server.client({})
  assert.match(await stale.hear('Stale Connection'), /-ERR 'Stale Connection'/)

  await server.reload('ping_interval: "2m"\nmax_connections: 1')
  const fourth = await server.client(undefined)
  assert.match(await fourth.say(), /maximum connections exceeded/)
}
