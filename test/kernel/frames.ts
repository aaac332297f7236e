/** What a connection was sent, taken apart. Texts have one character per byte. */
export interface Frame {
  /** All of it, line and payload. */
  readonly text: string
  readonly verb: string
  /** Arguments of the line, sizes included. */
  readonly words: readonly string[]
  readonly payload: string
}

const LINE = /(MSG|HMSG|LMSG) ([^\r\n]*)\r\n/y

/** @throws Error when the bytes are anything but whole frames */
export function parseFrames(text: string): Frame[] {
  const frames: Frame[] = []
  let at = 0
  while (at < text.length) {
    LINE.lastIndex = at
    const found = LINE.exec(text)
    if (found === null)
      throw new Error(`no frame at ${at}: ${JSON.stringify(text.slice(at, at + 80))}`)
    const words = found[2]!.split(' ')
    const from = LINE.lastIndex
    const to = from + Number(words.at(-1))
    if (text.slice(to, to + 2) !== '\r\n') {
      throw new Error(`no CRLF at ${to}: ${JSON.stringify(text.slice(at, to + 20))}`)
    }
    const payload = text.slice(from, to)
    frames.push({ text: text.slice(at, to + 2), verb: found[1]!, words, payload })
    at = to + 2
  }
  return frames
}
