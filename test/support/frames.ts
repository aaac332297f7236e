/**
 * Cuts what a server sent into frames: one control line, with its payload where the verb has one.
 *
 * Written for tests: it follows the sizes in MSG and HMSG lines and believes them, so that wrong
 * sizes show up as odd frames.
 */
export interface Cut {
  /** Complete frames, CRLF included, as latin1 text. */
  readonly frames: readonly string[]
  /** Bytes after the last complete frame. */
  readonly rest: string
}

const CRLF = '\r\n'

export function cutFrames(received: Buffer): Cut {
  const text = received.toString('latin1')
  const frames: string[] = []
  let start = 0
  for (;;) {
    const lineEnd = text.indexOf(CRLF, start)
    if (lineEnd < 0) break
    let end = lineEnd + CRLF.length
    const words = text.slice(start, lineEnd).split(' ')
    if (words[0] === 'MSG' || words[0] === 'HMSG' || words[0] === 'LMSG') {
      end += Number(words.at(-1)) + CRLF.length
      if (!(end <= text.length)) break
    }
    frames.push(text.slice(start, end))
    start = end
  }
  return { frames, rest: text.slice(start) }
}
