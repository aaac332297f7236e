import type { Kernel } from '../../kernel/kernel.ts'
import type { CodecHost } from '../byte-codec.ts'
import {
  BLOCK_BYTES,
  CHECKSUM_BYTES,
  CHUNK_COMPRESSED,
  CHUNK_HEADER_BYTES,
  CHUNK_STORED,
  IDENTIFIER,
  STORED_BYTES,
} from './s2-format.ts'

/** How hard to try; `uncompressed` only adds checksums. */
export type S2Level = 'uncompressed' | 'fast' | 'better' | 'best'

/** Up to here one copy costs less than a write of several parts; chosen. */
const MERGED_BYTES_MAX = 4096
const FOREIGN_BYTES = 64 * 1024

interface Block {
  readonly address: number
  readonly bytes: number
}

/** What becomes one chunk. */
interface Piece {
  readonly views: readonly Uint8Array[]
  readonly bytes: number
  /** Chunks of one flush follow its identifier. */
  readonly isFirst: boolean
}

/**
 * Writes S2 streams: each flush starts with the stream identifier and holds whole chunks.
 *
 * What is stored goes out from where it is, unless it is small; what is compressed goes out from
 * blocks of the thread's arena, which are held until it is written. Without memory for those,
 * everything is stored.
 */
export class S2Encoder {
  level: S2Level
  readonly #host: CodecHost
  readonly #kernel: Kernel
  #held: Block[] = []

  constructor(host: CodecHost, level: S2Level) {
    this.#host = host
    this.#kernel = host.kernel
    this.level = level
  }

  /** As ByteCodec.encode. */
  encode(parts: readonly Uint8Array[]): readonly Uint8Array[] {
    const output: Uint8Array[] = []
    const pieceBytesMax = this.level === 'uncompressed' ? STORED_BYTES : BLOCK_BYTES
    for (const piece of piecesOf(parts, pieceBytesMax)) {
      const chunk = this.#compressed(piece) ?? this.#merged(piece)
      if (chunk === undefined) output.push(this.#prefixOf(piece), ...piece.views)
      else output.push(chunk)
    }
    return output
  }

  /** Frees what the last `encode` returned. */
  release(): void {
    for (const block of this.#held) this.#free(block)
    this.#held = []
  }

  /** A chunk of compressed data; undefined when that does not pay. */
  #compressed(piece: Piece): Uint8Array | undefined {
    const level = this.#kernelLevel()
    if (level === undefined) return undefined
    const { exports } = this.#kernel
    const source = this.#gathered(piece)
    if (source === undefined) return undefined
    const target = this.#allocate(piece.bytes)
    let chunk: Uint8Array | undefined
    if (target !== undefined) {
      const bytes = exports.s2Encode(level, source.address, piece.bytes, target.address)
      if (bytes > 0) {
        const crc = exports.crc32c(0, source.address, piece.bytes)
        chunk = this.#compressedChunk(piece, crc, target.address, bytes)
      }
      this.#free(target)
    }
    if (source.isCopy) this.#free(source)
    return chunk
  }

  /** A block of just the size that is needed: the peer may be slow to take it. */
  #compressedChunk(
    piece: Piece,
    crc: number,
    source: number,
    bytes: number,
  ): Uint8Array | undefined {
    const held = this.#hold(prefixBytes(piece) + bytes)
    if (held === undefined) return undefined
    const at = this.#putPrefix(
      this.#kernel.bytes,
      held.address,
      piece,
      CHUNK_COMPRESSED,
      crc,
      bytes,
    )
    this.#kernel.exports.copy(at, source, bytes)
    return this.#kernel.bytes.subarray(held.address, held.address + held.bytes)
  }

  /** A small chunk of stored data in one part; undefined for a large one. */
  #merged(piece: Piece): Uint8Array | undefined {
    if (piece.bytes > MERGED_BYTES_MAX) return undefined
    const held = this.#hold(prefixBytes(piece) + piece.bytes)
    if (held === undefined) return undefined
    const { bytes, exports } = this.#kernel
    const from = held.address + prefixBytes(piece)
    this.#gather(piece, from)
    const crc = exports.crc32c(0, from, piece.bytes)
    this.#putPrefix(bytes, held.address, piece, CHUNK_STORED, crc, piece.bytes)
    return bytes.subarray(held.address, held.address + held.bytes)
  }

  /** What goes before the views of a chunk of stored data. */
  #prefixOf(piece: Piece): Uint8Array {
    let crc = 0
    for (const view of piece.views) crc = this.#checksum(crc, view)
    const prefix = Buffer.allocUnsafe(prefixBytes(piece))
    this.#putPrefix(prefix, 0, piece, CHUNK_STORED, crc, piece.bytes)
    return prefix
  }

  /** Returns where the data goes. */
  #putPrefix(
    target: Buffer,
    from: number,
    piece: Piece,
    type: number,
    crc: number,
    dataBytes: number,
  ): number {
    let at = from
    if (piece.isFirst) at += target.write(IDENTIFIER, at, 'latin1')
    at = target.writeUInt8(type, at)
    at = target.writeUIntLE(CHECKSUM_BYTES + dataBytes, at, CHUNK_HEADER_BYTES - 1)
    return target.writeInt32LE(this.#kernel.exports.maskChecksum(crc), at)
  }

  #kernelLevel(): number | undefined {
    const { layout } = this.#kernel
    switch (this.level) {
      case 'uncompressed':
        return undefined
      case 'fast':
        return layout.S2_LEVEL_FAST
      case 'better':
        return layout.S2_LEVEL_BETTER
      case 'best':
        return layout.S2_LEVEL_BEST
    }
  }

  // ── views ─────────────────────────────────────────────────────────────────────────────────

  #isShared(view: Uint8Array): boolean {
    return view.buffer === this.#kernel.bytes.buffer
  }

  /** The piece without gaps: where it is, or a copy. */
  #gathered(piece: Piece): (Block & { readonly isCopy: boolean }) | undefined {
    const [first] = piece.views
    if (piece.views.length === 1 && this.#isShared(first!)) {
      return { address: first!.byteOffset, bytes: piece.bytes, isCopy: false }
    }
    const block = this.#allocate(piece.bytes)
    if (block === undefined) return undefined
    this.#gather(piece, block.address)
    return { ...block, isCopy: true }
  }

  #gather(piece: Piece, target: number): void {
    let at = target
    for (const view of piece.views) {
      this.#copy(at, view)
      at += view.length
    }
  }

  #copy(target: number, view: Uint8Array): void {
    const { bytes, exports } = this.#kernel
    if (this.#isShared(view)) exports.copy(target, view.byteOffset, view.length)
    else bytes.set(view, target)
  }

  #checksum(before: number, view: Uint8Array): number {
    const { exports } = this.#kernel
    if (this.#isShared(view)) return exports.crc32c(before, view.byteOffset, view.length)
    // What another codec made, frames of a WebSocket for one, need not lie in shared memory.
    const block = this.#allocate(FOREIGN_BYTES)
    if (block === undefined) {
      this.#host.close('slowConsumerPendingBytes')
      return before
    }
    let crc = before
    for (let from = 0; from < view.length; from += FOREIGN_BYTES) {
      const slice = view.subarray(from, from + FOREIGN_BYTES)
      this.#copy(block.address, slice)
      crc = exports.crc32c(crc, block.address, slice.length)
    }
    this.#free(block)
    return crc
  }

  // ── memory ────────────────────────────────────────────────────────────────────────────────

  #allocate(bytes: number): Block | undefined {
    const address = this.#kernel.exports.allocate(bytes)
    return address === 0 ? undefined : { address, bytes }
  }

  #hold(bytes: number): Block | undefined {
    const block = this.#allocate(bytes)
    if (block !== undefined) this.#held.push(block)
    return block
  }

  #free(block: Block): void {
    this.#kernel.exports.release(block.address, block.bytes)
  }
}

function prefixBytes(piece: Piece): number {
  return (piece.isFirst ? IDENTIFIER.length : 0) + CHUNK_HEADER_BYTES + CHECKSUM_BYTES
}

/** Cuts a flush into what one chunk may hold. */
function piecesOf(parts: readonly Uint8Array[], bytesMax: number): Piece[] {
  const pieces: Piece[] = []
  let views: Uint8Array[] = []
  let bytes = 0
  const end = () => {
    if (bytes > 0) pieces.push({ views, bytes, isFirst: pieces.length === 0 })
    views = []
    bytes = 0
  }
  for (const part of parts) {
    let from = 0
    while (from < part.length) {
      if (bytes === bytesMax) end()
      const count = Math.min(part.length - from, bytesMax - bytes)
      views.push(count === part.length ? part : part.subarray(from, from + count))
      bytes += count
      from += count
    }
  }
  end()
  return pieces
}
