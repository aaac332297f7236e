import type { ServerResponse } from 'node:http'
import type { HttpAnswer } from '../endpoints/endpoint.ts'

/** Bytes of answers that may wait to be read by their clients, all together. */
const UNREAD_BYTES_MAX = 64 * 1024 * 1024

/** Time to read one answer. */
const READ_MS_MAX = 60_000

const BUSY: HttpAnswer = {
  status: 503,
  contentType: 'text/plain; charset=utf-8',
  body: 'too many answers are waiting to be read\n',
}

/** Sends finished answers, and lets no slow reader keep memory for long. */
export class AnswerWriter {
  #unreadBytes = 0

  send(
    response: ServerResponse,
    answer: HttpAnswer,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    let chosen = answer
    let body = Buffer.from(answer.body)
    if (this.#unreadBytes > 0 && this.#unreadBytes + body.length > UNREAD_BYTES_MAX) {
      chosen = BUSY
      body = Buffer.from(BUSY.body)
    }
    response.writeHead(chosen.status, {
      'Content-Type': chosen.contentType,
      'Content-Length': body.length,
      ...headers,
    })
    this.#unreadBytes += body.length
    const timer = setTimeout(() => response.destroy(), READ_MS_MAX)
    timer.unref()
    response.once('close', () => {
      clearTimeout(timer)
      this.#unreadBytes -= body.length
    })
    response.end(body)
  }
}
