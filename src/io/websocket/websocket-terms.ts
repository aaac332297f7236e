/** What a WebSocket connection was agreed to be. */
export interface WebsocketTerms {
  /** Clients mask what they send. */
  readonly role: 'server' | 'client'
  /** permessage-deflate, without context between messages. */
  readonly compress: boolean
  /** nats-server's own extension: nobody masks. */
  readonly noMasking: boolean
  /** Frames to browsers are kept short, but a compressed message to Safari is one frame. */
  readonly browser: 'none' | 'safari' | 'other'
  /** Of one message, as it comes. */
  readonly compressedBytesMax: number
  /** Of one message, once it is inflated. */
  readonly inflatedBytesMax: number
}

/** Source of these three: nats-server. */
const MAX_PAYLOAD_DEFAULT = 1024 * 1024
const MESSAGE_PAYLOADS_MAX = 8
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024

/**
 * Bounds of compressed messages, which have to be kept whole. That for what comes is nats-server's.
 * Inflated, nats-server takes max_payload: less than a message of that size with its line, and than
 * what a page in a browser may send at once. Here a message may inflate to what may also come.
 *
 * @param maxPayload 0 or less: the default
 */
export function messageLimits(
  maxPayload: number,
): Pick<WebsocketTerms, 'compressedBytesMax' | 'inflatedBytesMax'> {
  const payloadBytesMax = maxPayload > 0 ? maxPayload : MAX_PAYLOAD_DEFAULT
  const bytesMax = Math.min(MESSAGE_PAYLOADS_MAX * payloadBytesMax, MESSAGE_BYTES_MAX)
  return { compressedBytesMax: bytesMax, inflatedBytesMax: bytesMax }
}
