/**
 * The S2 stream format: chunks of one type byte, three bytes of length (little endian) and a body.
 *
 *   ff  stream identifier        "S2sTwO", or "sNaPpY" for blocks of at most 64 KiB
 *   00  compressed data          masked CRC-32C of the plain bytes, S2 block
 *   01  stored data              masked CRC-32C, plain bytes
 *   02 … 7f                      refused
 *   80 … fe  index, padding …    skipped
 *
 * There is no end mark. The identifier comes first, and may come again before any chunk.
 */
export const CHUNK_COMPRESSED = 0x00
export const CHUNK_STORED = 0x01
/** Types from here on that are not known are skipped; those below end the stream. */
export const CHUNK_SKIPPABLE = 0x80
export const CHUNK_IDENTIFIER = 0xff

export const CHUNK_HEADER_BYTES = 4
export const CHECKSUM_BYTES = 4
export const IDENTIFIER_BODY_BYTES = 6

/** A whole chunk, which starts every flush. */
export const IDENTIFIER = '\xff\x06\x00\x00S2sTwO'
export const IDENTIFIER_BODY_S2 = 'S2sTwO'
export const IDENTIFIER_BODY_SNAPPY = 'sNaPpY'

/** What Go's reader takes at most: plain bytes of one chunk. */
export const BLOCK_BYTES_MAX = 4 * 1024 * 1024
export const SNAPPY_BLOCK_BYTES_MAX = 64 * 1024
/** Length of the longest block: all literals, with 4 bytes of size and 4 bytes of tag. */
export const CHUNK_BODY_BYTES_MAX = CHECKSUM_BYTES + BLOCK_BYTES_MAX + 4 + 4
/** Plain bytes of a compressed chunk that is written; what Go's writer does. */
export const BLOCK_BYTES = 1024 * 1024
/**
 * Of a stored one: a reader like ours, which takes 256 KiB at a time, then finds most chunks whole.
 * Measured: bench, "leaf-1024".
 */
export const STORED_BYTES = 64 * 1024

// Texts of Go's reader, which nats-server logs as `read error: …`.
export const CORRUPT = 's2: corrupt input'
export const CRC_MISMATCH = 's2: corrupt input, crc mismatch'
export const UNSUPPORTED = 's2: unsupported input'
