import type { ServerProcess } from './server-process.ts'

/** The same error, with the servers' last log lines behind its text. */
export function withLog(error: unknown, servers: readonly ServerProcess[]): unknown {
  if (error instanceof Error) {
    error.message = [error.message, ...servers.map((server) => server.logTail)].join('\n')
  }
  return error
}
