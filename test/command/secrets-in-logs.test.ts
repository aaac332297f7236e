/** Traces are for protocols; what is secret or too long for a log stays out of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server-process.ts'
import { eachProgram } from './run-program.ts'

const PASSWORD = 'correct-horse-battery'
const TRACED_BYTES_MAX = 8

eachProgram('debug and trace lines', (program) => {
  const config = `
    authorization { user: derek, password: "${PASSWORD}" }
    max_traced_msg_len: ${TRACED_BYTES_MAX}
  `

  test('show the start of a payload only, on both sides', async () => {
    await using server = await startServer(program, { config, flags: ['-D', '-V'] })
    await using client = await RawClient.connect(server.port)
    await client.send(
      `CONNECT {"verbose":false,"user":"derek","pass":"${PASSWORD}"}\r\n` +
        'SUB traced 1\r\nPUB traced 20\r\n12345678SECRETSECRET\r\nPING\r\n',
    )
    await client.readUntil('PONG\r\n')
    await client.readUntil('12345678SECRETSECRET\r\n')
    await server.stop()
    assert.match(server.log, /<<- MSG_PAYLOAD: \["12345678\.\.\."\]/)
    assert.match(server.log, /->> \[MSG traced 1 20\]/)
    assert.match(server.log, /\[DBG\] .*Client connection created/)
    assert.doesNotMatch(server.log, /SECRET/)
    assert.ok(!server.log.includes(PASSWORD), server.logTail)
  })

  test('show neither a right nor a wrong password, nor the one in the configuration', async () => {
    await using server = await startServer(program, { config, flags: ['-DV'] })
    for (const pass of [PASSWORD, 'wrong-staple']) {
      await using client = await RawClient.connect(server.port)
      await client.send(`CONNECT {"user":"derek","pass":"${pass}"}\r\nPING\r\n`)
      await client.waitFor('an answer', () => /PONG|-ERR/.test(client.received.toString('latin1')))
    }
    await server.stop()
    assert.match(server.log, /<<- \[CONNECT \{/)
    assert.match(server.log, /authentication error/)
    assert.ok(!server.log.includes(PASSWORD), server.logTail)
    assert.doesNotMatch(server.log, /wrong-staple/)
  })
})
