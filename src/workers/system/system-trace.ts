import type { Logger } from '../../base/log-line.ts'
import type { Options } from '../../config/options.ts'
import {
  traceOperation,
  tracePayload,
  traceRemovedSubscription,
} from '../../monitor/log/trace-lines.ts'
import type { InternalPublish } from '../messages/internal-client.ts'

const PREFIX = 'SYSTEM - '
const NO_BYTES = new Uint8Array(0)

/**
 * What the broker itself does in the system account, for the log, as if it were a client. Only if
 * trace_verbose is on, which a reload may change.
 */
export class SystemTrace {
  readonly #log: Logger
  readonly #options: () => Options

  /** @param options those in force */
  constructor(log: Logger, options: () => Options) {
    this.#log = log
    this.#options = options
  }

  subscribed(subject: string, queue: string, sid: number): void {
    if (this.#isOn) this.#write(traceOperation('in', 'SUB', `${subject} ${queue} ${sid}`))
  }

  unsubscribed(sid: number): void {
    if (this.#isOn) this.#write(traceRemovedSubscription(String(sid)))
  }

  published({
    subject,
    reply = '',
    headers = NO_BYTES,
    payload = NO_BYTES,
  }: InternalPublish): void {
    if (!this.#isOn) return
    const totalBytes = headers.length + payload.length
    const sizes = headers.length === 0 ? `${totalBytes}` : `${headers.length} ${totalBytes}`
    const operation = headers.length === 0 ? 'PUB' : 'HPUB'
    this.#write(traceOperation('in', operation, `${subject} ${reply} ${sizes}`))
    const { maxTracedMsgLen, traceHeaders } = this.#options()
    const shown = { tracedBytesMax: maxTracedMsgLen, headersOnly: traceHeaders }
    const message = headers.length === 0 ? payload : Buffer.concat([headers, payload])
    const line = tracePayload('in', message, headers.length, shown)
    if (line !== null) this.#write(line)
  }

  get #isOn(): boolean {
    return this.#log.traceEnabled && this.#options().traceVerbose
  }

  #write(line: string): void {
    this.#log.trace(PREFIX + line)
  }
}
