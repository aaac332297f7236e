const LF = 10
const MESSAGE_LINE = /^[HL]?MSG .* (\d+)$/

/**
 * The lines of frames on their way to a socket, without line ends and payloads; latin1.
 *
 * @param frames whole frames, one after the other
 */
export function* frameLines(frames: Uint8Array): Iterable<string> {
  const bytes = Buffer.from(frames.buffer, frames.byteOffset, frames.length)
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(LF, at)
    if (end < 0) return
    const line = bytes.toString('latin1', at, end - 1)
    const size = MESSAGE_LINE.exec(line)?.[1]
    at = end + 1 + (size === undefined ? 0 : Number(size) + 2)
    yield line
  }
}
