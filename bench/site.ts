import type { Places } from './drivers/tasks.ts'
import type { Server } from './server-process.ts'

/** What a scenario loads: one server, or two with a leaf link between them. */
export interface Site extends Places {
  /** Of all its servers; their processor time counts together. Undefined: one that is not known. */
  readonly pids: readonly (number | undefined)[]
  /** Resolves when what was subscribed before is known wherever somebody publishes. */
  settle(): Promise<void>
  stop(): Promise<void>
}

export function siteOfServer(server: Server): Site {
  const { endpoint, pid } = server
  // A server's own PONG has told its clients already.
  const settle = async (): Promise<void> => {}
  const stop = (): Promise<void> => server.stop()
  return { publishAt: endpoint, subscribeAt: endpoint, pids: [pid], settle, stop }
}
