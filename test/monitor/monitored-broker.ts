import { LineLogger } from '../../src/base/log-line.ts'
import { Broker } from '../../src/broker.ts'
import { optionsFromObject, type PartialOptions } from '../../src/config/options.ts'
import type { ServerFacts } from '../../src/monitor/monitor-source.ts'
import { ANY_CONNECTION, type ConnectionQuery } from '../../src/monitor/reports.ts'
import { BrokerMonitor } from '../../src/workers/reports/broker-monitor.ts'
import { RawClient } from '../support/raw-client.ts'

process.env['SABLE_CHECKED'] = '1'

/** A broker in the test's process with what its monitors look at, and clients of it. */
export class MonitoredBroker implements AsyncDisposable {
  readonly broker: Broker
  readonly source: BrokerMonitor
  readonly #clients: RawClient[] = []

  private constructor(broker: Broker) {
    this.broker = broker
    this.source = new BrokerMonitor({
      supervisor: broker.supervisor,
      server: () => ({}) as ServerFacts,
      notReady: () => [],
    })
  }

  static async start(options: PartialOptions): Promise<MonitoredBroker> {
    const broker = await Broker.start({
      options: optionsFromObject({ host: '127.0.0.1', port: -1, ...options }),
      log: Promise.resolve({
        logger: new LineLogger({ debug: false, trace: false }, () => {}),
        lostLineCount: 0,
        accept: () => {},
        reopen: () => {},
        reconfigure: () => {},
        drain: async () => {},
        close: () => {},
      }),
      configPath: '',
      configDigest: '',
      onFatal: (text) => {
        throw new Error(text)
      },
      deathIntervalMs: 0,
    })
    return new MonitoredBroker(broker)
  }

  /** Sends CONNECT and waits for PONG; `lines` come in between. */
  async connect(connect: object = {}, lines = ''): Promise<RawClient> {
    const client = await RawClient.connect(this.broker.port)
    this.#clients.push(client)
    const full = { verbose: false, headers: true, protocol: 1, lang: 'test', ...connect }
    await client.send(`CONNECT ${JSON.stringify(full)}\r\n${lines}PING\r\n`)
    await client.readUntil('PONG')
    return client
  }

  async page(query: Partial<ConnectionQuery> = {}) {
    return (await this.source.connections({ ...ANY_CONNECTION, ...query }))!
  }

  async named(name: string, query: Partial<ConnectionQuery> = {}) {
    const { connections } = await this.page(query)
    return connections.find((connection) => connection.name === name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.close()
    await this.broker.close()
  }
}
