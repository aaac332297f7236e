import assert from 'node:assert/strict'
import { it } from 'node:test'
import { NkeyPair } from '../../src/auth/nkeys.ts'
import { eachServer } from '../operator/each-server.ts'
import { World } from '../operator/world.ts'
import { type Connect, Reloading } from '../reload/reloading.ts'
import type { ServerProgram } from '../support/peers.ts'
import { until } from '../support/wait.ts'

const TIMEOUT_MS = 60_000
const HTTP = 'http: "127.0.0.1:-1"\n'
const KEYS = NkeyPair.generate('user')

const signed: Connect = (nonce) => ({ nkey: KEYS.publicKey, sig: KEYS.sign(nonce) })

interface Shown {
  readonly [member: string]: unknown
}

eachServer('who is connected', (program) => {
  const options = { timeout: TIMEOUT_MS }
  it('is shown by name, key or as a token, without secrets', options, () => byPassword(program))
  it('is shown with what a JWT says', options, () => byJwt(program))
})

/** What /connz shows of all connections, the latest last. */
async function connz({ server }: Reloading, query: string): Promise<[string, readonly Shown[]]> {
  const url = `http://127.0.0.1:${server.monitorPort}/connz?sort=cid&${query}`
  const text = await (await fetch(url)).text()
  return [text, (JSON.parse(text) as { connections: Shown[] }).connections]
}

async function byPassword(program: ServerProgram): Promise<void> {
  // In this order: nats-server keeps a list of users when one user takes its place.
  const logins: readonly (readonly [config: string, connect: Connect, shown: string])[] = [
    ['token: hidden', { auth_token: 'hidden' }, '[REDACTED]'],
    ['user: amy, password: hidden', { user: 'amy', pass: 'hidden' }, 'amy'],
    ['users: [ { user: bob, password: hidden } ]', { user: 'bob', pass: 'hidden' }, 'bob'],
    [`users: [ { nkey: ${KEYS.publicKey} } ]`, signed, KEYS.publicKey],
  ]
  const config = (login: string) => `${HTTP}authorization { ${login} }`
  await using server = await Reloading.start(program, config(logins[0]![0]))
  for (const [login, connect, shown] of logins) {
    await server.reload(config(login))
    const client = await server.client(connect)
    const [text, connections] = await connz(server, 'auth=1')
    assert.equal(connections.at(-1)?.['authorized_user'], shown)
    assert.equal((await connz(server, ''))[1].at(-1)?.['authorized_user'], undefined)
    client.close()
    const closed = await until('its end', async () => {
      const [all, list] = await connz(server, 'state=closed&auth=1')
      return list.at(-1)?.['cid'] === connections.at(-1)?.['cid'] && all
    })
    for (const each of [text, closed]) {
      assert.ok(each.includes(`"authorized_user": "${shown}"`))
      assert.ok(!each.includes('hidden'))
    }
  }
}

async function byJwt(program: ServerProgram): Promise<void> {
  const world = new World()
  const account = world.account('ORDERS')
  const { jwt, keys } = account.user()
  await using server = await Reloading.start(program, HTTP + world.memoryConfig(new Map()))
  await server.client((nonce) => ({ jwt, sig: keys.sign(nonce) }))
  const [, connections] = await connz(server, 'auth=1')
  const { authorized_user, account: shown, jwt: told, issuer_key, name_tag } = connections.at(-1)!
  assert.deepEqual(
    [authorized_user, shown, told, issuer_key, name_tag],
    [keys.publicKey, account.publicKey, jwt, account.publicKey, 'ORDERS'],
  )
}
