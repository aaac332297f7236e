import { snappyStream } from '../../io/s2/snappy-stream.ts'
import type { TraceEncoding } from '../../monitor/trace/trace-headers.ts'
import { encodeHeaders } from '../../protocol/headers.ts'

const CONTENT_ENCODING = 'Content-Encoding'

/** A payload as it goes out, and the header block that says how it is encoded. */
interface Content {
  readonly headers: Uint8Array | undefined
  readonly payload: Uint8Array
}

/** Encodes an event as its receiver has asked for. */
export function encodeContent(data: Uint8Array, encoding: TraceEncoding): Content {
  if (encoding === 'none') return { headers: undefined, payload: data }
  const headers = encodeHeaders([[CONTENT_ENCODING, encoding]])
  if (encoding === 'identity') return { headers, payload: data }
  if (encoding === 'snappy') return { headers, payload: snappyStream(data) }
  // Loaded by the first who asks: few ever do.
  return { headers, payload: process.getBuiltinModule('node:zlib').gzipSync(data) }
}
