import type { Socket } from 'node:net'
import type { Connection } from './connection.ts'
import type { ConnectionHost } from './connection-host.ts'
import type { Deadline } from './deadlines.ts'

/** Given to the socket at once: its write deadline then means progress, not the whole backlog. */
const WRITE_BYTES_MAX = 1024 * 1024

const TAKE_ALL = 0x7fffffff

/**
 * Hands a connection's chunks to its socket: one write at a time, as much as there is.
 *
 * Most writes end inside the call, because the socket's own buffer takes everything; the chunks
 * are then free again at once. The others end in `#onWritten`.
 */
export class SocketWriter {
  readonly #host: ConnectionHost
  readonly #connection: Connection
  /** First chunk of the write under way, 0 = none. */
  #chunks = 0
  #bytes = 0
  #deadline: Deadline | undefined
  #endsAfterFlush = false
  #socket: Socket | undefined
  readonly #onWrittenBound = () => this.#onWritten()

  constructor(host: ConnectionHost, connection: Connection) {
    this.#host = host
    this.#connection = connection
  }

  flush(socket: Socket): void {
    this.#socket = socket
    const { kernel, outboundTap } = this.#host
    const { exports, layout, words, bytes } = kernel
    while (this.#chunks === 0 && socket.writable) {
      const head = exports.takeChunks(this.#connection.record, WRITE_BYTES_MAX)
      if (head === 0) break
      let count = 0
      const isSingle = words[(head + layout.CHUNK_NEXT) >> 2] === 0
      if (!isSingle) socket.cork()
      this.#chunks = head
      for (let chunk = head; chunk !== 0; ) {
        const from = chunk + layout.CHUNK_DATA
        const end = words[(chunk + layout.CHUNK_END) >> 2]!
        const next = words[(chunk + layout.CHUNK_NEXT) >> 2]!
        const view = bytes.subarray(from, end)
        count += end - from
        outboundTap?.(this.#connection, view)
        if (next === 0) socket.write(view, this.#onWrittenBound)
        else socket.write(view)
        chunk = next
      }
      this.#bytes = count
      if (!isSingle) socket.uncork()
      if (socket.writableLength > 0) {
        this.#watch()
        return
      }
      this.#releaseWritten()
    }
    if (this.#endsAfterFlush && this.#chunks === 0) socket.destroySoon()
  }

  /** No more will be written: sends what there is, then ends the connection. */
  endAfterFlush(socket: Socket): void {
    this.#endsAfterFlush = true
    this.flush(socket)
  }

  /** The socket is gone: its chunks are free. */
  abandon(): void {
    this.#deadline?.cancel()
    const { exports } = this.#host.kernel
    if (this.#chunks !== 0) this.#releaseWritten()
    for (;;) {
      const head = exports.takeChunks(this.#connection.record, TAKE_ALL)
      if (head === 0) break
      exports.releaseChunks(this.#connection.record, head, 0)
    }
  }

  #releaseWritten(): void {
    this.#host.kernel.exports.releaseChunks(this.#connection.record, this.#chunks, this.#bytes)
    this.#chunks = 0
    this.#bytes = 0
  }

  #watch(): void {
    this.#deadline?.cancel()
    this.#deadline = this.#host.deadlines.after(this.#host.settings.writeDeadlineMs, () => {
      if (this.#chunks !== 0) this.#connection.onWriteDeadline(this.#bytes)
    })
  }

  #onWritten(): void {
    // Also called, a tick later, for writes that ended inside the call: then there is nothing to
    // release, or it belongs to a later write, which is still under way.
    if (this.#chunks === 0 || (this.#socket?.writableLength ?? 0) > 0) return
    this.#deadline?.cancel()
    this.#host.beginTurn()
    this.#releaseWritten()
    this.#connection.flush()
    this.#host.endTurn()
  }
}
