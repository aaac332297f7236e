import { type StartedServer, startServer } from '../server-process.ts'

/** What servers say to an option that they do not have. */
const UNKNOWN_OPTION = /unknown field "workers"/

/**
 * A server with so many protocol workers; one without the option gets as many threads of Go
 * (GOMAXPROCS).
 */
export async function startWithWorkers(
  command: readonly string[],
  workers: number,
): Promise<StartedServer> {
  const limited = ['env', `GOMAXPROCS=${workers}`, ...command]
  try {
    return await startServer(limited, `workers: ${workers}\n`)
  } catch (error) {
    if (!UNKNOWN_OPTION.test(String(error))) throw error
    return startServer(limited)
  }
}
