import {
  type ArgumentsRefusal,
  type MessageArguments,
  parseHpub,
  parseLeafMsg,
  parseLeafSub,
  parsePub,
  parseSub,
  parseUnsub,
} from '../../src/protocol/arguments.ts'
import { type Operation, readOperation } from '../../src/protocol/operation.ts'
import type { ConnectionKind } from '../../src/protocol/verbs.ts'
import type {
  ReferenceEnd,
  ReferenceOperation,
  ReferenceOptions,
} from '../reference/reference-parser.ts'

export type Driven = {
  readonly operations: readonly ReferenceOperation[]
  readonly end: ReferenceEnd
  /** Most bytes of one unfinished line that had to be kept between two chunks. */
  readonly keptBytesMax: number
}

type Parsed = { readonly ok: true } | ArgumentsRefusal

function parseArguments(
  bytes: Uint8Array,
  { verb, argFrom, argTo }: Operation,
  kind: ConnectionKind,
): Parsed | MessageArguments {
  switch (verb) {
    case 'PUB':
      return parsePub(bytes, argFrom, argTo)
    case 'HPUB':
      return parseHpub(bytes, argFrom, argTo)
    case 'LMSG':
      return parseLeafMsg(bytes, argFrom, argTo, false)
    case 'HMSG':
      return kind === 'leaf' ? parseLeafMsg(bytes, argFrom, argTo, true) : { ok: true }
    case 'SUB':
      return parseSub(bytes, argFrom, argTo)
    case 'UNSUB':
      return parseUnsub(bytes, argFrom, argTo)
    case 'LSUB':
      return parseLeafSub(bytes, argFrom, argTo)
    default:
      return { ok: true }
  }
}

function payloadBytes(operation: Operation, parsed: Parsed | MessageArguments): number | null {
  if ('totalBytes' in parsed) return parsed.totalBytes
  return operation.verb === 'HMSG' ? 0 : null // a client's HMSG: its line is not looked at
}

/** A connection in small: keeps what is unfinished between chunks, as the IO layer does. */
export function drive(chunks: readonly Uint8Array[], options: ReferenceOptions): Driven {
  const { kind, controlLineBytesMax } = options
  const operations: ReferenceOperation[] = []
  let awaitingAuth = options.awaitingAuth
  let kept = Buffer.alloc(0)
  let keptBytesMax = 0
  const result = (end: ReferenceEnd): Driven => ({ operations, end, keptBytesMax })
  for (const chunk of chunks) {
    let bytes = Buffer.concat([kept, chunk])
    let at = 0
    for (;;) {
      const read = readOperation(
        bytes,
        at,
        bytes.length,
        kind,
        { controlLineBytesMax },
        awaitingAuth,
      )
      if (read.type === 'violation') return result(read.which)
      if (read.type === 'incomplete') {
        const line = Buffer.concat([
          bytes.subarray(at, read.droppableFrom),
          bytes.subarray(read.droppableTo),
        ])
        keptBytesMax = Math.max(keptBytesMax, line.length)
        bytes = line
        break
      }
      const parsed = parseArguments(bytes, read, kind)
      if (!parsed.ok) return result('badArguments')
      const argument = bytes.toString('latin1', read.argFrom, read.argTo)
      const size = payloadBytes(read, parsed)
      if (size === null) {
        operations.push({ verb: read.verb, argument, payload: null })
        at = read.next
        if (read.verb === 'CONNECT') awaitingAuth = false
        continue
      }
      const end = read.next + size
      if (end < bytes.length && bytes[end] !== 13) return result('unknownProtocolOperation')
      if (end + 1 < bytes.length && bytes[end + 1] !== 10) return result('unknownProtocolOperation')
      if (end + 2 > bytes.length) {
        bytes = bytes.subarray(at)
        break
      }
      const payload = bytes.toString('latin1', read.next, end)
      operations.push({ verb: read.verb, argument, payload })
      at = end + 2
    }
    kept = bytes
  }
  return result('open')
}
