import { describe, test } from 'node:test'
import { withLog } from '../support/failure-text.ts'
import { program } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { WireClient, type WireOptions } from './wire-client.ts'

/** Every kernel assertion is on: what would only corrupt memory ends the server instead. */
process.env['SABLE_CHECKED'] = '1'

const TEST_TIMEOUT_MS = 60_000

export interface Fixture {
  readonly server: ServerProcess
  readonly workerCount: number
  connect(options?: WireOptions): Promise<WireClient>
  /** So many clients; the i-th is on worker i modulo workerCount, as connections are dealt out. */
  connectMany(count: number, options?: WireOptions): Promise<WireClient[]>
}

/** Runs `body` against a server of its own, and shows the server's log when it fails. */
export function serverTest(
  name: string,
  workerCount: number,
  config: string,
  body: (fixture: Fixture) => Promise<void>,
): void {
  test(name, { timeout: TEST_TIMEOUT_MS }, async () => {
    await using server = await startServer(program('sable'), {
      config: `workers: ${workerCount}\n${config}`,
    })
    const clients: WireClient[] = []
    const connect = async (options?: WireOptions) => {
      const client = await WireClient.connect(server.port, options)
      clients.push(client)
      return client
    }
    const connectMany = async (count: number, options?: WireOptions) => {
      const many: WireClient[] = []
      for (let i = 0; i < count; i++) many.push(await connect(options))
      return many
    }
    try {
      await body({ server, workerCount, connect, connectMany })
      if (server.hasExited) throw new Error(`the server ended, exit code ${server.exitCode}`)
    } catch (error) {
      throw withLog(error, [server])
    } finally {
      for (const client of clients) client.close()
    }
  })
}

/** The same test with one, two and four protocol workers. */
export function onWorkers(
  name: string,
  body: (fixture: Fixture) => Promise<void>,
  config = '',
): void {
  describe(name, () => {
    for (const workerCount of [1, 2, 4]) {
      const title = workerCount === 1 ? 'on 1 worker' : `over ${workerCount} workers`
      serverTest(title, workerCount, config, body)
    }
  })
}
