import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { program, tool } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { ACCOUNTS } from './each-server.ts'
import { PeerClient } from './peer-client.ts'

/** The real tool of NATS; TEST_SERVERS=nats-server proves the expectations. */
const { path: CLI, missing: MISSING } = tool('NATS_CLI')
const TARGET = program(process.env['TEST_SERVERS'] === 'nats-server' ? 'nats-server' : 'sable')
const TIMEOUT_MS = 20_000

interface Run {
  readonly code: number
  readonly text: string
}

describe('the nats program', { skip: MISSING ?? false, timeout: 60_000 }, () => {
  let server: ServerProcess
  let app: PeerClient
  const home = mkdtempSync(join(tmpdir(), 'nats-cli-'))

  before(async () => {
    server = await startServer(TARGET, { config: ACCOUNTS })
    app = await PeerClient.as(server.port, 'al', {
      name: 'app-one',
      lang: 'test',
      version: '1.2.3',
    })
    await app.subscribe('x.>')
  })

  after(async () => {
    app.close()
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  })

  function nats(user: string, ...args: readonly string[]): Promise<Run> {
    const login = ['--server', server.url, '--user', user, '--password', 'p', '--timeout', '2s']
    // It must not find a context of whoever runs the tests.
    const env = { PATH: process.env['PATH'], HOME: home, XDG_CONFIG_HOME: home, NO_COLOR: '1' }
    return new Promise((resolve) => {
      execFile(CLI, [...login, ...args], { env, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
        const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : -1
        resolve({ code, text: stdout + stderr })
      })
    })
  }

  async function says(user: string, args: readonly string[], ...wanted: readonly RegExp[]) {
    const { code, text } = await nats(user, ...args)
    assert.equal(code, 0, `nats ${args.join(' ')}\n${text}`)
    for (const pattern of wanted) assert.match(text, pattern, `nats ${args.join(' ')}`)
  }

  test('lists and shows servers', async () => {
    await Promise.all([
      says('sys', ['server', 'list', '1'], /n1/, /Conns/),
      says('sys', ['server', 'ping', '1'], /n1/),
      says(
        'sys',
        ['server', 'info', 'n1'],
        /Server information for n1/,
        /Maximum Payload: 1\.0 MiB/,
      ),
    ])
  })

  test('reports connections, accounts and health', async () => {
    const report = ['server', 'report']
    await Promise.all([
      says('sys', [...report, 'connections', '1'], /app-one/),
      says('sys', [...report, 'accounts'], /SYS/, /\bA\b/),
      says('sys', [...report, 'cpu', '1'], /n1/),
      says('sys', [...report, 'mem', '1'], /n1/),
      says('sys', [...report, 'health', '1'], /n1/),
      says('sys', [...report, 'leafnodes', '1']),
    ])
  })

  test('asks each service', async () => {
    const ask = (name: string, wanted: RegExp) =>
      says('sys', ['server', 'request', name, '1'], /"name": ?"n1"/, wanted)
    await Promise.all([
      ask('variables', /"max_payload"/),
      ask('connections', /"num_connections"/),
      ask('subscriptions', /"num_subscriptions"/),
      ask('routes', /"num_routes"/),
      ask('gateways', /"outbound_gateways"/),
      ask('leafnodes', /"leafs"/),
      ask('accounts', /"system_account"/),
      ask('jetstream', /"disabled"/),
      ask('jetstream-health', /"status"/),
    ])
  })

  test('shows accounts, to operators and to users', async () => {
    await Promise.all([
      says('sys', ['server', 'account', 'info', 'A'], /Account information for A/i),
      says('al', ['account', 'info'], /Account: ?A/),
      says('sys', ['server', 'check', 'connection'], /^OK/m),
    ])
  })

  test('reloads, and sends a client away', async () => {
    const id = app.info.server_id
    await says('sys', ['server', 'config', 'reload', id, '--force'])
    await says('sys', ['server', 'request', 'kick', String(app.cid), id])
    await app.raw.readUntilClose()
  })
})
