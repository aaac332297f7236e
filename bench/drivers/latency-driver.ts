import { randomUUID } from 'node:crypto'
import { ReceiveKernel } from '../kernel/receive-kernel.ts'
import { writePayload } from '../publish-block.ts'
import { SERVICE_SUBJECT } from '../settings.ts'
import { monotonicNs } from './clock.ts'
import { Connection } from './connection.ts'
import { LatencyHistogram } from './latency-histogram.ts'
import type { Driver } from './serve.ts'
import type { LatencyCommand, LatencyPhase, LatencyTask } from './tasks.ts'

const SID = 1
const NS_PER_MS = 1e6

/**
 * Measures request and reply: publish, deliver, publish back, deliver. Requester and responder
 * share the thread, so that the measured time holds few thread switches that are not the server's.
 *
 * One request is in flight at a time. With a rate, requests are due at fixed times; a reply that
 * takes longer than the interval keeps back the requests due meanwhile, and the histogram is given
 * the times they would have seen (correction for coordinated omission).
 */
export class LatencyDriver implements Driver<LatencyCommand, LatencyPhase> {
  readonly #task: LatencyTask
  readonly #kernel: ReceiveKernel
  readonly #onFailure: (error: Error) => void
  readonly #inbox = `_INBOX.${randomUUID()}`
  #requester: Connection | undefined
  #responder: Connection | undefined
  #sequence = 0

  constructor(task: LatencyTask, onFailure: (error: Error) => void) {
    this.#task = task
    this.#kernel = new ReceiveKernel(task.kernel, 2)
    this.#onFailure = onFailure
  }

  async open(): Promise<void> {
    const { publishAt, subscribeAt, payloadBytes } = this.#task
    const responder = await Connection.open(this.#kernel, subscribeAt, this.#onFailure)
    this.#responder = responder
    responder.write(`SUB ${SERVICE_SUBJECT} ${SID}\r\n`)
    await responder.flush()
    responder.onProgress = this.#responding(responder)

    const requester = await Connection.open(this.#kernel, publishAt, this.#onFailure)
    this.#requester = requester
    requester.write(`SUB ${this.#inbox}.* ${SID}\r\n`)
    await requester.flush()
    this.#kernel.expect(requester.record, 0, 0, payloadBytes)
  }

  async run(command: LatencyCommand): Promise<LatencyPhase> {
    const histogram = new LatencyHistogram()
    const intervalNs = command.rate === undefined ? 0 : 1e9 / command.rate
    const startNs = monotonicNs()
    const endNs = startNs + command.durationMs * NS_PER_MS
    const requestsMax = command.messages ?? Infinity
    let requests = 0
    while (requests < requestsMax && monotonicNs() < endNs) {
      await until(startNs + requests * intervalNs)
      const latencyNs = await this.#request()
      if (intervalNs === 0) histogram.record(latencyNs)
      else histogram.recordPaced(latencyNs, intervalNs)
      requests += 1
    }
    return histogram.summary(requests, monotonicNs() - startNs)
  }

  close(): void {
    this.#requester?.close()
    this.#responder?.close()
  }

  /**
   * Sends one request with a reply subject of its own, as clients do; returns nanoseconds until its
   * reply.
   */
  #request(): Promise<number> {
    const requester = this.#requester!
    const kernel = this.#kernel
    const { payloadBytes } = this.#task
    const sequence = this.#sequence++
    const control = `PUB ${SERVICE_SUBJECT} ${this.#inbox}.${sequence} ${payloadBytes}\r\n`
    const frame = Buffer.alloc(control.length + payloadBytes + 2, 'x')
    frame.write(control, 0, 'latin1')
    writePayload(frame, control.length, payloadBytes, 0, sequence)
    frame.write('\r\n', frame.length - 2, 'latin1')
    return new Promise((resolve) => {
      requester.onProgress = () => {
        if (kernel.messages(requester.record) <= sequence) return
        const latencyNs = monotonicNs() - sentNs
        if (kernel.mismatches(requester.record) > 0) {
          this.#onFailure(new Error(`reply does not match its request: sequence=${sequence}`))
        }
        resolve(latencyNs)
      }
      const sentNs = monotonicNs()
      requester.write(frame)
    })
  }

  #responding(responder: Connection): () => void {
    const kernel = this.#kernel
    const { payloadBytes } = this.#task
    let answered = 0
    return () => {
      const requests = kernel.messages(responder.record)
      if (requests === answered) return
      const words = kernel.lastControlLine().split(' ')
      const reply = words[3]
      // Servers add headers to requests from other accounts.
      const totalBytes = Number(words.at(-1))
      const headerBytes = words[0] === 'HMSG' ? Number(words.at(-2)) : 0
      if (requests !== answered + 1 || totalBytes - headerBytes !== payloadBytes) {
        this.#onFailure(new Error(`not one request at a time: requests=${requests - answered}`))
        return
      }
      answered = requests
      responder.write(
        Buffer.concat([
          Buffer.from(`PUB ${reply} ${payloadBytes}\r\n`, 'latin1'),
          kernel.lastPayload(totalBytes).subarray(headerBytes),
          Buffer.from('\r\n', 'latin1'),
        ]),
      )
    }
  }
}

/**
 * Waits for a time on the clock of `monotonicNs`; timers are whole milliseconds, so it may be up to
 * two late.
 */
async function until(timeNs: number): Promise<void> {
  const delayMs = Math.ceil((timeNs - monotonicNs()) / NS_PER_MS)
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
}
