import {
  CHECKSUM_BYTES,
  CHUNK_COMPRESSED,
  CHUNK_HEADER_BYTES,
  CHUNK_IDENTIFIER,
  CHUNK_STORED,
  IDENTIFIER_BODY_SNAPPY,
  SNAPPY_BLOCK_BYTES_MAX,
} from './s2-format.ts'

/**
 * A whole stream in the format that readers of Snappy and of S2 take: for answers of some kilobytes
 * now and then. What leaf links carry is compressed by the kernel.
 */
const HASH_BITS = 13
const HASH_FACTOR = 0x1e35a7bd
const MATCH_MIN = 4
const COPY_MAX = 64
const LITERAL = 0
const COPY_TWO_BYTES = 2
/** Literals up to this long have their length in the tag. */
const SHORT_LITERAL_MAX = 60
/** Blocks shorter than this are stored: nothing is won. Chosen. */
const COMPRESSED_MIN = 64

const POLYNOMIAL = 0x82f63b78 // CRC-32C, reflected
const CHECKSUMS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? POLYNOMIAL : 0)
  return value
})

/** As the format stores it: rotated, and a constant added. */
function maskedChecksum(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) crc = (crc >>> 8) ^ CHECKSUMS[(crc ^ byte) & 0xff]!
  crc = ~crc >>> 0
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

export function snappyStream(plain: Uint8Array): Buffer {
  return Buffer.concat([...snappyChunks(plain)])
}

/** The same piece by piece, so that who has other things to do can do them in between. */
export function* snappyChunks(plain: Uint8Array): Generator<Buffer> {
  yield chunk(CHUNK_IDENTIFIER, Buffer.from(IDENTIFIER_BODY_SNAPPY))
  for (let from = 0; from < plain.length; from += SNAPPY_BLOCK_BYTES_MAX) {
    const block = plain.subarray(from, from + SNAPPY_BLOCK_BYTES_MAX)
    const compressed = block.length < COMPRESSED_MIN ? undefined : compressBlock(block)
    const isSmaller = compressed !== undefined && compressed.length < block.length
    const checksum = Buffer.alloc(CHECKSUM_BYTES)
    checksum.writeUInt32LE(maskedChecksum(block))
    yield isSmaller
      ? chunk(CHUNK_COMPRESSED, checksum, compressed)
      : chunk(CHUNK_STORED, checksum, block)
  }
}

function chunk(type: number, ...body: readonly Uint8Array[]): Buffer {
  const bytes = body.reduce((sum, part) => sum + part.length, 0)
  const header = Buffer.alloc(CHUNK_HEADER_BYTES)
  header[0] = type
  header.writeUIntLE(bytes, 1, 3)
  return Buffer.concat([header, ...body])
}

/** One block, by the first match that a table of hashes knows. */
function compressBlock(plain: Uint8Array): Buffer {
  const source = Buffer.from(plain.buffer, plain.byteOffset, plain.length)
  const table = new Uint16Array(2 ** HASH_BITS)
  const out = new BlockWriter(source.length)
  let literalFrom = 0
  let at = 1
  const last = source.length - MATCH_MIN
  while (at <= last) {
    const word = source.readUInt32LE(at)
    const hash = Math.imul(word, HASH_FACTOR) >>> (32 - HASH_BITS)
    const candidate = table[hash]!
    table[hash] = at
    if (candidate >= at || source.readUInt32LE(candidate) !== word) {
      at++
      continue
    }
    let to = at + MATCH_MIN
    while (to < source.length && source[to] === source[to - at + candidate]) to++
    out.literal(source.subarray(literalFrom, at))
    out.copy(at - candidate, to - at)
    literalFrom = at = to
  }
  out.literal(source.subarray(literalFrom))
  return out.done()
}

class BlockWriter {
  readonly #parts: Uint8Array[] = []

  /** @param plainBytes told first */
  constructor(plainBytes: number) {
    const length: number[] = []
    for (let rest = plainBytes; ; rest >>>= 7) {
      if (rest < 0x80) {
        length.push(rest)
        break
      }
      length.push((rest & 0x7f) | 0x80)
    }
    this.#parts.push(Uint8Array.from(length))
  }

  literal(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const rest = bytes.length - 1
    const tag =
      rest < SHORT_LITERAL_MAX
        ? [(rest << 2) | LITERAL]
        : rest < 0x100
          ? [(60 << 2) | LITERAL, rest]
          : [(61 << 2) | LITERAL, rest & 0xff, rest >>> 8]
    this.#parts.push(Uint8Array.from(tag), bytes)
  }

  copy(offset: number, bytes: number): void {
    for (let rest = bytes; rest > 0; ) {
      const length = Math.min(rest, COPY_MAX)
      const tag = ((length - 1) << 2) | COPY_TWO_BYTES
      this.#parts.push(Uint8Array.from([tag, offset & 0xff, offset >>> 8]))
      rest -= length
    }
  }

  done(): Buffer {
    return Buffer.concat(this.#parts)
  }
}
