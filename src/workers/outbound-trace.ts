import { traceOperation } from '../monitor/log/trace-lines.ts'

const LF = 10
const MESSAGE_LINE = /^[HL]?MSG .* (\d+)$/

/**
 * Names the frames on their way to a socket for the log, without their payloads.
 *
 * @param frames whole frames, one after the other
 */
export function traceFrames(frames: Uint8Array, log: (line: string) => void): void {
  const bytes = Buffer.from(frames.buffer, frames.byteOffset, frames.length)
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(LF, at)
    if (end < 0) return
    const line = bytes.toString('latin1', at, end - 1)
    const size = MESSAGE_LINE.exec(line)?.[1]
    at = end + 1 + (size === undefined ? 0 : Number(size) + 2)
    // CONNECT of a leaf link: full of secrets, one of which may be in the place of the user.
    if (line.startsWith('INFO ') || line.startsWith('CONNECT ')) continue
    log(traceOperation('out', line.startsWith('+') ? line.slice(1) : line))
  }
}
