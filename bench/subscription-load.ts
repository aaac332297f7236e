import { LineConnection } from './line-connection.ts'
import { StormLoad } from './storm-load.ts'

/** Subscriptions made and ended with one answer waited for. */
const BATCH = 100

/** Clients that subscribe to subjects of their own and end that again, as fast as they are let. */
export class SubscriptionLoad extends StormLoad {
  override async start(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.connections.add(await LineConnection.openClient(this.endpoint))
    }
    const connections = [...this.connections]
    this.runAll(connections.map((connection, i) => () => this.#subscribeOn(connection, i)))
  }

  /** Each that is made is ended too. */
  async #subscribeOn(connection: LineConnection, index: number): Promise<void> {
    const sids = Array.from({ length: BATCH }, (_, sid) => sid + 1)
    const made = sids.map((sid) => `SUB bench.storm.${index}.${sid}.* ${sid}\r\n`)
    const ended = sids.map((sid) => `UNSUB ${sid}\r\n`)
    const lines = [...made, ...ended].join('')
    while (!this.isStopped) {
      connection.write(lines)
      await connection.flush()
      this.countDone(BATCH)
    }
  }
}
