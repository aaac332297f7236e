import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { durationNs, formatDuration } from '../base/duration.ts'
import type { ByteCodec } from './byte-codec.ts'
import type { Connection } from './connection.ts'
import type { ConnectionHost } from './connection-host.ts'
import type { Deadline } from './deadlines.ts'

/** Given to the socket at once: its write deadline then means progress, not the whole backlog. */
const WRITE_BYTES_MAX = 1024 * 1024

/** What writeRaw adds included: a peer that makes us answer must read the answers. */
const UNWRITTEN_BYTES_MAX = 2 * WRITE_BYTES_MAX

const TAKE_ALL = 0x7fffffff

/** What libuv has not written yet; not public, and absent where there is no such handle. */
interface SocketWithQueue {
  readonly _handle?: { readonly writeQueueSize?: number } | null
}

/**
 * Hands a connection's chunks to its socket: one write at a time, as much as there is.
 *
 * Most writes end inside the call, because the socket's own buffer takes everything; the chunks
 * are then free again at once. The others end in `#onWritten`.
 */
export class SocketWriter {
  codec: ByteCodec | undefined
  readonly #host: ConnectionHost
  readonly #connection: Connection
  /** First chunk of the write under way, 0 = none. */
  #chunks = 0
  #chunkCount = 0
  #bytes = 0
  #beganMs = 0
  #isSlow = false
  /** Of the write under way, what was left at the last write deadline. */
  #leftBytes = 0
  #deadline: Deadline | undefined
  #endsAfterFlush = false
  #closing: Uint8Array | undefined
  #socket: Duplex | undefined
  readonly #onWrittenBound = () => this.#onWritten()

  constructor(host: ConnectionHost, connection: Connection) {
    this.#host = host
    this.#connection = connection
  }

  flush(socket: Duplex): void {
    this.#socket = socket
    const { exports } = this.#host.kernel
    while (this.#chunks === 0 && socket.writable) {
      const head = exports.takeChunks(this.#connection.record, WRITE_BYTES_MAX)
      if (head === 0) break
      this.#chunks = head
      if (this.codec === undefined) this.#writeChunks(socket, head)
      else this.#writeEncoded(socket, this.codec, head)
      if (socket.writableLength > 0) {
        this.#beganMs = this.#host.nowMs
        this.#leftBytes = socket.writableLength
        this.#watch()
        return
      }
      this.#releaseWritten()
    }
    if (this.#endsAfterFlush && this.#chunks === 0) this.#end(socket)
  }

  #writeChunks(socket: Duplex, head: number): void {
    const { kernel, outboundTap } = this.#host
    const { layout, words, bytes } = kernel
    const isSingle = words[(head + layout.CHUNK_NEXT) >> 2] === 0
    let total = 0
    let count = 0
    if (!isSingle) socket.cork()
    for (let chunk = head; chunk !== 0; ) {
      const from = chunk + layout.CHUNK_DATA
      const end = words[(chunk + layout.CHUNK_END) >> 2]!
      const next = words[(chunk + layout.CHUNK_NEXT) >> 2]!
      const view = bytes.subarray(from, end)
      total += end - from
      count++
      outboundTap?.(this.#connection, view)
      if (next === 0) socket.write(view, this.#onWrittenBound)
      else socket.write(view)
      chunk = next
    }
    this.#bytes = total
    this.#chunkCount = count
    if (!isSingle) socket.uncork()
  }

  #writeEncoded(socket: Duplex, codec: ByteCodec, head: number): void {
    const { kernel, outboundTap } = this.#host
    const { layout, words, bytes } = kernel
    const views: Uint8Array[] = []
    let total = 0
    for (let chunk = head; chunk !== 0; chunk = words[(chunk + layout.CHUNK_NEXT) >> 2]!) {
      const from = chunk + layout.CHUNK_DATA
      const view = bytes.subarray(from, words[(chunk + layout.CHUNK_END) >> 2]!)
      total += view.length
      outboundTap?.(this.#connection, view)
      views.push(view)
    }
    this.#bytes = total
    this.#chunkCount = views.length
    const parts = codec.encode(views)
    socket.cork()
    for (const [i, part] of parts.entries()) {
      if (i === parts.length - 1) socket.write(part, this.#onWrittenBound)
      else socket.write(part)
    }
    socket.uncork()
  }

  /** Past the codec, ahead of what is not yet given to the socket. */
  writeRaw(socket: Duplex, bytes: Uint8Array): void {
    if (!socket.writable || this.#endsAfterFlush) return
    // While it waits the write under way counts as unfinished: see #onWritten.
    socket.write(bytes, this.#onWrittenBound)
    const waiting = socket.writableLength
    if (waiting > UNWRITTEN_BYTES_MAX) {
      this.#host.onSlowConsumer(this.#connection, 'slowConsumerPendingBytes', waiting)
    }
  }

  /** First of the chunks that the socket was given and has not taken yet, 0 = none. */
  get chunksInFlight(): number {
    return this.#chunks
  }

  /** No more will be written: sends what there is, then `closing`, and ends the connection. */
  endAfterFlush(socket: Duplex, closing?: Uint8Array): void {
    this.#endsAfterFlush = true
    this.#closing = closing
    this.flush(socket)
  }

  #end(socket: Duplex): void {
    if (this.#closing !== undefined && socket.writable) socket.write(this.#closing)
    this.#closing = undefined
    if (isSocket(socket)) socket.destroySoon()
    else socket.end(() => socket.destroy())
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
    this.codec?.onWritten()
    this.#chunks = 0
    this.#bytes = 0
  }

  #watch(): void {
    this.#deadline?.cancel()
    const { writeDeadlineMs } = this.#connection.limits
    this.#deadline = this.#host.deadlines.after(writeDeadlineMs, () => this.#onDeadline())
  }

  #onDeadline(): void {
    if (this.#chunks === 0) return
    const left = this.#unwrittenBytes()
    const hasProgress = left !== undefined && left < this.#leftBytes
    if (!this.#connection.limits.isPatient || !hasProgress) {
      this.#connection.onWriteDeadline(this.#chunkCount, this.#bytes)
      return
    }
    this.#leftBytes = left
    this.#connection.slowCount += 1
    this.#host.onSlowWrite(this.#connection)
    const state = this.#isSlow ? 'State' : 'Detected'
    this.#isSlow = true
    const deadline = formatDuration(durationNs(this.#connection.limits.writeDeadlineMs))
    this.#notice(`Slow Consumer ${state}: WriteDeadline of ${deadline} exceeded`)
    this.#watch()
  }

  #notice(text: string): void {
    const amount = `${this.#chunkCount} chunks of ${this.#bytes} total bytes.`
    this.#connection.session.onNotice('info', `${text} with ${amount}`)
  }

  #unwrittenBytes(): number | undefined {
    return (this.#socket as SocketWithQueue | undefined)?._handle?.writeQueueSize
  }

  #onWritten(): void {
    // Also called, a tick later, for writes that ended inside the call: then there is nothing to
    // release, or it belongs to a later write, which is still under way.
    if (this.#chunks === 0 || (this.#socket?.writableLength ?? 0) > 0) return
    this.#deadline?.cancel()
    this.#host.beginTurn()
    if (this.#isSlow) {
      this.#isSlow = false
      const took = formatDuration(durationNs(this.#host.nowMs - this.#beganMs))
      this.#notice(`Slow Consumer Recovered: Flush took ${took}`)
    }
    this.#releaseWritten()
    this.#connection.flush()
    this.#host.endTurn()
  }
}

function isSocket(socket: Duplex): socket is Socket {
  return 'destroySoon' in socket
}
