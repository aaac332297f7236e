import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import type { Connection } from '../../src/io/connection.ts'
import type { ConnectionHost } from '../../src/io/connection-host.ts'
import { Deadlines } from '../../src/io/deadlines.ts'
import { SocketWriter } from '../../src/io/socket-writer.ts'
import { Threads } from '../kernel/threads.ts'

/** A socket whose writes end when the test says so, as those of TLS always end later. */
class SlowSocket extends Duplex {
  readonly written: string[] = []
  #callback: (() => void) | undefined

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.written.push(chunk.toString('latin1'))
    this.#callback = callback
  }

  async endWrite(): Promise<void> {
    const callback = this.#callback
    this.#callback = undefined
    callback?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('what is written past the codec does not hold up what comes after it', async () => {
  const worker = new Threads({ workerCount: 1 }).worker(1)
  const { kernel, exports } = worker
  const record = worker.connect()
  const deadlines = new Deadlines()
  const host = {
    kernel,
    deadlines,
    nowMs: 0,
    outboundTap: undefined,
    beginTurn: () => {},
    endTurn: () => {},
  } as unknown as ConnectionHost
  const socket = new SlowSocket()
  const limits = { pendingBytesMax: 2 ** 26, writeDeadlineMs: 60_000, isPatient: false }
  const connection = { record, limits, flush: () => writer.flush(socket) } as unknown as Connection
  const writer = new SocketWriter(host, connection)
  const append = (text: string) => {
    const [at] = worker.place(text)
    exports.appendBytes(record, at!, text.length)
    writer.flush(socket)
  }
  append('one')
  writer.writeRaw(socket, Buffer.from('pong'))
  append('two')
  for (let i = 0; i < 3; i++) await socket.endWrite()
  deadlines.clear()
  assert.deepEqual(socket.written, ['one', 'pong', 'two'])
  assert.equal(socket.writableLength, 0)
})
