/**
 * Reads the control line of a leaf link's message: LMSG and HMSG, with and without reply and queue
 * groups. Odd lines are TypeScript's, see ingest.
 *
 *   LMSG <subject> [<reply> | + <reply> <groups…> | '|' <groups…>] <size>
 *   HMSG <subject> [<reply> | + <reply> <groups…> | '|' <groups…>] <header size> <size>
 */
import { CONNECTION_CONTROL_LINE_MAX } from './layout'
import { setQueues, setReply, setSizes, setSubject } from './message'
import { blanks, CRLF, LINE_BYTES, NOT_A_SIZE, sizeAt } from './scan'

const LMSG: u32 = 0x67736d6c // "lmsg"
const HMSG: u32 = 0x67736d68 // "hmsg"
const LOWER: u32 = 0x20202020
const PLUS: u8 = 43
const BAR: u8 = 124

/**
 * Sets the message at hand, but for its payload.
 * @returns address behind the line, 0 = the line is odd or not complete
 */
export function readLeafLine(connection: u32, at: u32, to: u32): u32 {
  const verb = load<u32>(at) | LOWER
  const hasHeader = verb == HMSG
  if ((verb != LMSG && !hasHeader) || load<u8>(at + 4) != 32) return 0
  const subject = at + 5
  // Words, each ended by exactly one blank, the last one by CRLF: remembered are the first three
  // and the last two, of which the last ones are sizes.
  let second: u32 = 0
  let third: u32 = 0
  let fourth: u32 = 0
  let beforeLast: u32 = 0
  let last = subject
  let words: u32 = 1
  // Of LINE_BYTES bytes at a time, those that end a word.
  let window = subject
  let breaks = blanks(window)
  let end: u32 = 0
  for (;;) {
    while (breaks == 0) {
      window += LINE_BYTES
      if (window >= to) return 0
      breaks = blanks(window)
    }
    end = window + <u32>ctz(breaks)
    breaks &= breaks - 1
    if (end + 1 >= to || end == last) return 0
    if (load<u8>(end) != 32) break
    beforeLast = last
    last = end + 1
    words++
    if (words == 2) second = last
    else if (words == 3) third = last
    else if (words == 4) fourth = last
  }
  if (load<u16>(end) != CRLF) return 0
  if (end - subject > load<u32>(connection, CONNECTION_CONTROL_LINE_MAX)) return 0
  const sizes: u32 = hasHeader ? 2 : 1
  if (words < sizes + 1) return 0
  const total = sizeAt(last, end - last)
  const headerDigits: u32 = hasHeader ? last - beforeLast - 1 : 0
  const headers: u32 = hasHeader ? sizeAt(beforeLast, headerDigits) : 0
  if (total == NOT_A_SIZE || headers > total) return 0
  // What stands between the subject and the sizes.
  const between = words - 1 - sizes
  const betweenEnd = (hasHeader ? beforeLast : last) - 1
  if (between < 2) {
    setReply(second, between == 0 ? 0 : betweenEnd - second)
    setQueues(0, 0)
  } else {
    if (third - second != 2) return 0
    const indicator = load<u8>(second)
    if (indicator == BAR) {
      setReply(0, 0)
      setQueues(third, betweenEnd - third)
    } else if (indicator != PLUS) {
      return 0
    } else if (between == 2) {
      setReply(third, betweenEnd - third)
      setQueues(0, 0)
    } else {
      setReply(third, fourth - 1 - third)
      setQueues(fourth, betweenEnd - fourth)
    }
  }
  setSubject(subject, second - 1 - subject)
  // A header block of no bytes is none: nats-server delivers such a message as LMSG.
  setSizes(beforeLast, headers == 0 ? 0 : headerDigits, last, end - last, headers, total)
  return end + 2
}
