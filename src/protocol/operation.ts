import { type ConnectionKind, VERB_TREES, type Verb, type VerbNode } from './verbs.ts'

/** Lines of connections between servers may be this many times as long as a client's. */
export const LEAF_CONTROL_LINE_FACTOR = 16

const TAB = 9
const LF = 10
const CR = 13
const SPACE = 32
const UPPER_C = 67
const LOWER_C = 99

export type OperationLimits = {
  /** Bytes of an argument (blanks before it and the line end not counted); more is a violation. */
  readonly controlLineBytesMax: number
}

/**
 * More bytes are needed. Those in [droppableFrom, droppableTo) have been read and change nothing
 * any more (blanks before the argument, text behind PING): the caller may cut them out of what it
 * keeps, and then never holds more than a verb and `controlLineBytesMax` bytes.
 */
export type IncompleteOperation = {
  readonly type: 'incomplete'
  readonly droppableFrom: number
  readonly droppableTo: number
}

export type Operation = {
  readonly type: 'operation'
  readonly verb: Verb
  readonly argFrom: number
  readonly argTo: number
  /** Behind the line: the next operation, or the payload of PUB, HPUB, LMSG and HMSG. */
  readonly next: number
}

export type OperationViolation = {
  readonly type: 'violation'
  readonly which: 'unknownProtocolOperation' | 'controlLineExceeded' | 'authorization'
  /** The byte at which it was found. */
  readonly at: number
}

export type ReadResult = IncompleteOperation | Operation | OperationViolation

function incomplete(droppableFrom: number, droppableTo: number): IncompleteOperation {
  return { type: 'incomplete', droppableFrom, droppableTo }
}

function violation(which: OperationViolation['which'], at: number): OperationViolation {
  return { type: 'violation', which, at }
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB
}

/**
 * Reads one operation from the bytes [from, to), by nats-server's rules, oddities included:
 * - An error is found as early as there: `PUBX` needs no line end.
 * - The first byte behind the verb and its blanks belongs to the argument, even if it is a CR or
 *   LF: `PUB \r\n` is a PUB with the argument `\r`, and `PUB \n` has not ended.
 * - If there is a CR anywhere behind that byte, the last byte before the LF is not part of the
 *   argument.
 * - The limit holds for an argument that is still arriving as well.
 * The answer depends on the bytes only, never on how they were split into reads. (nats-server's
 * does in one corner: an argument with a CR inside that is also split between two reads. Nobody
 * sends that.)
 *
 * @param awaitingAuth CONNECT is still owed: any other first byte is `authorization`, before it is
 *   looked at. The caller may know better (no_auth_user, INFO on a compressing leaf link) and ask
 *   again with false.
 */
export function readOperation(
  bytes: Uint8Array,
  from: number,
  to: number,
  kind: ConnectionKind,
  limits: OperationLimits,
  awaitingAuth: boolean,
): ReadResult {
  if (from >= to) return incomplete(from, from)
  const first = bytes[from]!
  if (awaitingAuth && first !== UPPER_C && first !== LOWER_C)
    return violation('authorization', from)
  let node: VerbNode = VERB_TREES[kind]
  let at = from
  while (node.verb === null) {
    if (at === to) return incomplete(from, from)
    const branch = node.branches.get(bytes[at]!)
    if (branch === undefined) return violation('unknownProtocolOperation', at)
    node = branch
    at++
  }
  if (node.form === 'rest') return readRest(bytes, at, to, node.verb)
  if (node.form === 'argument' && at < to && !isBlank(bytes[at]!)) {
    return violation('unknownProtocolOperation', at)
  }
  const lineBytesMax =
    limits.controlLineBytesMax * (kind === 'client' ? 1 : LEAF_CONTROL_LINE_FACTOR)
  return readArgument(bytes, at, to, node.verb, lineBytesMax)
}

function readRest(bytes: Uint8Array, from: number, to: number, verb: Verb): ReadResult {
  for (let at = from; at < to; at++) {
    if (bytes[at] === LF) {
      return { type: 'operation', verb, argFrom: from, argTo: from, next: at + 1 }
    }
  }
  return incomplete(from, to)
}

function readArgument(
  bytes: Uint8Array,
  from: number,
  to: number,
  verb: Verb,
  lineBytesMax: number,
): ReadResult {
  let argFrom = from
  while (argFrom < to && isBlank(bytes[argFrom]!)) argFrom++
  // One blank has to stay, or a verb that needs one would no longer have it.
  const droppableFrom = Math.min(from + 1, argFrom)
  if (argFrom === to) return incomplete(droppableFrom, argFrom)
  let dropped = 0
  let at = argFrom + 1
  // Behind this, whether the last byte is dropped or not, the line is too long.
  const stop = Math.min(to, argFrom + lineBytesMax + 2)
  for (; at < stop; at++) {
    const byte = bytes[at]
    if (byte === CR) dropped = 1
    else if (byte === LF) {
      const argTo = at - dropped
      if (argTo - argFrom > lineBytesMax) return violation('controlLineExceeded', at)
      return { type: 'operation', verb, argFrom, argTo, next: at + 1 }
    }
  }
  if (at - dropped - argFrom > lineBytesMax) return violation('controlLineExceeded', at)
  return incomplete(droppableFrom, argFrom)
}
