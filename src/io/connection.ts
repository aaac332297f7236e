import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { plainAddress } from '../base/addresses.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { ClosedState } from '../protocol/closed-states.ts'
import { readSocket } from './adopt-socket.ts'
import type { ByteCodec, CodecHost } from './byte-codec.ts'
import type { ConnectionHost } from './connection-host.ts'
import type { Deadline } from './deadlines.ts'
import { Inbound } from './inbound.ts'
import type { IngressLimit } from './ingress-limit.ts'
import type { Session } from './session.ts'
import { SocketWriter } from './socket-writer.ts'

/** A closing connection may take this long to take what it still has to get, e.g. an -ERR. */
const CLOSE_LINGER_MS = 2000

/**
 * A peer that has sent all it will send may have gone for good: others wait behind what is done for
 * it. Chosen: ten times what a bcrypt of the usual cost takes.
 */
const ENDED_MS_MAX = 1000

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

/** Leads from a socket to its connection: one listener serves all, where each had its own. */
const OWNER = Symbol('connection')

interface OwnedSocket extends Duplex {
  [OWNER]?: Connection
}

/**
 * One socket and its record in shared memory: bytes in to the kernel, chunks out to the socket.
 * Between the two there may be a codec.
 */
export class Connection implements CodecHost {
  readonly record: number
  readonly index: number
  readonly cid: number
  remoteAddress: string
  remotePort: number
  readonly startedMs: number
  readonly limits: ConnectionLimits
  session!: Session
  /** When bytes last came in; milliseconds of performance.now(). */
  lastInMs: number
  /**
   * When a message last came or went, or something was subscribed or given up; as lastInMs. PINGs
   * are no activity, as for nats-server.
   */
  lastActivityMs: number
  closedState: ClosedState | undefined
  /** Undefined: as much is read as comes. */
  ingress: IngressLimit | undefined
  /** Times it overran its write deadline and was kept. */
  slowCount = 0
  /** Messages both ways, modulo 2^32, when that was. */
  #seenMsgs = 0
  readonly #host: ConnectionHost
  readonly #inbound: Inbound
  readonly #writer: SocketWriter
  #socket: Duplex | undefined
  /** The bytes that follow are those of another socket: see replaceSocket. */
  isChangingSocket = false
  /** Nothing is read until `resume`. */
  isPaused = false
  #linger: Deadline | undefined
  /** The peer will send no more, but some of what it sent waits to be worked off. */
  #hasEnded = false

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
    this.remoteAddress = plainAddress(source.remoteAddress)
    this.remotePort = source.remotePort ?? 0
    this.startedMs = host.nowMs
    this.lastInMs = host.nowMs
    this.lastActivityMs = host.nowMs
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
    this.#inbound = new Inbound(host, this)
    this.#writer = new SocketWriter(host, this)
  }

  get kernel(): Kernel {
    return this.#host.kernel
  }

  /** Starts reading; the session must be set. */
  attach(socket: Duplex): void {
    this.#socket = socket
    ;(socket as OwnedSocket)[OWNER] = this
    socket.on('error', onSocketError)
    socket.on('close', onSocketClose)
    socket.on('end', onSocketEnd)
  }

  /**
   * From here on bytes pass through a codec, both ways; what was written before is sent as it is.
   * Bytes of the read under way that no operation has taken yet are the codec's.
   */
  setCodec(codec: ByteCodec): void {
    this.flush()
    this.#inbound.codec = codec
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
    socket.off('close', onSocketClose)
    socket.off('end', onSocketEnd)
    this.isChangingSocket = true
    this.#socket = undefined
    return socket
  }

  /**
   * The socket that `releaseSocket` gave away is replaced; it may have ended meanwhile.
   *
   * @param isBeingRead the socket was adopted for this connection, see adoptSocket
   */
  replaceSocket(socket: Duplex, isBeingRead = false): void {
    this.isChangingSocket = false
    this.attach(socket)
    if (socket.closed) {
      this.onSocketClose()
    } else if (this.closedState !== undefined) {
      this.#endSocket(socket, this.closedState)
    } else {
      this.flush()
      if (!isBeingRead) readSocket(socket, this)
      if (this.isPaused) socket.pause()
    }
  }

  /** A proxy says where the peer is. */
  usePlace({ remoteAddress = '', remotePort = 0 }: RemotePlace): void {
    this.remoteAddress = remoteAddress
    this.remotePort = remotePort
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

  // ── inbound ───────────────────────────────────────────────────────────────────────────────

  /** Where the next read goes. */
  readTarget(): Uint8Array {
    return this.#inbound.readTarget()
  }

  /** `count` bytes were read to where `readTarget` said. Returns false when reading must pause. */
  onRead(count: number): boolean {
    if (this.closedState !== undefined) return false
    const host = this.#host
    host.beginTurn()
    if (this.isChangingSocket) this.onEarlyBytes()
    this.lastInMs = host.nowMs
    this.#inbound.onRead(count)
    this.#noteActivity()
    host.stallIfAsked(this)
    if (this.ingress !== undefined) this.#charge(this.ingress)
    host.endTurn()
    return !this.isPaused
  }

  /** Once for each read and each write: looking at the counters costs nothing beside those. */
  #noteActivity(): void {
    const { layout, words } = this.#host.kernel
    const incoming = words[(this.record + layout.CONNECTION_IN_MSGS) >> 2]!
    const msgs = (incoming + words[(this.record + layout.CONNECTION_OUT_MSGS) >> 2]!) | 0
    if (msgs === this.#seenMsgs) return
    this.#seenMsgs = msgs
    this.lastActivityMs = this.#host.nowMs
  }

  /** Something was subscribed, or given up. */
  noteInterest(): void {
    this.lastActivityMs = this.#host.nowMs
  }

  /** Leaves the socket alone until what came is within the limit: TCP slows the peer down. */
  #charge(ingress: IngressLimit): void {
    const { msgs, bytes } = this.received
    const pauseMs = ingress.charge(performance.timeOrigin + this.#host.nowMs, msgs, bytes)
    if (pauseMs === 0) return
    this.#host.onIngressPause(pauseMs)
    this.stall(pauseMs)
  }

  /** Messages and their bytes received so far, modulo 2^32. */
  get received(): { readonly msgs: number; readonly bytes: number } {
    const { layout, words } = this.#host.kernel
    return {
      msgs: words[(this.record + layout.CONNECTION_IN_MSGS) >> 2]!,
      bytes: words[(this.record + layout.CONNECTION_IN_BYTES) >> 2]!,
    }
  }

  // ── CodecHost ─────────────────────────────────────────────────────────────────────────────

  deliver(from: number, to: number): boolean {
    this.#inbound.feed(from, to)
    return !this.isPaused && this.closedState === undefined
  }

  writeRaw(bytes: Uint8Array): void {
    if (this.#socket !== undefined) this.#writer.writeRaw(this.#socket, bytes)
  }

  /** The next socket, with TLS, is not there yet. */
  onEarlyBytes(): void {
    this.failRead('bytes before the TLS handshake')
  }

  failRead(why: string): void {
    if (this.closedState !== undefined) return
    this.session.onReadFailure(why)
    this.close('readError')
  }

  /** Goes on after HOLD, or after a lane or the sublist was missing. */
  resume(): void {
    if (this.closedState !== undefined) return
    this.#host.beginTurn()
    this.#inbound.processStash()
    if (!this.#inbound.hasStash && this.isOpen) {
      this.isPaused = false
      this.#inbound.decodeRest()
      if (!this.isPaused) this.#socket?.resume()
      if (this.#hasEnded && !this.isPaused) this.close('clientClosed')
      this.#host.stallIfAsked(this)
    }
    this.#host.endTurn()
  }

  pause(): void {
    this.isPaused = true
    this.#socket?.pause()
  }

  /** Stops reading for a moment, unless something else already does: a receiver is slow. */
  stall(delayMs: number): void {
    if (this.isPaused || this.closedState !== undefined) return
    this.pause()
    this.#host.deadlines.after(delayMs, () => {
      if (!this.#inbound.hasStash) this.resume()
    })
  }

  // ── outbound ──────────────────────────────────────────────────────────────────────────────

  /** Appends to what the peer will get; nothing is sent before the end of the turn. */
  write(text: string | Uint8Array): void {
    const { exports } = this.#host.kernel
    this.#host.inSlices(text, (address, bytes) => exports.appendBytes(this.record, address, bytes))
  }

  flush(): void {
    this.#noteActivity()
    const socket = this.#socket
    if (socket !== undefined) this.#writer.flush(socket)
  }

  /** The socket did not take all it was given within the write deadline. */
  onWriteDeadline(chunks: number, bytes: number): void {
    this.#host.onSlowConsumer(this, 'slowConsumerWriteDeadline', bytes, chunks)
  }

  /** See SocketWriter. */
  get chunksInFlight(): number {
    return this.#writer.chunksInFlight
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
    this.#inbound.clear()
    if (this.#socket !== undefined) this.#endSocket(this.#socket, reason)
  }

  #endSocket(socket: Duplex, reason: ClosedState): void {
    if (reason === 'slowConsumerPendingBytes' || reason === 'slowConsumerWriteDeadline') {
      socket.destroy()
      return
    }
    this.#writer.endAfterFlush(socket, this.#inbound.codec?.closing(reason))
    this.#linger?.cancel()
    this.#linger = this.#host.deadlines.after(CLOSE_LINGER_MS, () => socket.destroy())
  }

  /**
   * Of its socket. What waits for a login or for room is answered first, as nats-server would have
   * by now.
   */
  onSocketEnd(): void {
    if (!this.isOpen || !this.#inbound.hasStash) {
      this.close('clientClosed')
      return
    }
    this.#hasEnded = true
    this.#linger = this.#host.deadlines.after(ENDED_MS_MAX, () => this.close('clientClosed'))
  }

  /** Of its socket, once for each connection: its record is given back here. */
  onSocketClose(): void {
    // A socket may count as closed before it says so.
    this.#socket?.off('close', onSocketClose)
    this.#host.beginTurn()
    this.close(this.#socket?.errored ? 'readError' : 'clientClosed')
    this.#linger?.cancel()
    // Leaves nothing of this connection in the dirty list, which shares a field with the free list.
    this.#host.endTurn()
    this.#writer.abandon()
    this.#inbound.codec?.release()
    this.#socket = undefined
    this.#host.remove(this)
    this.#host.kernel.exports.releaseConnection(this.record)
  }
}

/** The 'close' event follows and does what there is to do. */
function onSocketError(): void {}

function onSocketClose(this: OwnedSocket): void {
  this[OWNER]?.onSocketClose()
}

function onSocketEnd(this: OwnedSocket): void {
  this[OWNER]?.onSocketEnd()
}
