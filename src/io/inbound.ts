import { type ByteCodec, CODEC_HEADROOM_BYTES } from './byte-codec.ts'
import type { Connection } from './connection.ts'
import type { ConnectionHost } from './connection-host.ts'
import { HOLD, INCOMPLETE } from './session.ts'

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
/** Read of a connection that is held but still read from; chosen. */
const HELD_BYTES_MAX = 16 * 1024
/**
 * Behind a codec the start of an operation gets at least this: it may come in frames of one byte.
 */
const GATHERED_BYTES_MIN = 512

/**
 * What a connection has read and not used yet. Exactly one of these holds between two reads:
 *   nothing kept │ carry: start of an operation │ large: an operation read into its own block │
 *   stash: bytes that must wait, and the socket is paused
 * Besides, while the socket is paused, there may be bytes the codec has not looked at.
 */
export class Inbound {
  codec: ByteCodec | undefined
  readonly #host: ConnectionHost
  readonly #connection: Connection
  #carry: Block | undefined
  #large: Block | undefined
  /** Bytes of it that must be there before it is worth a look: all, if it is known how many. */
  #largeGoal = 0
  /** Bytes of it that were looked at, in vain; Infinity while it is known how many are needed. */
  #largeSeen = 0
  #stash: Block | undefined
  #undecoded: Block | undefined
  /** What `readTarget` last said: the block of a large operation. */
  #isReadingLarge = false

  constructor(host: ConnectionHost, connection: Connection) {
    this.#host = host
    this.#connection = connection
  }

  /** Bytes wait until `processStash`. */
  get hasStash(): boolean {
    return this.#stash !== undefined
  }

  /** Where the next read goes: the thread's area, or the block of a large operation. */
  readTarget(): Uint8Array {
    const large = this.codec === undefined ? this.#large : undefined
    this.#isReadingLarge = large !== undefined
    if (large === undefined) return this.#readView()
    const { bytes } = this.#host.kernel
    return bytes.subarray(large.address + large.filled, large.address + large.bytes)
  }

  #readView(): Uint8Array {
    const { readView } = this.#host
    const { ingress } = this.#connection
    return ingress === undefined ? readView : readView.subarray(0, ingress.readBytes)
  }

  /** `count` bytes were read to where `readTarget` said. */
  onRead(count: number): void {
    const { readAddress } = this.#host
    const large = this.#large
    if (this.#isReadingLarge && large !== undefined) {
      large.filled += count
      this.#endLarge(large)
    } else {
      this.#take(readAddress, readAddress + count)
    }
  }

  /** Bytes of the socket. */
  #take(from: number, to: number): void {
    if (this.codec === undefined) this.feed(from, to)
    else this.#decode(this.codec, from, to)
  }

  #decode(codec: ByteCodec, from: number, to: number): void {
    if (this.#undecoded !== undefined) {
      this.#undecoded = this.#extended(this.#undecoded, from, to)
      return
    }
    const at = codec.decode(from, to)
    this.#lookAtLarge()
    if (at >= to || !this.#connection.isOpen) return
    this.#undecoded = this.#copied(at, to - at, to - at, CODEC_HEADROOM_BYTES)
    if (this.#connection.isPaused) return
    // The codec has done enough for one turn.
    this.#connection.pause()
    this.#host.deadlines.after(0, () => this.#connection.resume())
  }

  /**
   * Bytes of the thread's read area. Node asks where to read right after the read before, so they
   * may come here although a large operation has begun since (when a stash was processed).
   */
  feed(from: number, to: number): void {
    const { exports } = this.#host.kernel
    const large = this.#large
    const carry = this.#carry
    if (this.#stash !== undefined) {
      this.#stash = this.#extended(this.#stash, from, to)
      if (!this.#mayReadOn(this.#stash?.filled)) this.#connection.pause()
    } else if (large !== undefined) {
      const count = Math.min(to - from, large.bytes - large.filled)
      exports.copy(large.address + large.filled, from, count)
      large.filled += count
      this.#endLarge(large)
      if (from + count < to && this.#connection.isOpen) this.feed(from + count, to)
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
    const codec = this.codec
    let at = from
    while (this.#connection.isOpen) {
      at = exports.ingest(this.#connection.record, at, to)
      const status = exports.status.value
      if (status === layout.STATUS_DONE) {
        if (at < to) this.#keep(at, to, exports.needBytes.value)
        break
      }
      if (status === layout.STATUS_OPERATION) {
        const next = this.#connection.session.onOperation(at, to)
        if (next >= 0) {
          at = next
          // Rarely the operation was the last one of its kind.
          if (this.codec === codec && !this.#connection.isChangingSocket) continue
          this.#onTransportChange(at, to)
          break
        }
        if (next === INCOMPLETE) this.#keepWithoutDroppable(at, to)
        else if (next === HOLD) this.#hold(at, to)
        break
      }
      if (status === layout.STATUS_NO_RESPONDERS) {
        this.#connection.session.onNoResponders()
        continue
      }
      if (status === layout.STATUS_IMPORTS) {
        this.#connection.session.onImports()
        continue
      }
      this.#hold(at, to)
      this.#host.retryLater(this.#connection)
      break
    }
  }

  /** An operation has asked for a codec or another socket; the rest was meant for that. */
  #onTransportChange(at: number, to: number): void {
    if (at === to || !this.#connection.isOpen) return
    if (this.#connection.isChangingSocket) this.#connection.onEarlyBytes()
    else this.#take(at, to)
  }

  #keepWithoutDroppable(at: number, to: number): void {
    const { droppableFrom, droppableTo, needBytes } = this.#connection.session
    const dropped = droppableTo - droppableFrom
    if (dropped > 0) {
      this.#host.kernel.bytes.copyWithin(droppableFrom, droppableTo, to)
    }
    this.#keep(at, to - Math.max(0, dropped), needBytes)
  }

  /** Keeps the start of an operation until more of it is read. */
  #keep(at: number, to: number, needBytes: number): void {
    const filled = to - at
    const isGathered = this.codec !== undefined
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

  /** Keeps bytes that may not be processed now, and as a rule stops reading. */
  #hold(at: number, to: number): void {
    this.#stash = this.#copied(at, to - at, to - at)
    if (!this.#mayReadOn(to - at)) this.#connection.pause()
  }

  /** A socket that is not read from does not tell that the peer has gone. */
  #mayReadOn(heldBytes = 0): boolean {
    return this.#connection.session.readsWhileHeld === true && heldBytes < HELD_BYTES_MAX
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
      this.#host.onOutOfMemory(`${this.#connection.remote} - cid:${this.#connection.cid} is closed`)
      this.#connection.close('slowConsumerPendingBytes')
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

  /** Bytes that had to wait are tried again. */
  processStash(): void {
    const stash = this.#stash
    if (stash === undefined) return
    this.#stash = undefined
    this.#process(stash.address, stash.address + stash.filled)
    this.#release(stash)
  }

  /** Goes on with what the codec has not looked at. */
  decodeRest(): void {
    const rest = this.#undecoded
    if (rest === undefined) return
    this.#undecoded = undefined
    this.#take(rest.address, rest.address + rest.filled)
    this.#release(rest)
  }

  /** The connection has ended: nothing that is kept is needed any more. */
  clear(): void {
    const blocks = [this.#carry, this.#large, this.#stash, this.#undecoded]
    this.#carry = this.#large = this.#stash = this.#undecoded = undefined
    for (const block of blocks) this.#release(block)
  }
}
