import { goQuote } from '../../protocol/go-quote.ts'

/** `in` is what the peer sent, `out` what it is sent. */
export type TraceDirection = 'in' | 'out'

const ARROWS: Readonly<Record<TraceDirection, string>> = { in: '<<-', out: '->>' }

/** CR LF CR LF, the end of a header block, is not shown. */
const HEADER_END_BYTES = 4

/** `<<- [PUB foo 5]`, `->> [PONG]`, `->> [-ERR Invalid Subject]`. */
export function traceOperation(
  direction: TraceDirection,
  operation: string,
  argument = '',
): string {
  return `${ARROWS[direction]} [${operation}${argument === '' ? '' : ` ${argument}`}]`
}

/** `<-> [DELSUB 1]`: a subscription went away, by UNSUB, by its limit or with its connection. */
export function traceRemovedSubscription(sid: string): string {
  return `<-> [DELSUB ${sid}]`
}

export interface PayloadTrace {
  /** Bytes shown at most; 0 shows all. Option max_traced_msg_len. */
  readonly tracedBytesMax: number
  /**
   * Show the header block instead of the payload, and nothing for messages without. Option
   * trace_headers.
   */
  readonly headersOnly: boolean
}

/**
 * `<<- MSG_PAYLOAD: ["hello"]`, or null when there is nothing to show.
 *
 * @param message header block, if any, and payload, without the CR LF behind
 * @param headerBytes length of the header block, 0 without
 */
export function tracePayload(
  direction: TraceDirection,
  message: Uint8Array,
  headerBytes: number,
  { tracedBytesMax, headersOnly }: PayloadTrace,
): string | null {
  const shown = headersOnly
    ? message.subarray(0, Math.max(0, headerBytes - HEADER_END_BYTES))
    : message
  if (shown.length === 0) return null
  const isCut = tracedBytesMax > 0 && shown.length > tracedBytesMax
  const quoted = goQuote(isCut ? shown.subarray(0, tracedBytesMax) : shown)
  return `${ARROWS[direction]} MSG_PAYLOAD: [${isCut ? `${quoted.slice(0, -1)}..."` : quoted}]`
}
