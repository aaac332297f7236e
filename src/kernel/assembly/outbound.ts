/**
 * What waits for a connection's socket: a list of chunks of the thread's arena. Frames are written
 * whole into the tail chunk; TypeScript hands full chunks to the socket and gives them back when
 * the socket is done with them.
 */
import { allocateBlock, blockBytes, releaseBlock } from './arena'
import {
  ARENA_CONNECTION_SLABS,
  ARENA_DIRTY,
  CHUNK_BYTES,
  CHUNK_BYTES_MAX,
  CHUNK_BYTES_MIN,
  CHUNK_DATA,
  CHUNK_END,
  CHUNK_NEXT,
  CONNECTION_BYTES,
  CONNECTION_CHUNK_BYTES,
  CONNECTION_DIRTY,
  CONNECTION_DROPPED,
  CONNECTION_FLAGS,
  CONNECTION_HEAD,
  CONNECTION_LIMIT,
  CONNECTION_NEXT_DIRTY,
  CONNECTION_OUT_BYTES,
  CONNECTION_OUT_MSGS,
  CONNECTION_OVERFLOW,
  CONNECTION_PENDING,
  CONNECTION_PENDING_MAX,
  CONNECTION_POSITION,
  CONNECTION_STALLED,
  CONNECTION_STALLS,
  CONNECTION_STALL_MARK,
  CONNECTION_TAIL,
  FLAG_CLOSED,
  FLAG_DROP_WHEN_FULL,
  SLAB_BYTES,
  SLAB_ITEMS,
  SLAB_NEXT,
  SLACK_BYTES,
  THREAD_LOSSY,
  THREAD_OUT_BYTES,
  THREAD_OUT_MSGS,
  THREAD_OUT_OF_MEMORY,
  THREAD_STALLED_CONNECTIONS,
} from './layout'
import { check, copyVectors } from './memory'
import { arena, threadBlock } from './thread'

/** 1 once something was delivered to a connection above its stall mark; TypeScript clears it. */
export let stallRequested: u32 = 0
/** Connection of any thread that last asked for it. */
export let stalledBy: u32 = 0

/** See setDropOverStallMark. */
export let dropsOverStallMark: bool = false

/** Option no_fast_producer_stall: what a slow consumer cannot take now is lost to it. */
export function setDropOverStallMark(drops: bool): void {
  dropsOverStallMark = drops
}

export function clearStallRequest(): void {
  stallRequested = 0
}

export function requestStall(connection: u32): void {
  stallRequested = 1
  stalledBy = connection
}

@inline
export function markDirty(connection: u32): void {
  if (load<u32>(connection, CONNECTION_DIRTY) == 0) {
    store<u32>(connection, 1, CONNECTION_DIRTY)
    store<u32>(connection, load<u32>(arena, ARENA_DIRTY), CONNECTION_NEXT_DIRTY)
    store<u32>(arena, connection, ARENA_DIRTY)
  }
}

/** Takes the next connection that has something to flush, 0 when there is none. */
export function takeDirty(): u32 {
  const connection = load<u32>(arena, ARENA_DIRTY)
  if (connection != 0) {
    store<u32>(arena, load<u32>(connection, CONNECTION_NEXT_DIRTY), ARENA_DIRTY)
    store<u32>(connection, 0, CONNECTION_DIRTY)
  }
  return connection
}

/**
 * Room for a frame of `bytes`, slack included behind it.
 * @returns where to write, or 0: the connection is closed or over its bounds (and then marked)
 */
@inline
export function room(connection: u32, bytes: u32, isMessage: bool): u32 {
  const pending = load<u32>(connection, CONNECTION_PENDING) + bytes
  if (pending > load<u32>(connection, CONNECTION_STALL_MARK)) {
    if (!mayExceedStallMark(connection, pending, isMessage)) return 0
  }
  let at = load<u32>(connection, CONNECTION_POSITION)
  if (at + bytes + SLACK_BYTES > load<u32>(connection, CONNECTION_LIMIT)) {
    at = addChunk(connection, bytes)
    if (at == 0) return 0
  }
  store<u32>(connection, at + bytes, CONNECTION_POSITION)
  store<u32>(connection, pending, CONNECTION_PENDING)
  markDirty(connection)
  return at
}

function mayExceedStallMark(connection: u32, pending: u32, isMessage: bool): bool {
  if (load<u32>(connection, CONNECTION_OVERFLOW) != 0) return isDropped(connection, isMessage)
  if (isMessage && dropsOverStallMark) return isDropped(connection, true)
  const dropsWhenFull = (load<u32>(connection, CONNECTION_FLAGS) & FLAG_DROP_WHEN_FULL) != 0
  if (pending > load<u32>(connection, CONNECTION_PENDING_MAX)) {
    if (dropsWhenFull) return !isMessage || isDropped(connection, true)
    store<u32>(connection, 1, CONNECTION_OVERFLOW)
    markDirty(connection)
    return isDropped(connection, isMessage)
  }
  if (!isMessage) return true
  // Who may lose messages slows nobody down.
  if (dropsWhenFull) return true
  requestStall(connection)
  store<u32>(connection, load<u32>(connection, CONNECTION_STALLS) + 1, CONNECTION_STALLS)
  if (load<u32>(connection, CONNECTION_STALLED) == 0) {
    atomic.store<u32>(connection + CONNECTION_STALLED, 1)
    atomic.add<u32>(threadBlock + THREAD_STALLED_CONNECTIONS, 1)
  }
  return true
}

/** Counts a message that a connection cannot take; false, for the caller to return. */
function isDropped(connection: u32, isMessage: bool): bool {
  if (isMessage) {
    store<u64>(connection, load<u64>(connection, CONNECTION_DROPPED) + 1, CONNECTION_DROPPED)
    store<u32>(threadBlock, connection, THREAD_LOSSY)
  }
  return false
}

function addChunk(connection: u32, bytes: u32): u32 {
  if ((load<u32>(connection, CONNECTION_FLAGS) & FLAG_CLOSED) != 0) return 0
  if (load<u32>(connection, CONNECTION_OVERFLOW) != 0) return 0
  const tail = load<u32>(connection, CONNECTION_TAIL)
  let size = load<u32>(connection, CONNECTION_CHUNK_BYTES)
  if (tail != 0 && size < CHUNK_BYTES_MAX) {
    size <<= 2
    if (size > CHUNK_BYTES_MAX) size = CHUNK_BYTES_MAX
    store<u32>(connection, size, CONNECTION_CHUNK_BYTES)
  }
  const need = bytes + CHUNK_DATA + SLACK_BYTES
  if (size < need) size = need
  let chunk = allocateBlock(size)
  while (chunk == 0 && makeRoom(connection)) chunk = allocateBlock(size)
  if (chunk == 0) {
    store<u32>(connection, 2, CONNECTION_OVERFLOW)
    store<u64>(threadBlock, load<u64>(threadBlock, THREAD_OUT_OF_MEMORY) + 1, THREAD_OUT_OF_MEMORY)
    markDirty(connection)
    return 0
  }
  size = blockBytes(size)
  store<u32>(chunk, 0, CHUNK_NEXT)
  store<u32>(chunk, size, CHUNK_BYTES)
  if (tail != 0) {
    store<u32>(tail, load<u32>(connection, CONNECTION_POSITION), CHUNK_END)
    store<u32>(tail, chunk, CHUNK_NEXT)
  } else {
    store<u32>(connection, chunk, CONNECTION_HEAD)
  }
  store<u32>(connection, chunk, CONNECTION_TAIL)
  store<u32>(connection, chunk + size, CONNECTION_LIMIT)
  return chunk + CHUNK_DATA
}

/** Less is not worth a connection. */
const VICTIM_BYTES_MIN: u32 = 65536

/**
 * The arena is exhausted: gives up the connection for which most waits. It is marked, and closed
 * as a slow consumer at the end of the turn.
 * @param asker connection that the memory is for: it is spared unless it is the worst itself
 * @returns whether memory was freed
 */
export function makeRoom(asker: u32): bool {
  let victim: u32 = 0
  let most = VICTIM_BYTES_MIN
  let slab = load<u32>(arena, ARENA_CONNECTION_SLABS)
  for (; slab != 0; slab = load<u32>(slab, SLAB_NEXT)) {
    const end = slab + SLAB_BYTES - CONNECTION_BYTES
    for (let record = slab + SLAB_ITEMS; record <= end; record += CONNECTION_BYTES) {
      if (load<u32>(record, CONNECTION_HEAD) == 0) continue
      if (load<u32>(record, CONNECTION_PENDING) <= most) continue
      most = load<u32>(record, CONNECTION_PENDING)
      victim = record
    }
  }
  if (victim == 0) return false
  store<u32>(victim, 2, CONNECTION_OVERFLOW)
  markDirty(victim)
  dropQueued(victim)
  store<u64>(threadBlock, load<u64>(threadBlock, THREAD_OUT_OF_MEMORY) + 1, THREAD_OUT_OF_MEMORY)
  return victim != asker
}

/** Frees what was not yet handed to the socket. Its bytes stay pending: they are not sent. */
function dropQueued(connection: u32): void {
  let chunk = load<u32>(connection, CONNECTION_HEAD)
  store<u32>(connection, 0, CONNECTION_HEAD)
  store<u32>(connection, 0, CONNECTION_TAIL)
  store<u32>(connection, 0, CONNECTION_POSITION)
  store<u32>(connection, 0, CONNECTION_LIMIT)
  while (chunk != 0) {
    const next = load<u32>(chunk, CHUNK_NEXT)
    releaseBlock(chunk)
    chunk = next
  }
}

/** A connection above its stall mark is gone. */
export function forgetStalled(connection: u32): void {
  if (load<u32>(connection, CONNECTION_STALLED) == 0) return
  atomic.store<u32>(connection + CONNECTION_STALLED, 0)
  atomic.sub<u32>(threadBlock + THREAD_STALLED_CONNECTIONS, 1)
}

/**
 * Detaches what waits, in whole chunks and up to about `bytesMax`; the chunks belong to the socket
 * until `releaseChunks`.
 */
export function takeChunks(connection: u32, bytesMax: u32): u32 {
  const head = load<u32>(connection, CONNECTION_HEAD)
  if (head == 0) return 0
  const tail = load<u32>(connection, CONNECTION_TAIL)
  let last = head
  let bytes: u32 = 0
  while (last != tail) {
    bytes += load<u32>(last, CHUNK_END) - last
    if (bytes >= bytesMax) break
    last = load<u32>(last, CHUNK_NEXT)
  }
  if (last != tail) {
    store<u32>(connection, load<u32>(last, CHUNK_NEXT), CONNECTION_HEAD)
    store<u32>(last, 0, CHUNK_NEXT)
    return head
  }
  const end = load<u32>(connection, CONNECTION_POSITION)
  store<u32>(tail, end, CHUNK_END)
  store<u32>(connection, 0, CONNECTION_HEAD)
  store<u32>(connection, 0, CONNECTION_TAIL)
  store<u32>(connection, 0, CONNECTION_POSITION)
  store<u32>(connection, 0, CONNECTION_LIMIT)
  const size = load<u32>(connection, CONNECTION_CHUNK_BYTES)
  if (head == tail && size > CHUNK_BYTES_MIN && (end - head) << 3 < size) {
    store<u32>(connection, size >>> 1, CONNECTION_CHUNK_BYTES)
  }
  return head
}

/** Gives back a list of chunks from `takeChunks`, and `bytes` that are no longer pending. */
export function releaseChunks(connection: u32, head: u32, bytes: u32): void {
  while (head != 0) {
    const next = load<u32>(head, CHUNK_NEXT)
    releaseBlock(head)
    head = next
  }
  const pending = load<u32>(connection, CONNECTION_PENDING) - bytes
  check(<i32>pending >= 0, 10)
  store<u32>(connection, pending, CONNECTION_PENDING)
  if (pending < load<u32>(connection, CONNECTION_STALL_MARK)) forgetStalled(connection)
}

/**
 * How many more frames of `bytes` each go behind the last one as they are: into its chunk, and
 * without a look at the connection's bounds.
 */
@inline
export function roomForMore(connection: u32, bytes: u32): u32 {
  const at = load<u32>(connection, CONNECTION_POSITION) + SLACK_BYTES
  const end = load<u32>(connection, CONNECTION_LIMIT)
  const pending = load<u32>(connection, CONNECTION_PENDING)
  const mark = load<u32>(connection, CONNECTION_STALL_MARK)
  if (at >= end || pending >= mark) return 0
  const inChunk = end - at
  const inBounds = mark - pending
  return (inChunk < inBounds ? inChunk : inBounds) / bytes
}

/** `bytes` more, all of frames, were written where the next frame goes. */
@inline
export function advance(connection: u32, bytes: u32): void {
  const at = load<u32>(connection, CONNECTION_POSITION)
  store<u32>(connection, at + bytes, CONNECTION_POSITION)
  store<u32>(connection, load<u32>(connection, CONNECTION_PENDING) + bytes, CONNECTION_PENDING)
}

/** Appends raw bytes (PONG, INFO, -ERR …). Returns false when they could not be taken. */
export function appendBytes(connection: u32, source: u32, bytes: u32): bool {
  const at = room(connection, bytes, false)
  if (at == 0) return false
  copyVectors(at, source, bytes)
  return true
}

/** Counts messages as delivered, with their payloads together. */
@inline
export function count(connection: u32, messages: u32, bytes: u64): void {
  const msgs = load<u64>(connection, CONNECTION_OUT_MSGS) + messages
  store<u64>(connection, msgs, CONNECTION_OUT_MSGS)
  store<u64>(connection, load<u64>(connection, CONNECTION_OUT_BYTES) + bytes, CONNECTION_OUT_BYTES)
  store<u64>(threadBlock, load<u64>(threadBlock, THREAD_OUT_MSGS) + messages, THREAD_OUT_MSGS)
  store<u64>(threadBlock, load<u64>(threadBlock, THREAD_OUT_BYTES) + bytes, THREAD_OUT_BYTES)
}
