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

/** Source of all three: nats-server. */
const MAX_PAYLOAD_DEFAULT = 1024 * 1024
const MESSAGE_PAYLOADS_MAX = 8
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024

/**
 * Bounds of compressed messages, which have to be kept whole. nats-server takes a client's messages
 * of up to max_payload, and as much from a leaf; but it puts all that waits for a leaf into one
 * message, so leafs get as much here as they may send compressed.
 *
 * @param maxPayload 0 or less: the default
 */
export function messageLimits(
  maxPayload: number,
  kind: 'client' | 'leaf',
): Pick<WebsocketTerms, 'compressedBytesMax' | 'inflatedBytesMax'> {
  const payloadBytesMax = maxPayload > 0 ? maxPayload : MAX_PAYLOAD_DEFAULT
  const compressedBytesMax = Math.min(MESSAGE_PAYLOADS_MAX * payloadBytesMax, MESSAGE_BYTES_MAX)
  return {
    compressedBytesMax,
    inflatedBytesMax: kind === 'leaf' ? compressedBytesMax : payloadBytesMax,
  }
}
