import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { Connection } from '../../src/io/connection.ts'
import type { ConnectionHost } from '../../src/io/connection-host.ts'
import { Deadlines } from '../../src/io/deadlines.ts'
import type { Session } from '../../src/io/session.ts'
import { Threads } from '../kernel/threads.ts'

const LIMITS = { pendingBytesMax: 2 ** 26, writeDeadlineMs: 60_000, isPatient: false }

class QuietSocket extends Duplex {
  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: string, callback: () => void): void {
    callback()
  }
}

/** A connection on a thread without a loop. */
function makeConnection() {
  const { kernel } = new Threads({ workerCount: 1 }).worker(1)
  const deadlines = new Deadlines()
  let removals = 0
  const host = {
    kernel,
    deadlines,
    settings: { pendingBytesMax: LIMITS.pendingBytesMax },
    nowMs: 0,
    outboundTap: undefined,
    beginTurn: () => {},
    endTurn: () => {},
    add: () => 0,
    remove: () => {
      removals++
    },
  } as unknown as ConnectionHost
  const place = { remoteAddress: '192.0.2.1', remotePort: 1 }
  const facts = { cid: 1, kind: kernel.layout.KIND_LEAF, limits: LIMITS }
  const connection = Connection.create(host, place, facts)
  assert.ok(connection !== undefined)
  connection.session = { onClosed: () => {} } as unknown as Session
  return { connection, deadlines, removals: () => removals }
}

/** Until everything that was to happen next has happened. */
async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}

test('a socket that failed while it was replaced gives the connection back once', async () => {
  // Destroyed in this turn, in the one before, and long ago.
  for (const turns of [0, 1, 3]) {
    const { connection, deadlines, removals } = makeConnection()
    const raw = new QuietSocket()
    connection.attach(raw)
    assert.equal(connection.releaseSocket(), raw)
    raw.destroy()
    for (let i = 0; i < turns; i++) await new Promise((resolve) => process.nextTick(resolve))
    connection.close('tlsHandshakeFailure')
    connection.replaceSocket(raw)
    await settled()
    deadlines.clear()
    assert.equal(removals(), 1, `after ${turns} turns`)
  }
})

test('a socket that ends gives the connection back once, whoever ends it', async () => {
  for (const end of ['destroy', 'close'] as const) {
    const { connection, deadlines, removals } = makeConnection()
    const socket = new QuietSocket()
    connection.attach(socket)
    if (end === 'destroy') socket.destroy()
    else connection.close('serverShutdown')
    await settled()
    deadlines.clear()
    assert.equal(removals(), 1, end)
  }
})
