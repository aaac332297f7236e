import { ReceiveKernel } from '../kernel/receive-kernel.ts'
import {
  buildPublishCycle,
  PAYLOAD_BYTES_CHECKED,
  type Publication,
  type PublishCycle,
  sequenceCountOf,
} from '../publish-block.ts'
import { monotonicNs } from './clock.ts'
import { Connection } from './connection.ts'
import { FlowControl, type Receiver } from './flow-control.ts'
import type { Driver } from './serve.ts'
import type {
  Endpoint,
  PhaseLimit,
  SubscriberPlan,
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
 * How often a driver looks whether its subscribers have all, when no chunk comes to make it look.
 */
const FINISH_POLL_MS = 2
/** Handshakes under way at a time: well below any accept backlog. */
const HANDSHAKES_MAX = 64

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
    this.#kernel = new ReceiveKernel(task.kernel, task.streams.length + task.subscribers.length)
    this.#flow = new FlowControl(task.counts, task.layout)
    this.#onFailure = onFailure
  }

  async open(): Promise<void> {
    const { subscribers, streams, publications, blocks } = this.#task
    let next = 0
    const openSome = async (): Promise<void> => {
      while (next < subscribers.length) await this.#subscribe(subscribers[next++]!)
    }
    await Promise.all(Array.from({ length: HANDSHAKES_MAX }, openSome))
    for (const stream of streams) {
      const connection = await this.#connect(this.#task.publishAt)
      const cycle = buildPublishCycle(publications[stream]!, blocks)
      const windowMessages = windowMessagesOf(this.#task, stream, cycle)
      this.#publishers.push(new Publisher(connection, this.#flow, stream, cycle, windowMessages))
    }
  }

  async run(command: ThroughputCommand): Promise<ThroughputPhase> {
    const cpuStart = process.threadCpuUsage()
    const startNs = monotonicNs()
    const ends = await Promise.all([
      ...this.#publishers.map((publisher) => publisher.run(command)),
      this.#complete(command.phase),
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
      hashes: command.wantsHashes ? this.#hashes() : [],
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

  async #subscribe(plan: SubscriberPlan): Promise<void> {
    const { layout, publications, blocks, subscribeAt } = this.#task
    const receiver = layout.receivers[plan.receiver]!
    const connection = await this.#connect(subscribeAt)
    const { record } = connection
    const first = publications[receiver.streams[0]!]!
    const { stream, payloadBytes, headerBytes } = first
    if (isInOrder(receiver, first)) {
      const sequenceCount = sequenceCountOf(first, blocks)
      this.#kernel.expect(record, stream, sequenceCount, payloadBytes, headerBytes)
    } else this.#kernel.expectAnyOrder(record, payloadBytes, headerBytes)
    this.#subscribers.push(new Subscriber(connection, this.#kernel, this.#flow, plan, receiver))
    const queue = plan.queue === undefined ? '' : ` ${plan.queue}`
    connection.write(`SUB ${plan.subject}${queue} ${SID}\r\n`)
    await connection.flush()
  }

  /** Resolves with the arrival time of the last message, once all of the phase have come. */
  #complete(phase: number): Promise<number> {
    let open = this.#subscribers
    return new Promise((resolve) => {
      const look = (): void => {
        open = open.filter((subscriber) => !subscriber.isComplete(phase))
        if (open.length > 0) return
        clearInterval(timer)
        resolve(Math.max(0, ...this.#subscribers.map(({ lastChunkNs }) => lastChunkNs)))
      }
      const timer = setInterval(look, FINISH_POLL_MS)
    })
  }

  #hashes(): ThroughputPhase['hashes'] {
    const known = new Map<string, bigint>()
    return this.#subscribers.map(({ plan, receiver, hash }) => {
      // One of a receiver's subscribers says what is expected: the same for all of these streams.
      const isFirst = receiver.subscribers[0] === plan.subscriber
      const streams = receiver.streams.join()
      const expected = isFirst ? (known.get(streams) ?? this.#expectedHash(receiver)) : undefined
      if (expected !== undefined) known.set(streams, expected)
      return { receiver: plan.receiver, actual: hash, expected }
    })
  }

  #expectedHash(receiver: Receiver): bigint {
    let sum = 0n
    for (const stream of receiver.streams) {
      const publication = this.#task.publications[stream]!
      const sequenceCount = sequenceCountOf(publication, this.#task.blocks)
      const args = [this.#flow.published(stream), stream, sequenceCount] as const
      const { payloadBytes } = publication
      if (isInOrder(receiver, publication)) return this.#kernel.expectedHash(...args, payloadBytes)
      sum += this.#kernel.expectedSum(...args, payloadBytes)
    }
    return BigInt.asUintN(64, sum)
  }

  async #connect(endpoint: Endpoint): Promise<Connection> {
    const connection = await Connection.open(this.#kernel, endpoint, this.#onFailure)
    this.#connections.push(connection)
    return connection
  }
}

/** Whether the messages of a receiver's one subscriber are the ones of one stream, in order. */
function isInOrder({ streams, subscribers }: Receiver, { payloadBytes }: Publication): boolean {
  const isAlone = streams.length === 1 && subscribers.length === 1
  return isAlone && payloadBytes >= PAYLOAD_BYTES_CHECKED
}

/**
 * The blocks that are about to be written, one of each publisher, are inside the window; a window
 * of one block must still move.
 */
export function windowMessagesOf(
  { layout, windowBytes }: ThroughputTask,
  stream: number,
  { blocks, frameBytes }: PublishCycle,
): number {
  const streamCounts = layout.receivers
    .filter(({ streams }) => streams.includes(stream))
    .map(({ streams }) => streams.length)
  const aboutToBeWritten = blocks[0]!.messageCount * Math.max(1, ...streamCounts)
  return Math.max(1, Math.floor(windowBytes / frameBytes) - aboutToBeWritten)
}

/** What a publisher needs of a connection, whatever is spoken on it. */
type Writable = Pick<Connection, 'write' | 'flush'>

/** Writes one stream's blocks again and again. */
export class Publisher {
  published = 0
  readonly #connection: Writable
  readonly #flow: FlowControl
  readonly #stream: number
  readonly #cycle: PublishCycle
  readonly #windowMessages: number
  #nextBlock = 0

  constructor(
    connection: Writable,
    flow: FlowControl,
    stream: number,
    cycle: PublishCycle,
    windowMessages: number,
  ) {
    this.#connection = connection
    this.#flow = flow
    this.#stream = stream
    this.#cycle = cycle
    this.#windowMessages = windowMessages
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
    const { blocks } = this.#cycle
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
        if (!flow.isWithin(stream, this.#windowMessages)) {
          setTimeout(pump, WINDOW_POLL_MS)
          return
        }
        const { bytes, messageCount } = blocks[this.#nextBlock]!
        this.#nextBlock = (this.#nextBlock + 1) % blocks.length
        this.published += messageCount
        flow.setPublished(stream, this.published)
        connection.write(bytes, onWritten)
      }
      pump()
    })
  }
}

/** Counts what arrives on one connection. */
class Subscriber {
  readonly plan: SubscriberPlan
  readonly receiver: Receiver
  lastChunkNs = 0
  readonly #connection: Connection
  readonly #kernel: ReceiveKernel
  readonly #flow: FlowControl

  constructor(
    connection: Connection,
    kernel: ReceiveKernel,
    flow: FlowControl,
    plan: SubscriberPlan,
    receiver: Receiver,
  ) {
    this.#connection = connection
    this.#kernel = kernel
    this.#flow = flow
    this.plan = plan
    this.receiver = receiver
    connection.onProgress = () => {
      this.lastChunkNs = monotonicNs()
      flow.setReceived(plan.subscriber, kernel.messages(connection.record))
    }
  }

  get received(): number {
    return this.#kernel.messages(this.#connection.record)
  }

  get mismatches(): number {
    return this.#kernel.mismatches(this.#connection.record)
  }

  get hash(): bigint {
    return this.#kernel.hash(this.#connection.record)
  }

  isComplete(phase: number): boolean {
    return this.#flow.isComplete(this.receiver, phase)
  }
}

function sum<T>(items: readonly T[], numberOf: (item: T) => number): number {
  return items.reduce((total, item) => total + numberOf(item), 0)
}
