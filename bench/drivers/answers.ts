const LF = 10
const CRLF = Buffer.from('\r\n', 'latin1')
const LETTER_H = 72
const LETTER_M = 77

/** What one of many responders was asked last, and what the answer is. */
export interface LastAnswers {
  asked: Buffer
  answers: Buffer
}

/**
 * A responder that sends back what it gets: takes a server's bytes as they come and gives the bytes
 * to answer with. Headers are left out, since servers add some to requests from other accounts.
 *
 * @param last shared by responders who are asked the same: one of them works the answers out
 */
export function answersTo(last?: LastAnswers): (chunk: Buffer) => Buffer {
  let carry: Buffer = Buffer.alloc(0)
  return (chunk) => {
    const isWhole = carry.length === 0
    if (isWhole && last?.asked.equals(chunk)) return last.answers
    const bytes = isWhole ? chunk : Buffer.concat([carry, chunk])
    // An answer is never longer than its request.
    const answers = Buffer.allocUnsafe(bytes.length)
    let end = 0
    let at = 0
    while (at < bytes.length) {
      const lineEnd = bytes.indexOf(LF, at)
      if (lineEnd === -1) break
      const next = lineEnd + 1
      if (bytes[at] !== LETTER_M && bytes[at] !== LETTER_H) {
        at = next
        continue
      }
      const words = bytes.toString('latin1', at, lineEnd - 1).split(' ')
      const totalBytes = Number(words.at(-1))
      const frameEnd = next + totalBytes + CRLF.length
      if (frameEnd > bytes.length) break
      const headerBytes = words[0] === 'HMSG' ? Number(words.at(-2)) : 0
      const control = `PUB ${words[3]} ${totalBytes - headerBytes}\r\n`
      end += answers.write(control, end, 'latin1')
      end += bytes.copy(answers, end, next + headerBytes, frameEnd)
      at = frameEnd
    }
    carry = Buffer.from(bytes.subarray(at))
    if (last !== undefined && isWhole && carry.length === 0) {
      last.asked = Buffer.from(chunk)
      last.answers = answers.subarray(0, end)
    }
    return answers.subarray(0, end)
  }
}
