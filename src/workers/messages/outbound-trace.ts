import type { Options } from '../../config/options.ts'
import { traceOperation, tracePayload } from '../../monitor/log/trace-lines.ts'
import { outboundFrames } from './outbound-frames.ts'

/** Of a message with headers: their length, before that of all of it. */
const HEADER_MESSAGE = /^HMSG .* (\d+) \d+$/

/**
 * Names the frames on their way to a socket for the log, with their payloads.
 *
 * @param frames whole frames, one after the other
 */
export function traceFrames(
  frames: Uint8Array,
  { maxTracedMsgLen, traceHeaders }: Options,
  log: (line: string) => void,
): void {
  const shown = { tracedBytesMax: maxTracedMsgLen, headersOnly: traceHeaders }
  for (const { line, message } of outboundFrames(frames)) {
    // CONNECT of a leaf link: full of secrets, one of which may be in the place of the user.
    if (line.startsWith('INFO ') || line.startsWith('CONNECT ')) continue
    log(traceOperation('out', line.startsWith('+') ? line.slice(1) : line))
    const headerBytes = Number(HEADER_MESSAGE.exec(line)?.[1] ?? 0)
    const payload = tracePayload('out', message, headerBytes, shown)
    if (payload !== null) log(payload)
  }
}
