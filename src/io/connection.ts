import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Kernel } from '../kernel/kernel.ts'
import type { ClosedState } from '../protocol/closed-states.ts'
import { readSocket } from './adopt-socket.ts'
import { type ByteCodec, CODEC_HEADROOM_BYTES, type CodecHost } from './byte-codec.ts'
import type { ConnectionHost } from './connection-host.ts'
import type { Deadline } from './deadlines.ts'
import { HOLD, INCOMPLETE, type Session } from './session.ts'
import { SocketWriter } from './socket-writer.ts'

/** Part of shared memory that belongs to a connection. */
interface Block {
  readonly address: number
  readonly bytes: number
  /** Further bytes of it in front of `address`, see CODEC_HEADROOM_BYTES. */
  readonly headroom: number
  /** How much of it is filled. */
  filled: number
}

/** An unfinished operation longer than this gets a block of its exact size and is read into it. */
const CARRY_BYTES_MAX = 64 * 1024
/**
 * Behind a codec the start of an operation gets at least this: it may come in frames of one byte.
 */
const GATHERED_BYTES_MIN = 512
const TOO_EARLY = 'bytes before the TLS handshake'
/** A closing connection may take this long to take what it still has to get, e.g. an -ERR. */
const CLOSE_LINGER_MS = 2000

/** Where the peer is; a socket knows. */
export type RemotePlace = Pick<Socket, 'remoteAddress' | 'remotePort'>

export interface ConnectionLimits {
  /** Bytes that may wait for the socket. */
  readonly pendingBytesMax: number
  readonly writeDeadlineMs: number
  /** Keep a connection that took some bytes, but not all, within the write deadline. */
  readonly isPatient: boolean
}

export interface ConnectionFacts {
  readonly cid: number
  /** KIND_* of the kernel's layout. */
  readonly kind: number
  /** Shared by connections alike. */
  readonly limits: ConnectionLimits
}

/**
 * One socket and its record in shared memory: bytes in to the kernel, chunks out to the socket.
 * Between the two there may be a codec.
 *
 * Inbound, exactly one of these holds between two reads:
 *   nothing kept │ carry: start of an operation │ large: an operation read into its own block │
 *   stash: bytes that must wait, and the socket is paused
 * Besides, while the socket is paused, there may be bytes the codec has not looked at.
 */
export class Connection implements CodecHost {
  readonly record: number
  readonly index: number
  readonly cid: number
  readonly remoteAddress: string
  readonly remotePort: number
  readonly startedMs: number
  readonly limits: ConnectionLimits
  session!: Session
  /** When bytes last came in; milliseconds of performance.now(). */
  lastInMs: number
  closedState: ClosedState | undefined
  /** Times it overran its write deadline and was kept. */
  slowCount = 0
  readonly #host: ConnectionHost
  readonly #writer: SocketWriter
  #socket: Duplex | undefined
  #carry: Block | undefined
  #large: Block | undefined
  /** Bytes of it that must be there before it is worth a look: all, if it is known how many. */
  #largeGoal = 0
  /** Bytes of it that were looked at, in vain; Infinity while it is known how many are needed. */
  #largeSeen = 0
  #stash: Block | undefined
  #codec: ByteCodec | undefined
  #undecoded: Block | undefined
  /** The bytes that follow are those of another socket: see replaceSocket. */
  #isChangingSocket = false
  #isPaused = false
  /** What `readTarget` last said: the block of a large operation. */
  #isReadingLarge = false
  #linger: Deadline | undefined
  readonly #onSocketCloseBound = () => this.#onSocketClose()
  readonly #onSocketEndBound = () => this.close('clientClosed')

  /** @returns undefined when the thread's memory is exhausted; the socket is the caller's then */
  static create(
    host: ConnectionHost,
    source: RemotePlace,
    facts: ConnectionFacts,
  ): Connection | undefined {
    const record = host.kernel.exports.createConnection()
    if (record === 0) {
      host.onOutOfMemory(`cid:${facts.cid} is refused`)
      return undefined
    }
    return new Connection(host, record, source, facts)
  }

  private constructor(
    host: ConnectionHost,
    record: number,
    source: RemotePlace,
    facts: ConnectionFacts,
  ) {
    const { layout, words } = host.kernel
    this.#host = host
    this.cid = facts.cid
    this.limits = facts.limits
    this.remoteAddress = source.remoteAddress ?? ''
    this.remotePort = source.remotePort ?? 0
    this.startedMs = host.nowMs
    this.lastInMs = host.nowMs
    this.record = record
    this.index = host.add(this)
    const set = (field: number, value: number) => {
      words[(this.record + field) >> 2] = value
    }
    set(layout.CONNECTION_KIND, facts.kind)
    set(layout.CONNECTION_INDEX, this.index)
    const { pendingBytesMax } = facts.limits
    set(layout.CONNECTION_PENDING_MAX, pendingBytesMax)
    // Leaf links may have more pending than clients, but slow their publishers from the same mark.
    const slowFromBytes = Math.min(pendingBytesMax, host.settings.pendingBytesMax)
    set(layout.CONNECTION_STALL_MARK, Math.floor((slowFromBytes / 4) * 3))
    this.#writer = new SocketWriter(host, this)
  }

  get kernel(): Kernel {
    return this.#host.kernel
  }

  /** Starts reading; the session must be set. */
  attach(socket: Duplex): void {
    this.#socket = socket
    socket.on('error', onSocketError)
    socket.on('close', this.#onSocketCloseBound)
    socket.on('end', this.#onSocketEndBound)
  }

  /**
   * From here on bytes pass through a codec, both ways; what was written before is sent as it is.
   * Bytes of the read under way that no operation has taken yet are the codec's.
   */
  setCodec(codec: ByteCodec): void {
    this.flush()
    this.#codec = codec
    this.#writer.codec = codec
  }

  /**
   * Sends what was written, then lets go of the socket so that another one can be put over it (TLS,
   * for one). Until `attach` is called with that one nothing is written, and bytes read already and
   * not used are a breach of protocol: they did not come through the new socket.
   *
   * Whatever comes of it, `replaceSocket` must be called in the end.
   *
   * @returns undefined when the connection has ended
   */
  releaseSocket(): Duplex | undefined {
    this.flush()
    const socket = this.#socket
    if (socket === undefined || this.closedState !== undefined) return undefined
    socket.off('close', this.#onSocketCloseBound)
    socket.off('end', this.#onSocketEndBound)
    this.#isChangingSocket = true
    this.#socket = undefined
    return socket
  }

  /** The socket that `releaseSocket` gave away is replaced; it may have ended meanwhile. */
  replaceSocket(socket: Duplex): void {
    this.#isChangingSocket = false
    this.attach(socket)
    if (socket.closed) {
      this.#onSocketClose()
    } else if (this.closedState !== undefined) {
      this.#endSocket(socket, this.closedState)
    } else {
      this.flush()
      readSocket(socket, this)
      if (this.#isPaused) socket.pause()
    }
  }

  /** Host and port of the peer, as the log shows them. */
  get remote(): string {
    const { remoteAddress: host, remotePort: port } = this
    return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  }

  get isOpen(): boolean {
    return this.closedState === undefined
  }

  /** Whether its socket, and with it its memory, is still held. */
  get isAttached(): boolean {
    return this.#socket !== undefined
  }

  /** Where the next read goes: the thread's area, or the block of a large operation. */
  readTarget(): Uint8Array {
    const large = this.#codec === undefined ? this.#large : undefined
    this.#isReadingLarge = large !== undefined
    if (large === undefined) return this.#host.readView
    const { bytes } = this.#host.kernel
    return bytes.subarray(large.address + large.filled, large.address + large.bytes)
  }

  // ── inbound ───────────────────────────────────────────────────────────────────────────────

  /** `count` bytes were read to where `readTarget` said. Returns false when reading must pause. */
  onRead(count: number): boolean {
    if (this.closedState !== undefined) return false
    const host = this.#host
    host.beginTurn()
    if (this.#isChangingSocket) this.failRead(TOO_EARLY)
    this.lastInMs = host.nowMs
    const large = this.#large
    if (this.#isReadingLarge && large !== undefined) {
      large.filled += count
      this.#endLarge(large)
    } else {
      this.#take(host.readAddress, host.readAddress + count)
    }
    host.stallIfAsked(this)
    host.endTurn()
    return !this.#isPaused
  }

  /** Bytes of the socket. */
  #take(from: number, to: number): void {
    if (this.#codec === undefined) this.#feed(from, to)
    else this.#decode(this.#codec, from, to)
  }

  #decode(codec: ByteCodec, from: number, to: number): void {
    if (this.#undecoded !== undefined) {
      this.#undecoded = this.#extended(this.#undecoded, from, to)
      return
    }
    const at = codec.decode(from, to)
    this.#lookAtLarge()
    if (at >= to || this.closedState !== undefined) return
    this.#undecoded = this.#copied(at, to - at, to - at, CODEC_HEADROOM_BYTES)
    if (this.#isPaused) return
    // The codec has done enough for one turn.
    this.pause()
    this.#host.deadlines.after(0, () => this.resume())
  }

  // ── CodecHost ─────────────────────────────────────────────────────────────────────────────

  deliver(from: number, to: number): boolean {
    this.#feed(from, to)
    return !this.#isPaused && this.closedState === undefined
  }

  writeRaw(bytes: Uint8Array): void {
    if (this.#socket !== undefined) this.#writer.writeRaw(this.#socket, bytes)
  }

  failRead(why: string): void {
    if (this.closedState !== undefined) return
    this.session.onReadFailure(why)
    this.close('readError')
  }

  /**
   * Bytes of the thread's read area. Node asks where to read right after the read before, so they
   * may come here although a large operation has begun since (when a stash was processed).
   */
  #feed(from: number, to: number): void {
    const { exports } = this.#host.kernel
    const large = this.#large
    const carry = this.#carry
    if (this.#stash !== undefined) {
      this.#stash = this.#extended(this.#stash, from, to)
    } else if (large !== undefined) {
      const count = Math.min(to - from, large.bytes - large.filled)
      exports.copy(large.address + large.filled, from, count)
      large.filled += count
      this.#endLarge(large)
      if (from + count < to && this.closedState === undefined) this.#feed(from + count, to)
    } else if (carry !== undefined) {
      // In front of `from` is headroom, or bytes that are done with.
      this.#carry = undefined
      exports.copy(from - carry.filled, carry.address, carry.filled)
      this.#release(carry)
      this.#process(from - carry.filled, to)
    } else {
      this.#process(from, to)
    }
  }

  #endLarge(large: Block): void {
    if (large.filled < this.#largeGoal) return
    this.#large = undefined
    this.#process(large.address, large.address + large.filled)
    this.#release(large)
  }

  /** What came in many small pieces is looked at when there are no more. */
  #lookAtLarge(): void {
    const large = this.#large
    if (large === undefined || large.filled <= this.#largeSeen) return
    this.#largeGoal = large.filled
    this.#endLarge(large)
  }

  #process(from: number, to: number): void {
    const { kernel } = this.#host
    const { exports, layout } = kernel
    const codec = this.#codec
    let at = from
    while (this.closedState === undefined) {
      at = exports.ingest(this.record, at, to)
      const status = exports.status.value
      if (status === layout.STATUS_DONE) {
        if (at < to) this.#keep(at, to, exports.needBytes.value)
        break
      }
      if (status === layout.STATUS_OPERATION) {
        const next = this.session.onOperation(at, to)
        if (next >= 0) {
          at = next
          // Rarely the operation was the last one of its kind.
          if (this.#codec === codec && !this.#isChangingSocket) continue
          this.#onTransportChange(at, to)
          break
        }
        if (next === INCOMPLETE) this.#keepWithoutDroppable(at, to)
        else if (next === HOLD) this.#hold(at, to)
        break
      }
      if (status === layout.STATUS_NO_RESPONDERS) {
        this.session.onNoResponders()
        continue
      }
      this.#hold(at, to)
      this.#host.retryLater(this)
      break
    }
  }

  /** An operation has asked for a codec or another socket; the rest was meant for that. */
  #onTransportChange(at: number, to: number): void {
    if (at === to || this.closedState !== undefined) return
    if (this.#isChangingSocket) this.failRead(TOO_EARLY)
    else this.#take(at, to)
  }

  #keepWithoutDroppable(at: number, to: number): void {
    const { droppableFrom, droppableTo, needBytes } = this.session
    const dropped = droppableTo - droppableFrom
    if (dropped > 0) {
      this.#host.kernel.bytes.copyWithin(droppableFrom, droppableTo, to)
    }
    this.#keep(at, to - Math.max(0, dropped), needBytes)
  }

  /** Keeps the start of an operation until more of it is read. */
  #keep(at: number, to: number, needBytes: number): void {
    const filled = to - at
    const isGathered = this.#codec !== undefined
    if (!isGathered && needBytes <= CARRY_BYTES_MAX && filled <= CARRY_BYTES_MAX) {
      this.#carry = this.#copied(at, filled, filled)
      return
    }
    const isKnown = needBytes > filled
    const room = Math.max(2 * filled, GATHERED_BYTES_MIN)
    this.#large = this.#copied(at, filled, isKnown ? needBytes : room)
    if (isKnown) this.#largeGoal = needBytes
    else this.#largeGoal = isGathered ? room : filled + 1
    this.#largeSeen = isKnown ? Number.POSITIVE_INFINITY : filled
  }

  /** Keeps bytes that may not be processed now, and stops reading. */
  #hold(at: number, to: number): void {
    this.#stash = this.#copied(at, to - at, to - at)
    this.pause()
  }

  /** A read that was cut in parts (see adopt-socket) may go on after HOLD. */
  #extended(block: Block, from: number, to: number): Block | undefined {
    const { address, filled, headroom } = block
    const larger = this.#copied(address, filled, filled + to - from, headroom)
    // Without memory the connection has been closed, and the block released with it.
    if (larger === undefined) return undefined
    this.#release(block)
    this.#host.kernel.exports.copy(larger.address + larger.filled, from, to - from)
    larger.filled += to - from
    return larger
  }

  #copied(at: number, filled: number, bytes: number, headroom = 0): Block | undefined {
    const { exports } = this.#host.kernel
    const base = exports.allocate(headroom + bytes)
    if (base === 0) {
      this.#host.onOutOfMemory(`${this.remote} - cid:${this.cid} is closed`)
      this.close('slowConsumerPendingBytes')
      return undefined
    }
    const address = base + headroom
    exports.copy(address, at, filled)
    return { address, bytes, headroom, filled }
  }

  #release(block: Block | undefined): void {
    if (block === undefined) return
    const { address, bytes, headroom } = block
    this.#host.kernel.exports.release(address - headroom, headroom + bytes)
  }

  /** Goes on after HOLD, or after a lane or the sublist was missing. */
  resume(): void {
    if (this.closedState !== undefined) return
    this.#host.beginTurn()
    const stash = this.#stash
    this.#stash = undefined
    if (stash !== undefined) {
      this.#process(stash.address, stash.address + stash.filled)
      this.#release(stash)
    }
    if (this.#stash === undefined && this.closedState === undefined) {
      this.#isPaused = false
      this.#decodeRest()
      if (!this.#isPaused) this.#socket?.resume()
      this.#host.stallIfAsked(this)
    }
    this.#host.endTurn()
  }

  #decodeRest(): void {
    const rest = this.#undecoded
    if (rest === undefined) return
    this.#undecoded = undefined
    this.#take(rest.address, rest.address + rest.filled)
    this.#release(rest)
  }

  pause(): void {
    this.#isPaused = true
    this.#socket?.pause()
  }

  /** Stops reading for a moment, unless something else already does: a receiver is slow. */
  stall(delayMs: number): void {
    if (this.#isPaused || this.closedState !== undefined) return
    this.pause()
    this.#host.deadlines.after(delayMs, () => {
      if (this.#stash === undefined) this.resume()
    })
  }

  // ── outbound ──────────────────────────────────────────────────────────────────────────────

  /** Appends to what the peer will get; nothing is sent before the end of the turn. */
  write(text: string | Uint8Array): void {
    const { exports } = this.#host.kernel
    this.#host.inSlices(text, (address, bytes) => exports.appendBytes(this.record, address, bytes))
  }

  flush(): void {
    const socket = this.#socket
    if (socket !== undefined) this.#writer.flush(socket)
  }

  /** The socket did not take all it was given within the write deadline. */
  onWriteDeadline(chunks: number, bytes: number): void {
    this.#host.onSlowConsumer(this, 'slowConsumerWriteDeadline', bytes, chunks)
  }

  get pendingBytes(): number {
    const { layout, words } = this.#host.kernel
    return words[(this.record + layout.CONNECTION_PENDING) >> 2]!
  }

  // ── end ───────────────────────────────────────────────────────────────────────────────────

  /**
   * Ends the connection. What was written before is still sent, within bounds, except to slow
   * consumers.
   */
  close(reason: ClosedState): void {
    if (this.closedState !== undefined) return
    this.closedState = reason
    this.#host.kernel.exports.closeConnection(this.record)
    this.session.onClosed(reason)
    const blocks = [this.#carry, this.#large, this.#stash, this.#undecoded]
    for (const block of blocks) this.#release(block)
    this.#carry = this.#large = this.#stash = this.#undecoded = undefined
    if (this.#socket !== undefined) this.#endSocket(this.#socket, reason)
  }

  #endSocket(socket: Duplex, reason: ClosedState): void {
    if (reason === 'slowConsumerPendingBytes' || reason === 'slowConsumerWriteDeadline') {
      socket.destroy()
      return
    }
    this.#writer.endAfterFlush(socket, this.#codec?.closing(reason))
    this.#linger = this.#host.deadlines.after(CLOSE_LINGER_MS, () => socket.destroy())
  }

  #onSocketClose(): void {
    this.#host.beginTurn()
    this.close(this.#socket?.errored ? 'readError' : 'clientClosed')
    this.#linger?.cancel()
    // Leaves nothing of this connection in the dirty list, which shares a field with the free list.
    this.#host.endTurn()
    this.#writer.abandon()
    this.#codec?.release()
    this.#socket = undefined
    this.#host.remove(this)
    this.#host.kernel.exports.releaseConnection(this.record)
  }
}

/** The 'close' event follows and does what there is to do. */
function onSocketError(): void {}
