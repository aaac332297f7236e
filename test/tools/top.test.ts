import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { type RunningBroker, startBroker } from '../../src/index.ts'
import { screen } from '../../src/tools/top/screen.ts'
import type { ConnectionFigures, Look, Varz } from '../../src/tools/top/server-figures.ts'
import { ROOT } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'

const run = promisify(execFile)
const TOKEN = 'opensesame'

const VARZ: Varz = {
  server_id: 'N1',
  server_name: 'one',
  version: '2.15.0',
  uptime: '1h2m3s',
  now: '',
  cpu: 12,
  mem: 50 * 2 ** 20,
  connections: 1,
  leafnodes: 2,
  subscriptions: 1500,
  in_msgs: 1000,
  out_msgs: 2000,
  in_bytes: 10_000,
  out_bytes: 20_000,
  slow_consumers: 3,
}

const CONNECTION: ConnectionFigures = {
  cid: 7,
  ip: '127.0.0.1',
  port: 5,
  name: 'evil\x1b[2Jname',
  uptime: '5s',
  idle: '1s',
  pending_bytes: 2048,
  subscriptions: 4,
  in_msgs: 100,
  out_msgs: 0,
  in_bytes: 100,
  out_bytes: 0,
}

function look(atMs: number, varz: Partial<Varz>, one: Partial<ConnectionFigures>): Look {
  const connections = [{ ...CONNECTION, ...one }]
  return { atMs, varz: { ...VARZ, ...varz }, connections, total: 1, dashboard: undefined }
}

describe('sable top', () => {
  it('shows what has changed a second, and no control characters of clients', () => {
    const before = look(1000, {}, {})
    const now = look(3000, { in_msgs: 3000, in_bytes: 12_048 }, { in_msgs: 300 })
    const lines = screen(now, before, { sort: 'cid', width: 0 })
    assert.equal(lines[0], 'one  2.15.0  up 1h2m3s  cpu 12 %  memory 50.0 MiB')
    assert.equal(lines[1], 'in   1.00 k/s  1.00 KiB/s     total 3.00 k')
    assert.equal(lines[3], 'connections 1  leaf links 2  subscriptions 1.50 k  slow consumers 3')
    assert.match(lines[6] ?? '', /^ {6}7 evil\?\[2Jname .* 2\.00 KiB +100\/s +0\/s/)
    const narrow = screen(now, before, { sort: 'cid', width: 40 })
    assert.ok(narrow.every((line) => line.length <= 40))
  })

  describe('of a running server', () => {
    let broker: RunningBroker
    let client: RawClient
    before(async () => {
      const host = '127.0.0.1'
      const monitoring = { httpHost: host, httpPort: -1, monitorToken: TOKEN }
      broker = await startBroker({ host, port: -1, serverName: 'seen', ...monitoring })
      client = await RawClient.connect(broker.port)
      await client.send('CONNECT {"verbose":false,"name":"watched"}\r\nSUB a 1\r\nPING\r\n')
      await client.readUntil('PONG\r\n')
    })
    after(async () => {
      client.close()
      await broker.close()
    })

    const top = (...args: readonly string[]) =>
      run(join(ROOT, 'bin', 'sable'), [
        'top',
        ...['-url', `http://127.0.0.1:${broker.monitorPort}`, '-count', '2', '-interval', '10ms'],
        ...args,
      ])

    it('shows its connections, and what only this broker tells', async () => {
      const { stdout } = await top('-token', TOKEN, '-sort', 'subs')
      assert.match(stdout, /^seen /)
      assert.match(stdout, / watched /)
      assert.match(stdout, /latency p50 .* protocol-1 /)
      assert.match(stdout, /by subs\n/)
    })

    it('says what is wrong', async () => {
      await assert.rejects(top(), { code: 1, stderr: /asks for a token: use -token/ })
      await assert.rejects(top('-sort', 'x'), { code: 1, stderr: /-sort knows cid, start/ })
      await assert.rejects(top('-url', 'nats://x'), { code: 1, stderr: /is no http URL/ })
      await assert.rejects(top('-n', '0'), { code: 1, stderr: /-n is no number from 1 on: 0/ })
    })
  })
})
