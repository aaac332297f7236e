import { LineLogger } from '../../src/base/log-line.ts'
import { Broker } from '../../src/broker.ts'
import { optionsFromObject, type PartialOptions } from '../../src/config/options.ts'
import type { LogSink } from '../../src/monitor/log/log-sink.ts'
import type { Failure } from '../../src/workers/threads/thread-messages.ts'
import { WireClient, type WireOptions } from '../order/wire-client.ts'
import { until } from '../support/wait.ts'

/** Every kernel assertion is on. */
process.env['SABLE_CHECKED'] = '1'

const REPLACED_MS = 20_000
export const ROUTER = 0

/** A broker inside the test's process, so that the test can let its threads fail. */
export class BrokerUnderTest implements AsyncDisposable {
  readonly lines: string[] = []
  readonly fatalTexts: string[] = []
  readonly #clients: WireClient[] = []
  #broker!: Broker

  /** Deaths may follow each other at any distance unless `deathIntervalMs` is given. */
  static async start(options: PartialOptions, deathIntervalMs = 0): Promise<BrokerUnderTest> {
    const test = new BrokerUnderTest()
    test.#broker = await Broker.start({
      options: optionsFromObject({ host: '127.0.0.1', port: -1, ...options }),
      log: Promise.resolve(test.#logSink()),
      configPath: '',
      configDigest: '',
      onFatal: (text) => test.fatalTexts.push(text),
      deathIntervalMs,
    })
    return test
  }

  #logSink(): LogSink {
    const put = (level: string, text: string) => this.lines.push(`[${level}] ${text}`)
    return {
      logger: new LineLogger({ debug: false, trace: false }, put),
      lostLineCount: 0,
      accept: (lines) => {
        for (const { level, text } of lines) put(level, text)
      },
      reopen: () => {},
      reconfigure: () => {},
      drain: async () => {},
      close: () => {},
    }
  }

  /** Puts other options in force, over the same defaults. */
  async reload(options: PartialOptions): Promise<void> {
    const next = optionsFromObject({ host: '127.0.0.1', port: -1, ...options })
    await this.#broker.reload(() => ({ options: next, digest: '', warnings: [] }))
  }

  get port(): number {
    return this.#broker.port
  }

  get leafPort(): number {
    return this.#broker.leafPort
  }

  async connect(options?: WireOptions): Promise<WireClient> {
    const client = await WireClient.connect(this.port, options)
    this.#clients.push(client)
    return client
  }

  /** So many clients; the i-th is on thread 1 + i modulo workers, as connections are dealt out. */
  async connectMany(count: number): Promise<WireClient[]> {
    const clients: WireClient[] = []
    for (let i = 0; i < count; i++) clients.push(await this.connect())
    return clients
  }

  fail(thread: number, how: Failure = 'error'): void {
    this.#broker.supervisor.failThread(thread, how)
  }

  /** How often threads were replaced so far. */
  get replacedCount(): number {
    return this.lines.filter((line) => /worker \d+ replaced$/.test(line)).length
  }

  async replaced(count: number): Promise<void> {
    await until(
      () => `${count} replaced threads\n${this.logTail}`,
      () => this.replacedCount >= count,
      REPLACED_MS,
    )
  }

  get logTail(): string {
    return `--- last log lines ---\n${this.lines.slice(-20).join('\n')}\n---`
  }

  /** Runs `body` and shows the log when it fails. */
  async watch(body: () => Promise<void>): Promise<void> {
    try {
      await body()
    } catch (error) {
      if (error instanceof Error) error.message += `\n${this.logTail}`
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close()
    await this.#broker.close()
  }
}
