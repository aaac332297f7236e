import { monotonicNs } from '../drivers/clock.ts'
import { FlowControl, type Receiver } from '../drivers/flow-control.ts'
import type { Driver } from '../drivers/serve.ts'
import type {
  SubscriberPlan,
  ThroughputCommand,
  ThroughputPhase,
  ThroughputTask,
} from '../drivers/tasks.ts'
import { Publisher, windowMessagesOf } from '../drivers/throughput-driver.ts'
import { ReceiveKernel } from '../kernel/receive-kernel.ts'
import { buildPublishCycle } from '../publish-block.ts'
import { RedisConnection } from './redis-connection.ts'
import { RepeatedBytes } from './repeated-bytes.ts'

const FINISH_POLL_MS = 2

/**
 * What ThroughputDriver does, against a server that speaks RESP: PUBLISH pipelined, SUBSCRIBE. Only
 * publishers with one subject each; every byte of what arrives is compared.
 */
export class RedisDriver implements Driver<ThroughputCommand, ThroughputPhase> {
  readonly #task: ThroughputTask
  readonly #flow: FlowControl
  readonly #onFailure: (error: Error) => void
  readonly #connections: RedisConnection[] = []
  readonly #publishers: Publisher[] = []
  readonly #subscribers: Subscriber[] = []
  /** Messages at the end of the last phase. */
  #published = 0
  #received = 0

  constructor(task: ThroughputTask, onFailure: (error: Error) => void) {
    this.#task = task
    this.#flow = new FlowControl(task.counts, task.layout)
    this.#onFailure = onFailure
  }

  async open(): Promise<void> {
    const { subscribers, streams, publications, blocks } = this.#task
    for (const plan of subscribers) await this.#subscribe(plan)
    for (const stream of streams) {
      const connection = this.#connect(this.#task.publishAt)
      await connection.flush()
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
    const before = { published: this.#published, received: this.#received }
    this.#published = sum(this.#publishers.map(({ published }) => published))
    this.#received = sum(this.#subscribers.map(({ received }) => received))
    return {
      published: this.#published - before.published,
      received: this.#received - before.received,
      mismatches: this.#subscribers.filter(({ isAsPublished }) => !isAsPublished).length,
      startNs,
      endNs: Math.max(startNs, ...ends),
      cpuNs: (cpu.user + cpu.system) * 1000,
      hashes: command.wantsHashes ? this.#hashes() : [],
    }
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }

  #connect(endpoint: ThroughputTask['publishAt']): RedisConnection {
    const connection = new RedisConnection(endpoint, this.#onFailure)
    this.#connections.push(connection)
    return connection
  }

  async #subscribe(plan: SubscriberPlan): Promise<void> {
    const { layout, publications, blocks, subscribeAt } = this.#task
    const receiver = layout.receivers[plan.receiver]!
    const cycle = buildPublishCycle(publications[receiver.streams[0]!]!, blocks)
    const written = Buffer.concat(cycle.blocks.map(({ bytes }) => bytes))
    const subscriber = new Subscriber(plan, receiver, asReceived(written), cycle.frameBytes)
    this.#subscribers.push(subscriber)
    const connection = this.#connect(subscribeAt)
    await connection.subscribe(plan.subject, (chunk) => {
      subscriber.add(chunk)
      this.#flow.setReceived(plan.subscriber, subscriber.received)
      if (!subscriber.isAsPublished) connection.fail('messages not as published')
    })
  }

  /** Resolves with the arrival time of the last message, once all of the phase have come. */
  #complete(phase: number): Promise<number> {
    return new Promise((resolve) => {
      const look = (): void => {
        const isComplete = ({ receiver }: Subscriber) => this.#flow.isComplete(receiver, phase)
        if (!this.#subscribers.every(isComplete)) return
        clearInterval(timer)
        resolve(Math.max(0, ...this.#subscribers.map(({ lastChunkNs }) => lastChunkNs)))
      }
      const timer = setInterval(look, FINISH_POLL_MS)
    })
  }

  /** What arrived is compared already: its hash is that of what was published. */
  #hashes(): ThroughputPhase['hashes'] {
    const kernel = new ReceiveKernel(this.#task.kernel, 0)
    return this.#subscribers.map(({ plan, receiver, received }) => {
      const stream = receiver.streams[0]!
      const publication = this.#task.publications[stream]!
      const { sequenceCount } = buildPublishCycle(publication, this.#task.blocks)
      const hashOf = (messages: number): bigint =>
        kernel.expectedHash(messages, stream, sequenceCount, publication.payloadBytes)
      const expected = hashOf(this.#flow.published(stream))
      return { receiver: plan.receiver, actual: hashOf(received), expected }
    })
  }
}

/** What arrives on one connection. */
class Subscriber {
  readonly plan: SubscriberPlan
  readonly receiver: Receiver
  lastChunkNs = 0
  readonly #bytes: RepeatedBytes
  readonly #frameBytes: number

  constructor(plan: SubscriberPlan, receiver: Receiver, expected: Buffer, frameBytes: number) {
    this.plan = plan
    this.receiver = receiver
    this.#bytes = new RepeatedBytes(expected)
    this.#frameBytes = frameBytes
  }

  get received(): number {
    return Math.floor(this.#bytes.byteCount / this.#frameBytes)
  }

  get isAsPublished(): boolean {
    return this.#bytes.isAsExpected
  }

  add(chunk: Buffer): void {
    this.lastChunkNs = monotonicNs()
    this.#bytes.add(chunk)
  }
}

const PUBLISH = Buffer.from('\r\nPUBLISH\r\n', 'latin1')
const MESSAGE = Buffer.from('\r\nmessage\r\n', 'latin1')

/** The frame of a message differs from that of its PUBLISH in one word, of the same length. */
function asReceived(published: Buffer): Buffer {
  const bytes = Buffer.from(published)
  for (let at = bytes.indexOf(PUBLISH); at !== -1; at = bytes.indexOf(PUBLISH, at)) {
    MESSAGE.copy(bytes, at)
  }
  return bytes
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
