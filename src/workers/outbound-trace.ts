import { traceOperation } from '../monitor/log/trace-lines.ts'
import { frameLines } from './outbound-frames.ts'

/**
 * Names the frames on their way to a socket for the log, without their payloads.
 *
 * @param frames whole frames, one after the other
 */
export function traceFrames(frames: Uint8Array, log: (line: string) => void): void {
  for (const line of frameLines(frames)) {
    // CONNECT of a leaf link: full of secrets, one of which may be in the place of the user.
    if (line.startsWith('INFO ') || line.startsWith('CONNECT ')) continue
    log(traceOperation('out', line.startsWith('+') ? line.slice(1) : line))
  }
}
