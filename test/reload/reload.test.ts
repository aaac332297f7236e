/** Reloads of the running command: what becomes of files, limits and the log, and bad input. */
import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeCertificates } from '../support/certificates.ts'
import { program } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { until } from '../support/wait.ts'
import { ReloadProcess } from './reload-process.ts'

const sable = program('sable')
const folder = mkdtempSync(join(tmpdir(), 'reload-'))
after(() => rmSync(folder, { recursive: true }))

const OK = /^\[INF\] Reloaded server configuration \(sha256:[0-9a-f]{64}\)$/
const FAILED = '[ERR] Failed to reload server configuration: '

async function connected(port: number): Promise<RawClient> {
  const client = await RawClient.connect(port)
  await client.send('CONNECT {"verbose":false}\r\nPING\r\n')
  await client.readUntil('PONG\r\n')
  return client
}

async function infoOf(port: number): Promise<Record<string, unknown>> {
  await using client = await RawClient.connect(port)
  const line = await client.readUntil('\r\n')
  return JSON.parse(line.toString().replace(/^INFO /, '')) as Record<string, unknown>
}

/** One line: what follows begins with line 2. */
const BASE =
  'server_name: home, http: "127.0.0.1:-1", system_account: SYS, accounts { SYS { users [ {user: sys, pass: s} ] } }\n'

test('a reload of the command', async (t) => {
  const log = join(folder, 'server.log')
  await using running = await ReloadProcess.start(sable, BASE, ['-D=false'])
  const { server } = running
  const reload = async (config: string) => running.reload(`${BASE}${config}`)
  const accepted = async (config: string) => {
    const lines = await reload(config)
    assert.match(lines.at(-1) ?? '', OK)
    return lines
  }
  const refused = async (config: string, why: string) => {
    assert.deepEqual(await reload(config), [`${FAILED}${why}`])
  }

  await t.test('counts what it changed', async () => {
    const from = server.log.length
    await accepted('max_payload: 1000, ping_max: 3')
    assert.equal(await running.report(from), 'Reload: 2 options changed (ping_max, max_payload)')
    await accepted('')
  })

  await t.test('is done by a request of the system account, and answered', async () => {
    await using system = await RawClient.connect(server.port)
    const { server_id: id } = await infoOf(server.port)
    await system.send(
      'CONNECT {"verbose":false,"user":"sys","pass":"s"}\r\nSUB answer 1\r\nPING\r\n',
    )
    await system.readUntil('PONG\r\n')
    const answers = () =>
      [...system.received.toString().matchAll(/^\{.*\}$/gm)].map(([text]) => text)
    const ask = async () => {
      const before = answers().length
      await system.send(`PUB $SYS.REQ.SERVER.${id}.RELOAD answer 0\r\n\r\n`)
      await system.waitFor('the answer', () => answers().length > before)
      const { data, error } = JSON.parse(answers().at(-1)!) as Record<string, unknown>
      return { data, error }
    }
    running.write(`${BASE}max_payload: 4000\n`)
    assert.deepEqual(await ask(), {
      data: {
        changed: ['max_payload'],
        reauthenticated: 0,
        disconnected: 0,
        subscriptions_removed: 0,
        links_closed: 0,
        remotes_started: 0,
      },
      error: undefined,
    })
    assert.equal((await infoOf(server.port))['max_payload'], 4000)
    running.write(`${BASE}max_subs: 4\n`)
    const description = 'config reload not supported for MaxSubs: old=0, new=4'
    assert.deepEqual(await ask(), { data: undefined, error: { code: 500, description } })
    await accepted('')
  })

  await t.test('is seen in /varz, unless it was refused', async () => {
    const varz = async () => {
      const response = await fetch(`http://127.0.0.1:${server.monitorPort}/varz`)
      const body = (await response.json()) as Record<string, unknown>
      return [body['config_load_time'], body['config_digest'], body['max_payload']] as const
    }
    const before = await varz()
    const lines = await accepted('max_payload: 5000')
    const after = await varz()
    assert.ok(String(after[0]) > String(before[0]), `${after[0]} after ${before[0]}`)
    assert.ok(lines.at(-1)?.endsWith(`(${after[1]})`))
    assert.equal(after[2], 5000)
    await refused('max_subs: 5', 'config reload not supported for MaxSubs: old=0, new=5')
    assert.deepEqual(await varz(), after)
    await accepted('')
  })

  await t.test('a flag of the command line wins over the file, as at the start', async () => {
    const lines = await accepted('debug: true, trace: true')
    assert.equal(lines.filter((line) => line.includes('debug')).length, 0)
    assert.ok(lines.includes('[INF] Reloaded: trace = true'))
    await accepted('')
  })

  await t.test('max_payload and client_advertise are in INFO, for who comes now', async () => {
    const lines = await accepted('max_payload: 2000, client_advertise: "elsewhere:4333"')
    assert.ok(lines.includes('[INF] Reload: client_advertise = elsewhere:4333'))
    const info = await infoOf(server.port)
    const told = { max_payload: 2000, host: 'elsewhere', port: 4333 }
    assert.deepEqual({ ...told, ...info }, { ...info, ...told })
    await accepted('')
    const back = await infoOf(server.port)
    assert.deepEqual([back['max_payload'], back['port']], [1_048_576, server.port])
  })

  await t.test('max_connections closes those who are too many, and holds from now on', async () => {
    const clients = await Promise.all(Array.from({ length: 5 }, () => connected(server.port)))
    const lines = await accepted('max_connections: 2')
    const closing = lines.indexOf('[INF] Closed 3 connections to fall within max_connections')
    assert.equal(lines[closing + 1], '[INF] Reloaded: max_connections = 2')
    const closed = () => clients.filter(({ closedBy }) => closedBy !== null)
    await until('the end of three', () => closed().length === 3)
    for (const client of closed()) {
      assert.match(client.received.toString(), /-ERR 'maximum connections exceeded'/)
    }
    await using late = await RawClient.connect(server.port)
    await late.readUntil("-ERR 'maximum connections exceeded'")
    await accepted('')
    await using welcome = await connected(server.port)
    assert.equal(welcome.closedBy, null)
    for (const client of clients) await client[Symbol.asyncDispose]()
  })

  await t.test('pid file and ports file follow', async () => {
    const [pidFile, ports] = [join(folder, 'new.pid'), join(folder, 'ports')]
    mkdirSync(ports)
    const lines = await accepted(`pid_file: "${pidFile}"`)
    assert.ok(lines.includes(`[INF] Reloaded: pid_file = ${pidFile}`))
    assert.equal(readFileSync(pidFile, 'utf8'), String(server.pid))
    const missing = join(folder, 'none', 'server.pid')
    const failing = await accepted(`pid_file: "${missing}"`)
    assert.ok(
      failing.includes(`[ERR] Failed to write pidfile: open ${missing}: no such file or directory`),
    )
    // The folder on the command line stays.
    await accepted(`ports_file_dir: "${ports}"`)
    assert.deepEqual(readdirSync(ports), [])
  })

  await t.test('the log changes its file, and stays where the new one cannot be', async () => {
    await refused(
      `log_file: "${join(folder, 'none', 'x.log')}"`,
      `error opening file: open ${join(folder, 'none', 'x.log')}: no such file or directory`,
    )
    running.write(`${BASE}log_file: "${log}"\nlogtime: false\n`)
    server.signal('SIGHUP')
    await until('the new log', () => existsSync(log) && /Reload: /.test(readFileSync(log, 'utf8')))
    assert.match(readFileSync(log, 'utf8'), /^\[\d+\] \[INF\] Reloaded server configuration/)
    assert.match(server.log, /\[INF\] Reloaded: log_file = .*server\.log\n$/)
    await accepted('')
  })

  await t.test('what cannot be reloaded changes nothing, and nor does what could', async () => {
    await refused(
      'max_payload: 3000, max_subs: 5',
      'config reload not supported for MaxSubs: old=0, new=5',
    )
    assert.equal((await infoOf(server.port))['max_payload'], 1_048_576)
  })

  await t.test('broken files change nothing', async () => {
    const { file } = running
    const broken: readonly (readonly [text: string, why: string])[] = [
      ['max_payload: "x"', `${file}:2:1: `],
      ['max_payload: [', 'Parse error on line 2: '],
      ['max_payload: 100MB', 'max_payload (104857600) cannot be higher than max_pending'],
      [
        `tls { cert_file: "${folder}/none.pem", key_file: "${folder}/none.pem" }`,
        `${file}:2:1: error parsing X509 certificate/key pair: open ${folder}/none.pem`,
      ],
    ]
    for (const [config, why] of broken) {
      const lines = await reload(config)
      assert.ok(lines[0]?.startsWith(`${FAILED}${why}`), `${config}: ${lines}`)
    }
    rmSync(file)
    assert.match((await running.hangUp()).join(), /Failed .*: open .*: no such file or directory/)
    mkdirSync(file)
    assert.match((await running.hangUp()).join(), /Failed .*: read .*: is a directory/)
    rmSync(file, { recursive: true })
    writeFileSync(file, BASE)
    assert.match((await running.hangUp()).at(-1) ?? '', OK)
    await using client = await connected(server.port)
    assert.equal(client.closedBy, null)
  })

  await t.test('many signals at once end with the last configuration in force', async () => {
    await using client = await connected(server.port)
    const from = server.log.length
    for (let count = 1; count <= 20; count++) {
      running.write(`${BASE}max_payload: ${count * 1000}\n`)
      server.signal('SIGHUP')
    }
    await until('the last one', async () => (await infoOf(server.port))['max_payload'] === 20_000)
    await running.settled(from)
    assert.doesNotMatch(server.log, /\[FTL\]|did not apply/)
    await client.send('PING\r\n')
    await client.readUntil('PONG\r\n')
    await accepted('')
  })

  await t.test('TLS is switched on and off for those who come', async () => {
    const { server: pair } = makeCertificates(join(folder, 'tls'))
    await using standing = await connected(server.port)
    await accepted(`tls { cert_file: "${pair.certFile}", key_file: "${pair.keyFile}" }`)
    assert.equal((await infoOf(server.port))['tls_required'], true)
    await standing.send('PING\r\n')
    await standing.readUntil('PONG\r\n')
    await accepted('')
    assert.equal((await infoOf(server.port))['tls_required'], undefined)
  })

  await t.test('a file that cannot be TLS is found before anything changes', async () => {
    const { server: pair } = makeCertificates(join(folder, 'tls2'))
    const config = `tls { cert_file: "${pair.certFile}", key_file: "${pair.keyFile}" }`
    await accepted(config)
    writeFileSync(pair.keyFile, 'nonsense')
    const lines = await reload(`${config}, max_payload: 5000`)
    assert.match(lines.join(), /Failed to reload server configuration: .*X509/)
    const info = await infoOf(server.port)
    assert.deepEqual([info['tls_required'], info['max_payload']], [true, 1_048_576])
    await accepted('')
  })
})
