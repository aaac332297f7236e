import { ReceiveKernel } from '../kernel/receive-kernel.ts'
import { buildPublishBlock, type PublishBlock } from '../publish-block.ts'
import { publishHead } from '../wire.ts'
import { monotonicNs } from './clock.ts'
import { Connection } from './connection.ts'
import { FlowControl } from './flow-control.ts'
import type { Driver } from './serve.ts'
import type {
  Endpoint,
  PhaseLimit,
  Stream,
  ThroughputCommand,
  ThroughputPhase,
  ThroughputTask,
} from './tasks.ts'

/**
 * How often a publisher looks whether its window has opened; a full window is many milliseconds of
 * work.
 */
const WINDOW_POLL_MS = 1
/**
 * How often a subscriber looks whether the publisher has finished, when no chunk comes to make it
 * look.
 */
const FINISH_POLL_MS = 2

const SID = 1
const NS_PER_MS = 1e6

interface Counts {
  readonly published: number
  readonly received: number
  readonly mismatches: number
}

/**
 * Publishes blocks to some streams and counts what arrives on some, as fast as the server takes and
 * gives.
 */
export class ThroughputDriver implements Driver<ThroughputCommand, ThroughputPhase> {
  readonly #task: ThroughputTask
  readonly #kernel: ReceiveKernel
  readonly #flow: FlowControl
  readonly #onFailure: (error: Error) => void
  readonly #connections: Connection[] = []
  readonly #publishers: Publisher[] = []
  readonly #subscribers: Subscriber[] = []
  /**
   * At the end of the last phase: at the start of one, another driver may be publishing already.
   */
  #counted: Counts = { published: 0, received: 0, mismatches: 0 }

  constructor(task: ThroughputTask, onFailure: (error: Error) => void) {
    this.#task = task
    this.#kernel = new ReceiveKernel(task.kernel, task.publishers.length + task.subscribers.length)
    this.#flow = new FlowControl(task.counts, task.subscribersOfStream)
    this.#onFailure = onFailure
  }

  async open(): Promise<void> {
    const { subscribers, publishers, blockMessagesMax, windowBytes } = this.#task
    const { publishAt, subscribeAt } = this.#task
    const head = publishHead(publishAt.wire)
    const blockOf = ({ subject, stream, payloadBytes }: Stream): PublishBlock =>
      buildPublishBlock(subject, stream, payloadBytes, blockMessagesMax, head)
    for (const stream of subscribers) {
      const connection = await this.#connect(subscribeAt)
      const { messageCount } = blockOf(stream)
      this.#kernel.expect(connection.record, stream.stream, messageCount, stream.payloadBytes)
      const { subscriber } = stream
      this.#subscribers.push(
        new Subscriber(connection, this.#kernel, this.#flow, stream, subscriber, messageCount),
      )
      connection.write(`SUB ${stream.subscribedSubject} ${SID}\r\n`)
      await connection.flush()
    }
    for (const stream of publishers) {
      const connection = await this.#connect(publishAt)
      this.#publishers.push(
        new Publisher(connection, this.#flow, stream, blockOf(stream), windowBytes),
      )
    }
  }

  async run(command: ThroughputCommand): Promise<ThroughputPhase> {
    const cpuStart = process.threadCpuUsage()
    const startNs = monotonicNs()
    const ends = await Promise.all([
      ...this.#publishers.map((publisher) => publisher.run(command)),
      ...this.#subscribers.map((subscriber) => subscriber.finish(command.phase)),
    ])
    const cpu = process.threadCpuUsage(cpuStart)
    const before = this.#counted
    const after = this.#count()
    this.#counted = after
    return {
      published: after.published - before.published,
      received: after.received - before.received,
      mismatches: after.mismatches,
      startNs,
      endNs: Math.max(startNs, ...ends),
      cpuNs: (cpu.user + cpu.system) * 1000,
      hashes: command.wantsHashes ? this.#subscribers.map((subscriber) => subscriber.hashes()) : [],
    }
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }

  #count(): Counts {
    return {
      published: sum(this.#publishers, (publisher) => publisher.published),
      received: sum(this.#subscribers, (subscriber) => subscriber.received),
      mismatches: sum(this.#subscribers, (subscriber) => subscriber.mismatches),
    }
  }

  async #connect(endpoint: Endpoint): Promise<Connection> {
    const connection = await Connection.open(this.#kernel, endpoint, this.#onFailure)
    this.#connections.push(connection)
    return connection
  }
}

/** Writes one stream's block again and again. */
class Publisher {
  published = 0
  readonly #connection: Connection
  readonly #flow: FlowControl
  readonly #stream: number
  readonly #block: PublishBlock
  readonly #windowMessages: number

  constructor(
    connection: Connection,
    flow: FlowControl,
    stream: Stream,
    block: PublishBlock,
    windowBytes: number,
  ) {
    this.#connection = connection
    this.#flow = flow
    this.#stream = stream.stream
    this.#block = block
    // The block that is about to be written is inside the window; a window of one block must still
    // move.
    this.#windowMessages = Math.max(
      1,
      Math.floor(windowBytes / block.frameBytes) - block.messageCount,
    )
  }

  /**
   * Publishes whole blocks up to the limit; returns the time at which the server had read all of
   * them.
   */
  async run(command: ThroughputCommand): Promise<number> {
    await this.#publish(command)
    this.#flow.finish(this.#stream, command.phase)
    await this.#connection.flush()
    return monotonicNs()
  }

  #publish(limit: PhaseLimit): Promise<void> {
    const connection = this.#connection
    const flow = this.#flow
    const stream = this.#stream
    const { bytes, messageCount } = this.#block
    const windowMessages = this.#windowMessages
    const messagesEnd = this.published + (limit.messages ?? Infinity)
    const deadlineNs = monotonicNs() + limit.durationMs * NS_PER_MS
    return new Promise((resolve) => {
      // setImmediate lets the sockets of this thread be read between two blocks: a write that
      // finishes at once calls back before the event loop goes on.
      const onWritten = (error?: Error | null): void => {
        if (!error) setImmediate(pump)
      }
      const pump = (): void => {
        if (this.published >= messagesEnd || monotonicNs() >= deadlineNs) {
          resolve()
          return
        }
        if (flow.outstanding(stream) > windowMessages) {
          setTimeout(pump, WINDOW_POLL_MS)
          return
        }
        this.published += messageCount
        flow.setPublished(stream, this.published)
        connection.write(bytes, onWritten)
      }
      pump()
    })
  }
}

/** Counts one stream's messages on one connection. */
class Subscriber {
  readonly #connection: Connection
  readonly #kernel: ReceiveKernel
  readonly #flow: FlowControl
  readonly #stream: Stream
  readonly #subscriber: number
  readonly #sequenceCount: number
  #lastChunkNs = 0
  #onChunk: () => void = () => {}

  constructor(
    connection: Connection,
    kernel: ReceiveKernel,
    flow: FlowControl,
    stream: Stream,
    subscriber: number,
    sequenceCount: number,
  ) {
    this.#connection = connection
    this.#kernel = kernel
    this.#flow = flow
    this.#stream = stream
    this.#subscriber = subscriber
    this.#sequenceCount = sequenceCount
    connection.onProgress = () => {
      this.#lastChunkNs = monotonicNs()
      flow.setReceived(subscriber, kernel.messages(connection.record))
      this.#onChunk()
    }
  }

  get received(): number {
    return this.#kernel.messages(this.#connection.record)
  }

  get mismatches(): number {
    return this.#kernel.mismatches(this.#connection.record)
  }

  /** Resolves with the arrival time of the last message, once all of the phase have come. */
  finish(phase: number): Promise<number> {
    return new Promise((resolve) => {
      const { stream } = this.#stream
      const look = (): void => {
        if (!this.#flow.isFinished(stream, phase)) return
        if (this.received < this.#flow.published(stream)) return
        clearInterval(timer)
        this.#onChunk = () => {}
        resolve(this.#lastChunkNs)
      }
      const timer = setInterval(look, FINISH_POLL_MS)
      this.#onChunk = look
    })
  }

  hashes(): ThroughputPhase['hashes'][number] {
    const { stream, payloadBytes } = this.#stream
    const published = this.#flow.published(stream)
    return {
      subscriber: this.#subscriber,
      actual: this.#kernel.hash(this.#connection.record),
      expected: this.#kernel.expectedHash(published, stream, this.#sequenceCount, payloadBytes),
    }
  }
}

function sum<T>(items: readonly T[], numberOf: (item: T) => number): number {
  return items.reduce((total, item) => total + numberOf(item), 0)
}
