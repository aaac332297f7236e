import { parseLeafMsg } from '../../../src/protocol/arguments.ts'
import { readOperation } from '../../../src/protocol/operation.ts'
import { AcceptSession } from '../../../src/router/leaf/accept-session.ts'
import { tellLeafSession } from '../../../src/router/leaf/leaf-operation.ts'
import type { LeafSession } from '../../../src/router/leaf/leaf-session.ts'

/** Cuts received bytes into lines for a session; messages are put aside as text. */
export class LineReader {
  readonly messages: string[] = []
  readonly #session: LeafSession
  #rest: Buffer = Buffer.alloc(0)
  #waiting = false

  constructor(session: LeafSession) {
    this.#session = session
  }

  feed(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes])
    while (!this.#waiting && !this.#session.isEnded && this.#readOne()) {
      // one operation at a time
    }
  }

  #readOne(): boolean {
    const session = this.#session
    const bytes = this.#rest
    const awaitsConnect = session instanceof AcceptSession && session.awaitsConnect
    const limits = { controlLineBytesMax: 4096 }
    const read = readOperation(bytes, 0, bytes.length, 'leaf', limits, awaitsConnect)
    if (read.type === 'incomplete') return false
    if (read.type === 'violation') {
      if (read.which === 'controlLineExceeded') session.onControlLineExceeded()
      else if (read.which === 'authorization' && session instanceof AcceptSession)
        session.onAuthorizationViolation()
      else session.onUnknownOperation(bytes.toString('latin1', read.at, read.at + 32))
      return false
    }
    if (read.verb === 'LMSG' || read.verb === 'HMSG') {
      const message = parseLeafMsg(bytes, read.argFrom, read.argTo, read.verb === 'HMSG')
      if (!message.ok) throw new Error(message.why)
      const end = read.next + message.totalBytes + 2
      if (bytes.length < end) return false
      this.messages.push(bytes.toString('latin1', 0, end))
      this.#rest = bytes.subarray(end)
      return true
    }
    this.#rest = bytes.subarray(read.next)
    const busy = tellLeafSession(session, read.verb, bytes, read.argFrom, read.argTo)
    if (busy !== undefined) {
      this.#waiting = true
      void busy.then(() => {
        this.#waiting = false
        this.feed(Buffer.alloc(0))
      })
    }
    return true
  }
}
