import type { ServerProgram } from '../support/peers.ts'

/** For `leafnodes { }`: dials again soon. 2.9 knows whole seconds only. */
export function soonAgain(program: ServerProgram): string {
  return program.name === 'nats-server-2.9' ? 'reconnect: 1' : 'reconnect: "50ms"'
}
