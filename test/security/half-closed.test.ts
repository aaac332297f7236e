import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { program, type ServerProgram, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server-process.ts'

/** bcrypt of "s3cr3t" with cost 5: the login takes a few milliseconds. */
const HASH = '$2b$05$kqsoXc5qg8frE78OJk3a.ulzvFQ8znRu.xHsu4Wwy6Zd6AidrA/.O'
const USERS = `authorization { users [ {user: a, password: p}, {user: slow, password: "${HASH}"} ] }`

const ASKED = 'SUB foo 1\r\nPUB foo 2\r\nhi\r\nPING\r\n'
const ANSWERED = 'MSG foo 1 2\r\nhi\r\nPONG\r\n'

/** As `nc -N` does: everything at once, and then the end of what is sent. */
async function sendAndEnd(port: number, credentials: object): Promise<string> {
  await using client = await RawClient.connect(port)
  const connect = JSON.stringify({ verbose: false, ...credentials })
  await client.send(`CONNECT ${connect}\r\n${ASKED}`)
  client.end()
  const all = (await client.readUntilClose()).toString('latin1')
  return all.replace(/INFO .*\r\n/g, '')
}

function checks(server: ServerProgram): void {
  describe(`who has sent all it will send, ${server.name}`, { skip: skipReason(server) }, () => {
    it('gets its answers', async () => {
      await using open = await startServer(server, {})
      assert.equal(await sendAndEnd(open.port, {}), ANSWERED)
    })

    it('gets them after its login, also one that takes a while', async () => {
      await using closed = await startServer(server, { config: USERS })
      assert.equal(await sendAndEnd(closed.port, { user: 'a', pass: 'p' }), ANSWERED)
      assert.equal(await sendAndEnd(closed.port, { user: 'slow', pass: 's3cr3t' }), ANSWERED)
      const refused = await sendAndEnd(closed.port, { user: 'a', pass: 'wrong' })
      assert.equal(refused, "-ERR 'Authorization Violation'\r\n")
    })
  })
}

checks(program('sable'))
checks(program('nats-server'))
