import assert from 'node:assert/strict'
import { test } from 'node:test'
import { program } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server-process.ts'
import { DEADLINE_MS } from '../support/wait.ts'
import { LoggedIn } from './logged-in.ts'

/** bcrypt of "s3cr3t" with cost 11, as nats-server's own tool makes them: a tenth of a second. */
const HASH = '$2b$11$rJlMO12HqzWqOgH2RrLPeOr8pIcWBJBrQhqVXHM1.IEJPfeB6ufuG'
const CONFIG = `
authorization {
  timeout: 60
  users = [ { user: slow, password: "${HASH}" }, { user: plain, password: p } ]
}
`
const FLOOD = 200
const ATTEMPT = 'CONNECT {"verbose":false,"user":"slow","pass":"wrong"}\r\nPING\r\n'

test('200 bcrypt logins in flight keep no other client waiting', { timeout: 120_000 }, async () => {
  await using server = await startServer(program('sable'), { config: CONFIG })
  await using sender = await LoggedIn.as(server.port, 'plain')
  await using receiver = await LoggedIn.as(server.port, 'plain')
  receiver.send('SUB flow 1\r\n')
  await receiver.flush()
  const flood = await Promise.all(
    Array.from({ length: FLOOD }, () => RawClient.connect(server.port)),
  )
  for (const client of flood) void client.send(ATTEMPT)
  for (let i = 0; i < 20; i++) {
    sender.publish('flow', `${i}`)
    await sender.flush()
    // Who needs no bcrypt is let in at once, too.
    await using late = await LoggedIn.as(server.port, 'plain')
    await late.flush()
  }
  await receiver.raw.waitFor('the flow', () => receiver.messages.length === 20)
  const stillWaiting = flood.filter(({ closedBy }) => closedBy === null).length
  assert.ok(stillWaiting > FLOOD / 4, `only ${stillWaiting} logins were still under way`)
  for (const client of flood) client.close()
  // Those who are gone are not verified any more: the next one is not behind 200 of them.
  const startMs = Date.now()
  await using last = await RawClient.connect(server.port)
  await last.send('CONNECT {"verbose":false,"user":"slow","pass":"s3cr3t"}\r\nPING\r\n')
  await last.readUntil('PONG\r\n', 6 * DEADLINE_MS)
  const tookMs = Date.now() - startMs
  assert.ok(tookMs < stillWaiting * 60, `${tookMs} ms after ${stillWaiting} had left`)
})
