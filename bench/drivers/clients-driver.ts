import { randomUUID } from 'node:crypto'
import { ReceiveKernel } from '../kernel/receive-kernel.ts'
import { SERVICE_SUBJECT } from '../settings.ts'
import { answersTo } from './answers.ts'
import { monotonicNs } from './clock.ts'
import { Connection } from './connection.ts'
import { LatencyHistogram } from './latency-histogram.ts'
import { RequestFrames } from './request-frames.ts'
import type { Driver } from './serve.ts'
import type { ClientsPhase, ClientsTask, Endpoint, LatencyCommand } from './tasks.ts'
import { TimeQueue } from './time-queue.ts'

const SID = 1
const NS_PER_MS = 1e6
const NS_PER_US = 1_000
/** Timers are whole milliseconds, and may be one late: nearer to the next one, the loop spins. */
const SPIN_NS = 2 * NS_PER_MS
/** Different requests of one client. */
const FRAMES = 1024

/**
 * Clients that send requests, and one responder, on one thread.
 *
 * Without a rate each client has one request under way. With a rate requests are due at fixed
 * times, whoever else waits, and each time is counted from when its request was due: neither a slow
 * answer nor a busy generator keeps one back unseen.
 */
export class ClientsDriver implements Driver<LatencyCommand, ClientsPhase> {
  readonly #task: ClientsTask
  readonly #kernel: ReceiveKernel
  readonly #onFailure: (error: Error) => void
  readonly #connections: Connection[] = []
  readonly #clients: Client[] = []

  constructor(task: ClientsTask, onFailure: (error: Error) => void) {
    this.#task = task
    this.#kernel = new ReceiveKernel(task.kernel, task.clients + 1)
    this.#onFailure = onFailure
  }

  async open(): Promise<void> {
    const { publishAt, subscribeAt, clients, payloadBytes } = this.#task
    const responder = await this.#connect(subscribeAt, SERVICE_SUBJECT)
    const answers = answersTo()
    responder.onBytes = (chunk) => {
      const bytes = answers(chunk)
      if (bytes.length > 0) responder.write(bytes)
    }
    for (let client = 0; client < clients; client++) {
      const inbox = `_INBOX.${randomUUID()}`
      const connection = await this.#connect(publishAt, `${inbox}.*`)
      this.#kernel.expect(connection.record, client, FRAMES, payloadBytes)
      const frames = new RequestFrames(SERVICE_SUBJECT, inbox, client, payloadBytes, FRAMES)
      this.#clients.push(new Client(connection, this.#kernel, frames))
    }
  }

  async run(command: LatencyCommand): Promise<ClientsPhase> {
    const latencies = new LatencyHistogram()
    const lateness = new LatencyHistogram()
    const cpuStart = process.threadCpuUsage()
    const startNs = monotonicNs()
    const requests = await (command.rate === undefined
      ? this.#waitEach(command, latencies)
      : this.#pace(command, command.rate, latencies, lateness))
    const cpu = process.threadCpuUsage(cpuStart)
    for (const { record } of this.#connections) {
      const mismatches = this.#kernel.mismatches(record)
      if (mismatches > 0) throw new Error(`answers not as requested: mismatches=${mismatches}`)
    }
    return {
      ...latencies.summary(requests, monotonicNs() - startNs),
      lateP99Ns: lateness.percentileNs(99),
      cpuNs: (cpu.user + cpu.system) * NS_PER_US,
    }
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }

  /** Each client sends its next request when it has the answer to the last. */
  async #waitEach(command: LatencyCommand, latencies: LatencyHistogram): Promise<number> {
    const deadlineNs = monotonicNs() + command.durationMs * NS_PER_MS
    const requestsMax = command.messages ?? Infinity
    const counts = this.#clients.map((client) => {
      let sent = 0
      const sendNext = (): boolean => {
        const nowNs = monotonicNs()
        if (sent >= requestsMax || nowNs >= deadlineNs) return false
        sent += 1
        client.add(nowNs)
        client.send()
        return true
      }
      return new Promise<number>((resolve) => {
        client.onAnswers = (nowNs) => {
          client.record(latencies, nowNs)
          if (!sendNext()) resolve(sent)
        }
        if (!sendNext()) resolve(0)
      })
    })
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
  }

  /** One client after the other sends a request, at fixed times; resolves when all are answered. */
  #pace(
    command: LatencyCommand,
    rate: number,
    latencies: LatencyHistogram,
    lateness: LatencyHistogram,
  ): Promise<number> {
    const clients = this.#clients
    const intervalNs = 1e9 / rate
    const inTime = Math.max(1, Math.floor((command.durationMs * NS_PER_MS) / intervalNs))
    const total = Math.min(inTime, (command.messages ?? Infinity) * clients.length)
    const startNs = monotonicNs()
    let [sent, answered] = [0, 0]
    return new Promise((resolve) => {
      for (const client of clients) {
        client.onAnswers = (nowNs) => {
          answered += client.record(latencies, nowNs)
          if (answered === total) resolve(total)
        }
      }
      const pump = (): void => {
        const nowNs = monotonicNs()
        let dueNs = startNs + sent * intervalNs
        while (sent < total && dueNs <= nowNs) {
          clients[sent % clients.length]!.add(dueNs)
          lateness.record(nowNs - dueNs)
          sent += 1
          dueNs = startNs + sent * intervalNs
        }
        for (const client of clients) client.send()
        if (sent === total) return
        const waitNs = dueNs - monotonicNs() - SPIN_NS
        if (waitNs > NS_PER_MS) setTimeout(pump, Math.floor(waitNs / NS_PER_MS))
        else setImmediate(pump)
      }
      pump()
    })
  }

  async #connect(at: Endpoint, subject: string): Promise<Connection> {
    const connection = await Connection.open(this.#kernel, at, this.#onFailure)
    this.#connections.push(connection)
    connection.write(`SUB ${subject} ${SID}\r\n`)
    await connection.flush()
    return connection
  }
}

/** One connection that sends requests, in order, and gets the answers in that order. */
class Client {
  /** Called when answers have come, with the time. */
  onAnswers: (nowNs: number) => void = () => {}
  readonly #connection: Connection
  readonly #kernel: ReceiveKernel
  readonly #frames: RequestFrames
  /** When the requests were due that are not answered; some of them may be not sent. */
  readonly #due = new TimeQueue()
  #answered = 0
  #sent = 0
  #added = 0

  constructor(connection: Connection, kernel: ReceiveKernel, frames: RequestFrames) {
    this.#connection = connection
    this.#kernel = kernel
    this.#frames = frames
    connection.onProgress = () => {
      if (kernel.messages(connection.record) > this.#answered) this.onAnswers(monotonicNs())
    }
  }

  add(dueNs: number): void {
    this.#due.push(dueNs)
    this.#added += 1
  }

  /** Writes what was added. */
  send(): void {
    while (this.#sent < this.#added) {
      const { bytes, count } = this.#frames.from(this.#sent, this.#added - this.#sent)
      this.#connection.write(bytes)
      this.#sent += count
    }
  }

  /** Takes the times of the answers that have come; returns how many. */
  record(latencies: LatencyHistogram, nowNs: number): number {
    const answered = this.#kernel.messages(this.#connection.record)
    const count = answered - this.#answered
    for (; this.#answered < answered; this.#answered++) {
      latencies.record(nowNs - this.#due.shift())
    }
    return count
  }
}
