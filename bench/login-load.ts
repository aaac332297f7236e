import { LineConnection } from './line-connection.ts'
import { StormLoad } from './storm-load.ts'

/** Clients that log in, again and again, so that the same number of logins is always under way. */
export class LoginLoad extends StormLoad {
  override async start(count: number): Promise<void> {
    const connections = await Promise.all(Array.from({ length: count }, () => this.#connect()))
    this.runAll(connections.map((connection) => () => this.#logInOn(connection)))
  }

  async #connect(): Promise<LineConnection> {
    const { connection } = await LineConnection.open(this.endpoint)
    this.connections.add(connection)
    if (this.isStopped) connection.close()
    return connection
  }

  async #logInOn(first: LineConnection): Promise<void> {
    let connection = first
    while (!this.isStopped) {
      await connection.logIn(this.endpoint)
      this.countDone(1)
      this.connections.delete(connection)
      connection.close()
      if (!this.isStopped) connection = await this.#connect()
    }
  }
}
