/**
 * The message at hand: one at a time in each thread, so plain thread-private globals. Set by the
 * parser or from a lane record, read by everything that delivers.
 */
export let subject: u32 = 0
export let subjectBytes: u32 = 0
export let reply: u32 = 0
/** 0 = no reply. */
export let replyBytes: u32 = 0
/** The publisher's own digits of the header size; 0 bytes = no headers. */
export let headerText: u32 = 0
export let headerTextBytes: u32 = 0
/** The publisher's own digits of the total size: nats-server repeats them as they were. */
export let sizeText: u32 = 0
export let sizeTextBytes: u32 = 0
export let headerBytes: u32 = 0
/** Header block and payload. */
export let totalBytes: u32 = 0
/** Address of header block and payload. */
export let payload: u32 = 0
/** Names of queue groups given on a leaf's line, blank separated. */
export let queues: u32 = 0
export let queuesBytes: u32 = 0

@inline
export function setSubject(at: u32, bytes: u32): void {
  subject = at
  subjectBytes = bytes
}

@inline
export function setReply(at: u32, bytes: u32): void {
  reply = at
  replyBytes = bytes
}

@inline
export function setSizes(
  headerAt: u32,
  headerDigits: u32,
  sizeAt: u32,
  sizeDigits: u32,
  headers: u32,
  total: u32,
): void {
  headerText = headerAt
  headerTextBytes = headerDigits
  sizeText = sizeAt
  sizeTextBytes = sizeDigits
  headerBytes = headers
  totalBytes = total
}

@inline
export function setPayload(at: u32): void {
  payload = at
}

@inline
export function setQueues(at: u32, bytes: u32): void {
  queues = at
  queuesBytes = bytes
}
