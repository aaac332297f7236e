import { randomUUID } from 'node:crypto'
import { ReceiveKernel } from '../kernel/receive-kernel.ts'
import { SERVICE_SUBJECT } from '../settings.ts'
import { answersTo, type LastAnswers } from './answers.ts'
import { monotonicNs } from './clock.ts'
import { Connection } from './connection.ts'
import { RequestFrames } from './request-frames.ts'
import type { Driver } from './serve.ts'
import type { PhaseLimit, RequestsPhase, RequestsTask } from './tasks.ts'

const SID = 1
const NS_PER_MS = 1e6
const NS_PER_US = 1_000
/** Of one requester. Chosen: far more than a processor needs to be busy, far less than a buffer. */
const UNDER_WAY_MAX = 128
/** Requests of one write, so that requester and server work at the same time. */
const BATCH = 32

/** Requesters with many requests under way, and their responders, on one thread. */
export class RequestsDriver implements Driver<PhaseLimit, RequestsPhase> {
  readonly #task: RequestsTask
  readonly #kernel: ReceiveKernel
  readonly #onFailure: (error: Error) => void
  readonly #requesters: Requester[] = []
  readonly #connections: Connection[] = []

  constructor(task: RequestsTask, onFailure: (error: Error) => void) {
    this.#task = task
    this.#kernel = new ReceiveKernel(task.kernel, task.requesters + task.responders)
    this.#onFailure = onFailure
  }

  async open(): Promise<void> {
    const { publishAt, subscribeAt, requesters, responders, payloadBytes } = this.#task
    const kernel = this.#kernel
    const connect = async (at: RequestsTask['publishAt'], subject: string): Promise<Connection> => {
      const connection = await Connection.open(kernel, at, this.#onFailure)
      this.#connections.push(connection)
      connection.write(`SUB ${subject} ${SID}\r\n`)
      await connection.flush()
      return connection
    }
    const last: LastAnswers = { asked: Buffer.alloc(0), answers: Buffer.alloc(0) }
    const respond = async (): Promise<void> => {
      const responder = await connect(subscribeAt, SERVICE_SUBJECT)
      const answers = answersTo(last)
      responder.onBytes = (chunk) => {
        const bytes = answers(chunk)
        if (bytes.length > 0) responder.write(bytes)
      }
    }
    await Promise.all(Array.from({ length: responders }, respond))
    for (let i = 0; i < requesters; i++) {
      const inbox = `_INBOX.${randomUUID()}`
      const connection = await connect(publishAt, `${inbox}.*`)
      if (responders > 1) kernel.expectAnyOrder(connection.record, payloadBytes)
      else kernel.expect(connection.record, i, UNDER_WAY_MAX, payloadBytes)
      const frames = new RequestFrames(SERVICE_SUBJECT, inbox, i, payloadBytes, UNDER_WAY_MAX)
      this.#requesters.push(new Requester(connection, kernel, frames, responders))
    }
  }

  async run(limit: PhaseLimit): Promise<RequestsPhase> {
    const cpuStart = process.threadCpuUsage()
    const startNs = monotonicNs()
    const counts = await Promise.all(this.#requesters.map((requester) => requester.run(limit)))
    const cpu = process.threadCpuUsage(cpuStart)
    for (const { record } of this.#connections) {
      const mismatches = this.#kernel.mismatches(record)
      if (mismatches > 0) throw new Error(`answers not as requested: mismatches=${mismatches}`)
    }
    return {
      requests: counts.reduce((sum, count) => sum + count, 0),
      elapsedNs: monotonicNs() - startNs,
      cpuNs: (cpu.user + cpu.system) * NS_PER_US,
    }
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }
}

/** Sends the same requests again and again, in order, each when its last answer is there. */
class Requester {
  readonly #connection: Connection
  readonly #kernel: ReceiveKernel
  readonly #frames: RequestFrames
  readonly #answersEach: number
  #sent = 0

  constructor(
    connection: Connection,
    kernel: ReceiveKernel,
    frames: RequestFrames,
    answersEach: number,
  ) {
    this.#connection = connection
    this.#kernel = kernel
    this.#frames = frames
    this.#answersEach = answersEach
  }

  /** @returns how many were answered, which is all of them */
  run(limit: PhaseLimit): Promise<number> {
    const connection = this.#connection
    const before = this.#sent
    const sentMax = before + (limit.messages ?? Infinity)
    const deadlineNs = monotonicNs() + limit.durationMs * NS_PER_MS
    return new Promise((resolve) => {
      const pump = (): void => {
        const answers = this.#kernel.messages(connection.record)
        const answered = Math.floor(answers / this.#answersEach)
        const isOver = this.#sent >= sentMax || monotonicNs() >= deadlineNs
        if (isOver) {
          if (answered < this.#sent) return
          connection.onProgress = () => {}
          resolve(this.#sent - before)
          return
        }
        while (this.#sent < sentMax && this.#sent - answered <= UNDER_WAY_MAX - BATCH) {
          this.#send(Math.min(BATCH, sentMax - this.#sent))
        }
      }
      connection.onProgress = pump
      pump()
    })
  }

  #send(max: number): void {
    const { bytes, count } = this.#frames.from(this.#sent, max)
    this.#connection.write(bytes)
    this.#sent += count
  }
}
