import { after, afterEach, before, describe, test } from 'node:test'
import {
  type ClientLibrary,
  type ConnectOptions,
  LIBRARIES,
  type TestConnection,
} from '../support/client-libraries.ts'
import { withLog } from '../support/failure-text.ts'
import { notHonouredReason } from '../support/not-yet-honoured.ts'
import { programsUnderTest, skipReason } from '../support/peers.ts'
import { type ServerOptions, type ServerProcess, startServer } from '../support/server-process.ts'

const TEST_MS_MAX = 60_000

/** What a test of one library on one server program works with. */
export interface Bench {
  readonly library: ClientLibrary
  /** The server of the suite; replaced by restart(). */
  readonly server: ServerProcess
  /** Connects to the server; the connection is closed after the test. */
  connect(options?: ConnectOptions): Promise<TestConnection>
  /** Starts another server of the same program; it is stopped after the test. */
  start(options?: ServerOptions): Promise<ServerProcess>
  /** Stops the server and starts it again on the same port. */
  restart(): Promise<void>
}

export type Check = (name: string, body: (bench: Bench) => Promise<void>) => void

/**
 * Defines the same tests for each client library on each server program under test.
 *
 * All tests of one suite share one server with `options`; failure texts end with its last log
 * lines.
 */
export function eachClient(
  title: string,
  options: ServerOptions,
  define: (check: Check) => void,
): void {
  for (const program of programsUnderTest()) {
    for (const library of LIBRARIES) {
      describe(`${title}, ${library.name} on ${program.name}`, {
        skip: skipReason(program) || notHonouredReason(program, options.config),
      }, () => {
        let server: ServerProcess
        const connections: TestConnection[] = []
        const extraServers: ServerProcess[] = []
        const bench: Bench = {
          library,
          get server() {
            return server
          },
          async connect(connectOptions = {}) {
            const connection = await library.connect({ servers: server.url, ...connectOptions })
            connections.push(connection)
            return connection
          },
          async start(serverOptions) {
            const extra = await startServer(program, serverOptions)
            extraServers.push(extra)
            return extra
          },
          async restart() {
            const { port } = server
            await server.stop()
            server = await startServer(program, { ...options, port })
          },
        }
        before(async () => {
          server = await startServer(program, options)
        })
        afterEach(async () => {
          await Promise.all(connections.splice(0).map((connection) => connection.close()))
          await Promise.all(extraServers.splice(0).map((extra) => extra.stop()))
        })
        after(() => server?.stop())
        define((name, body) => {
          test(name, { timeout: TEST_MS_MAX }, async () => {
            try {
              await body(bench)
            } catch (error) {
              throw withLog(error, [server, ...extraServers])
            }
          })
        })
      })
    }
  }
}
