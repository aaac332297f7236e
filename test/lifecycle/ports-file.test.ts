import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { BrokerError } from '../../src/base/errors.ts'
import {
  joinHostPort,
  type Listeners,
  portsFilePath,
  portsFileText,
  removePortsFile,
  writePortsFile,
} from '../../src/lifecycle/ports-file.ts'
import { program, skipReason } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ports-file-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const plain = (address: string, port: number) => ({ address, port, isTls: false })
const secured = (address: string, port: number) => ({ address, port, isTls: true })

describe('ports file', () => {
  it('lists the listeners there are, in the order of nats-server', () => {
    const listeners: Listeners = {
      leafnodes: plain('127.0.0.1', 6),
      websocket: plain('127.0.0.1', 5),
      cluster: plain('127.0.0.1', 4),
      monitoring: plain('127.0.0.1', 2),
      nats: plain('127.0.0.1', 1),
    }
    assert.equal(
      portsFileText(listeners),
      '{"nats":["nats://127.0.0.1:1"],"monitoring":["http://127.0.0.1:2"],' +
        '"cluster":["nats://127.0.0.1:4"],"websocket":["ws://127.0.0.1:5"],"leafnodes":["nats://127.0.0.1:6"]}',
    )
    assert.equal(portsFileText({ nats: plain('::1', 4222) }), '{"nats":["nats://[::1]:4222"]}')
  })

  it('names the schemes of TLS', () => {
    const listeners: Listeners = {
      nats: secured('1.1.1.1', 1),
      monitoring: secured('1.1.1.1', 2),
      websocket: secured('1.1.1.1', 3),
      leafnodes: secured('1.1.1.1', 4),
    }
    assert.equal(
      portsFileText(listeners),
      '{"nats":["tls://1.1.1.1:1"],"monitoring":["https://1.1.1.1:2"],' +
        '"websocket":["wss://1.1.1.1:3"],"leafnodes":["tls://1.1.1.1:4"]}',
    )
  })

  it('lists every address of the machine for a wildcard', () => {
    const addresses = (): string[] => ['127.0.0.1', 'fe80::1']
    const expected = '{"nats":["nats://127.0.0.1:1","nats://[fe80::1]:1"]}'
    assert.equal(portsFileText({ nats: plain('0.0.0.0', 1) }, addresses), expected)
    assert.equal(portsFileText({ nats: plain('::', 1) }, addresses), expected)
  })

  it('knows the addresses of the machine by itself', () => {
    const text = portsFileText({ nats: plain('0.0.0.0', 1) })
    assert.ok((JSON.parse(text).nats as string[]).includes('nats://127.0.0.1:1'), text)
  })

  it('appears under the name of nats-server, whole and alone, and goes when removed', () => {
    writePortsFile(folder, 4711, { nats: plain('127.0.0.1', 1) })
    assert.deepEqual(readdirSync(folder), ['nats-server_4711.ports'])
    const path = portsFilePath(folder, 4711)
    assert.equal(readFileSync(path, 'utf8'), '{"nats":["nats://127.0.0.1:1"]}')
    assert.equal(statSync(path).mode & 0o777, 0o666 & ~process.umask())
    removePortsFile(folder, 4711)
    assert.deepEqual(readdirSync(folder), [])
  })

  it('says in the words of nats-server why it cannot be written or removed', () => {
    const path = '/nonexistent/nats-server_7.ports'
    const reason = `${path}: no such file or directory`
    assert.throws(
      () => writePortsFile('/nonexistent', 7, {}),
      (error) =>
        error instanceof BrokerError &&
        error.message === `Error writing ports file (${path}): open ${reason}`,
    )
    assert.throws(
      () => removePortsFile('/nonexistent', 7),
      (error) =>
        error instanceof BrokerError &&
        error.message === `Error cleaning up ports file ${path}: remove ${reason}`,
    )
  })
})

function realText(server: ServerProcess): string {
  return readFileSync(portsFilePath(server.folder, server.pid), 'utf8')
}

/** The ports a file tells, so that ours can be made for the same listeners. */
function portOf(text: string, key: keyof Listeners): number {
  const urls = JSON.parse(text)[key] as string[]
  return Number(/(\d+)$/.exec(urls[0]!)![1])
}

describe('ports file beside that of nats-server', () => {
  const peer = program('nats-server')

  it('is the same for single addresses', { skip: skipReason(peer) }, async () => {
    const config = `
      http: "127.0.0.1:-1"
      cluster { name: c, listen: "127.0.0.1:-1" }
      websocket { listen: "127.0.0.1:-1", no_tls: true }`
    await using server = await startServer(peer, { config })
    const real = realText(server)
    const ours = portsFileText({
      nats: plain('127.0.0.1', portOf(real, 'nats')),
      monitoring: plain('127.0.0.1', portOf(real, 'monitoring')),
      cluster: plain('127.0.0.1', portOf(real, 'cluster')),
      websocket: plain('127.0.0.1', portOf(real, 'websocket')),
    })
    assert.equal(ours, real)
    writePortsFile(folder, server.pid, {})
    const theirMode = statSync(portsFilePath(server.folder, server.pid)).mode
    assert.equal(statSync(portsFilePath(folder, server.pid)).mode, theirMode)
  })
})

describe('host and port', () => {
  it('are joined with brackets around IPv6', () => {
    assert.equal(joinHostPort('0.0.0.0', 4222), '0.0.0.0:4222')
    assert.equal(joinHostPort('::', 4222), '[::]:4222')
  })
})
