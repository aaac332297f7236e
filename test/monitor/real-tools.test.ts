import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { makeCertificates } from '../support/certificates.ts'
import { freePort } from '../support/free-port.ts'
import { program, skipReason, tool } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { PeerClient } from '../system/peer-client.ts'
import { formOf, valuesOf } from './exposition.ts'
import { hasLeaf, leafConfig, monitoredConfig, SameTraffic } from './same-traffic.ts'
import { maskedReport, topRows } from './tool-report.ts'

const SABLE = program('sable')
const REAL = program('nats-server')
const NATS_TOP = tool('NATS_TOP')
const EXPORTER = tool('NATS_EXPORTER')
const CLI = tool('NATS_CLI')
const TEST_MS_MAX = 60_000
const TOOL_MS_MAX = 20_000
/** Connections of SameTraffic that stay open, and the leaf link. */
const STAYING_COUNT = 7

/** Endpoints that the exporter can be told to read, each with all there is of it. */
const EXPORTER_FLAGS =
  '-varz -connz_detailed -subz -leafz -accountz -accstatz -healthz -routez -gatewayz -jsz=all'

/** What both servers must count alike after the same traffic. */
const SAME_VALUES = new RegExp(
  `^gnatsd_(${[
    'connz_(num_connections|in_|out_|subscriptions|pending|total)',
    'leafz_(?!conn_rtt)',
    'accstatz_(?!sent|subs)',
    'healthz_',
    'routez_num',
    'varz_(connections|in_|leafnodes|max_|ping_|total_|write_|slow_consumer)',
  ].join('|')})`,
)

/** What `nats` shows of both servers, by user, with everything that is each server's own masked. */
const REPORTS: readonly (readonly [user: string, command: string])[] = [
  ['sys', 'server list 1'],
  ['sys', 'server ping 1'],
  ['sys', 'server info one'],
  ['sys', 'server report connections 1 --sort cid'],
  ['sys', 'server report connections 1 --account A --sort cid'],
  ['sys', 'server report accounts'],
  ['sys', 'server report health 1'],
  ['sys', 'server report leafnodes 1'],
  ['sys', 'server report routes 1'],
  ['sys', 'server report gateways 1'],
  ['sys', 'server report jetstream'],
  ['sys', 'server check connection'],
  ['sys', 'server check jetstream'],
  ['sys', 'server account info C'],
  ['sys', 'account info'],
  ['a', 'account info'],
  ['a', 'rtt 2'],
  ['a', 'trace foo hello'],
  ['a', 'trace foo hello --deliver --timestamp'],
  ['a', 'trace bar hello'],
  ['a', 'trace s.x hello'],
  ['a', 'trace k hello'],
  ['a', 'trace nobody.there'],
  ['b', 'trace r hello'],
  ['b', 'trace p.s.x hello'],
]

describe('the tools of operators', { skip: skipReason(REAL), timeout: TEST_MS_MAX }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tools-test-'))
  const certificates = makeCertificates(folder)
  const servers: ServerProcess[] = []
  const traffic: SameTraffic[] = []
  let both: readonly ServerProcess[] = []

  before(async () => {
    const config = monitoredConfig(certificates)
    both = await Promise.all(
      [SABLE, REAL].map((each) => startServer(each, { config, leafListener: true })),
    )
    servers.push(...both)
    servers.push(await startServer(REAL, { config: leafConfig(both) }))
    for (const server of both) {
      await until('the leaf link', () => hasLeaf(monitorUrl(server)))
      const one = new SameTraffic(server)
      traffic.push(one)
      await one.run(certificates)
    }
  })

  after(async () => {
    for (const one of traffic) await one[Symbol.asyncDispose]()
    for (const server of servers.reverse()) await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  /** What a program writes, with its exit code behind. */
  function output(path: string, args: readonly string[]): Promise<string> {
    // It must not find settings of whoever runs the tests.
    const env = { PATH: process.env['PATH'], HOME: folder, XDG_CONFIG_HOME: folder, NO_COLOR: '1' }
    return new Promise((resolve) => {
      execFile(path, [...args], { env, timeout: TOOL_MS_MAX }, (error, stdout, stderr) =>
        resolve(`${stdout}${stderr}\nexit code ${error === null ? 0 : error.code}`),
      )
    })
  }

  test('nats-top', { skip: NATS_TOP.missing ?? false }, async () => {
    const sorts = ['cid', 'subs', 'msgs_to', 'bytes_from', 'idle', 'rtt', 'uptime']
    for (const [one, other] of await Promise.all(
      sorts.map((sort) => {
        const args = ['-s', '127.0.0.1', '-o', '-', '-l', ',', '-b', '-u', '-sort', sort]
        return Promise.all(
          both.map(({ monitorPort }) => output(NATS_TOP.path, [...args, '-m', `${monitorPort}`])),
        )
      }),
    )) {
      assert.match(one!, /^127\.0\.0\.1:\d+,\d+,one<&>,4,/m)
      assert.match(one!, /exit code 0$/)
      assert.deepEqual(topRows(one!), topRows(other!))
    }
  })

  test('prometheus-nats-exporter', { skip: EXPORTER.missing ?? false }, async () => {
    const [ours = '', theirs = ''] = await Promise.all(both.map(scrapeByExporter))
    assert.deepEqual(formOf(ours), formOf(theirs))
    const values = valuesOf(ours, SAME_VALUES)
    assert.ok(values.size > 40, `only ${values.size} values are compared`)
    assert.deepEqual(values, valuesOf(theirs, SAME_VALUES))
  })

  test('our /metrics say what the exporter says', { skip: EXPORTER.missing ?? false }, async () => {
    const exported = valuesOf(await scrapeByExporter(both[0]!), SAME_VALUES)
    for (const key of exported.keys()) if (key.includes('["cid"')) exported.delete(key)
    const own = valuesOf(await (await fetch(`${monitorUrl(both[0]!)}metrics`)).text(), SAME_VALUES)
    assert.deepEqual(own, exported)
  })

  async function scrapeByExporter(server: ServerProcess): Promise<string> {
    const port = await freePort()
    const args = ['-a', '127.0.0.1', '-p', `${port}`, ...EXPORTER_FLAGS.split(' ')]
    const exporter = spawn(EXPORTER.path, [...args, monitorUrl(server).slice(0, -1)], {
      stdio: 'ignore',
    })
    try {
      return await until('the exporter', async () => {
        const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
        return text.includes('gnatsd_varz_connections') && text
      })
    } finally {
      await ended(exporter)
    }
  }

  describe('nats', { skip: CLI.missing ?? false }, () => {
    // A tool's connection may still be there after its end, and be reported to the next one.
    beforeEach(() =>
      until('the end of the tools before', async () => {
        return (await Promise.all(both.map(isAlone))).every(Boolean)
      }),
    )

    for (const [user, command] of REPORTS) {
      test(`${user}: ${command}`, async () => {
        const [ours = '', theirs = ''] = await Promise.all(
          both.map(({ url }) => {
            const login = ['--server', url, '--user', user, '--password', user, '--timeout', '2s']
            return output(CLI.path, [...login, ...command.split(' ')])
          }),
        )
        assert.equal(maskedReport(ours, command), maskedReport(theirs, command), ours)
      })
    }
  })

  test('who a user is says the server that it is connected to, and no leaf', async () => {
    await using user = await PeerClient.connect(both[0]!.port, { user: 'a', pass: 'a' })
    await user.subscribe('answer.*')
    await user.publish('$SYS.REQ.USER.INFO', '', 'answer.user')
    // The leaf answers what comes by its link in the order in which it comes.
    await user.publish('$SYS.REQ.ACCOUNT.PING.STATZ', '', 'answer.statz')
    const count = (subject: string) => user.pending(subject).length
    await until('the answers of two servers', async () => {
      await user.flush()
      return count('answer.statz') === 2
    })
    assert.equal(count('answer.user'), 1)
    assert.equal((await user.event('answer.user')).data.user, 'a')
  })
})

function monitorUrl({ monitorPort }: ServerProcess): string {
  return `http://127.0.0.1:${monitorPort}/`
}

/** Whether nobody is connected but those who stay. */
async function isAlone(server: ServerProcess): Promise<boolean> {
  const response = await fetch(`${monitorUrl(server)}connz?limit=1`)
  const { total } = (await response.json()) as { total: number }
  return total === STAYING_COUNT
}

async function ended(child: ChildProcess): Promise<void> {
  const isOver = child.exitCode !== null || child.signalCode !== null
  const exit = isOver ? undefined : once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}
