import assert from 'node:assert/strict'
import { it } from 'node:test'
import { eachServer } from '../operator/each-server.ts'
import { type User, World } from '../operator/world.ts'
import type { ServerProgram } from '../support/peers.ts'
import { closedWith, Reloading } from './reloading.ts'

const TIMEOUT_MS = 60_000

function as({ jwt, keys }: User) {
  return (nonce: string): object => ({ jwt, sig: keys.sign(nonce) })
}

eachServer('reload, operator mode', (program) => {
  it('accounts of resolver_preload change and go', { timeout: TIMEOUT_MS }, () => preload(program))
})

async function preload(program: ServerProgram): Promise<void> {
  const world = new World()
  const kept = world.account('KEPT')
  const changed = world.account('CHANGED')
  const gone = new World().account('GONE', world.signingKey)
  const user = changed.user()
  const original = changed.jwt()
  // Another JWT of the operator, be it only of another second, would be refused.
  const base = world.memoryConfig(new Map([[changed, original]]))
  const list = 'resolver_preload: {'
  const config = base.replace(list, `${list}\n${gone.publicKey}: ${gone.jwt()}`)
  await using server = await Reloading.start(program, config)
  const keeps = await server.client(as(kept.user()), 'SUB foo 1')
  const revoked = await server.client(as(user))
  const stays = await server.client(as(changed.user()))
  const leaves = await server.client(as(gone.user()))
  assert.equal(await leaves.say(), '')

  const revocations = { [user.keys.publicKey]: Math.floor(Date.now() / 1000) + 1 }
  const jwt = changed.jwt({ revocations, limits: { payload: 3 } })
  await server.reload(base.replace(original, jwt))
  assert.equal(await keeps.say('PUB foo 4', '1234'), 'MSG foo 1 4\r\n1234\r\n')
  assert.match(await revoked.say(), /^-ERR 'User Authentication Revoked'\r\n/)
  assert.equal(await stays.say('PUB foo 4', '1234'), closedWith('Maximum Payload Violation'))
  assert.equal(await leaves.say(), closedWith('Authorization Violation'))
  assert.match(
    server.server.log,
    new RegExp(`Reloaded: deleting account \\[removed\\]: "${gone.publicKey}"`),
  )
}
