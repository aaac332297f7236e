import assert from 'node:assert/strict'
import { test } from 'node:test'
import { program, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'

const CONFIG = `
accounts {
  A: {
    users: [
      { user: a, password: p, permissions: { publish: "ok", subscribe: ["ok", "q w"] } }
      { user: n, password: p }
    ]
    limits: { max_subscriptions: 2, max_payload: 5 }
  }
  B: { users: [ { user: ws, password: p, allowed_connection_types: [WEBSOCKET] } ] }
}
`

function connect(members: object): string {
  return `CONNECT ${JSON.stringify({ verbose: false, ...members })}\r\n`
}

/** What a client sends, and the lines of level ERR that this brings, without their time. */
const SCRIPTS: Readonly<Record<string, readonly [bytes: string, lines: readonly string[]]>> = {
  permissions: [
    connect({ user: 'a', pass: 'p' }) +
      'PUB no 1\r\nx\r\nSUB no 1\r\nSUB no q 2\r\nSUB q x 3\r\nPUB ok _R_.x 1\r\nx\r\n',
    [
      '"A/user:a" - Publish Violation - Subject "no"',
      '"A/user:a" - Subscription Violation - Subject "no", SID 1',
      '"A/user:a" - Subscription Violation - Subject "no", Queue: "q", SID 2',
      '"A/user:a" - Subscription Violation - Subject "q", Queue: "x", SID 3',
      '"A/user:a" - Publish Violation - Reply "_R_.x"',
    ],
  ],
  'too many subscriptions': [
    `${connect({ user: 'n', pass: 'p' })}SUB a 1\r\nSUB b 2\r\nSUB c 3\r\n`,
    ['"A/user:n" - maximum subscriptions exceeded'],
  ],
  'too large a payload': [
    `${connect({ user: 'n', pass: 'p' })}PUB a 6\r\nxxxxxx\r\n`,
    ['"A/user:n" - maximum payload exceeded: 6 vs 5'],
  ],
  'a wrong password': [connect({ user: 'a', pass: 'x' }), ['authentication error - User "a"']],
  'a token': [connect({ auth_token: 'secret' }), ['authentication error - Token "[REDACTED]"']],
  'an nkey': [connect({ nkey: 'UABC', sig: 'x' }), ['authentication error - Nkey "UABC"']],
  'another connection type': [
    connect({ user: 'ws', pass: 'p' }),
    ['authentication error - User "ws"'],
  ],
  'no credentials': [connect({}), ['authentication error']],
  'no CONNECT': ['PUB a 1\r\nx\r\n', ['authentication error']],
}

async function errorLines(server: ServerProcess, bytes: string, count: number): Promise<string[]> {
  const all = () => server.log.split('\n').filter((line) => line.includes('[ERR]'))
  const before = all().length
  await using client = await RawClient.connect(server.port)
  await client.send(bytes)
  await until(
    () => `${count} lines in ${server.logTail}`,
    () => all().length >= before + count,
  )
  return all()
    .slice(before)
    .map((line) => line.replace(/^.*cid:\d+ - /, ''))
}

for (const name of ['sable', 'nats-server'] as const) {
  const target = program(name)
  test(`${name}: what is refused is logged`, { skip: skipReason(target) }, async (t) => {
    await using server = await startServer(target, { config: CONFIG })
    for (const [what, [bytes, lines]] of Object.entries(SCRIPTS)) {
      await t.test(what, async () => {
        assert.deepEqual(await errorLines(server, bytes, lines.length), lines)
      })
    }
  })
}
