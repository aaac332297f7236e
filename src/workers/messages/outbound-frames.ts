const LF = 10
const MESSAGE_LINE = /^[HL]?MSG .* (\d+)$/

/** A line on its way to a socket, latin1 and without its end, and the message behind it. */
export interface OutboundFrame {
  readonly line: string
  /** Headers and payload; empty behind lines that are no messages. */
  readonly message: Uint8Array
}

/** @param frames whole frames, one after the other */
export function* outboundFrames(frames: Uint8Array): Iterable<OutboundFrame> {
  const bytes = Buffer.from(frames.buffer, frames.byteOffset, frames.length)
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(LF, at)
    if (end < 0) return
    const line = bytes.toString('latin1', at, end - 1)
    const size = MESSAGE_LINE.exec(line)?.[1]
    const messageEnd = end + 1 + Number(size ?? 0)
    yield { line, message: bytes.subarray(end + 1, messageEnd) }
    at = messageEnd + (size === undefined ? 0 : 2)
  }
}

/** The lines of those frames alone. */
export function* frameLines(frames: Uint8Array): Iterable<string> {
  for (const { line } of outboundFrames(frames)) yield line
}
