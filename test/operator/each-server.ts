import { describe } from 'node:test'
import { program, type ServerProgram, skipReason } from '../support/peers.ts'

/** The same tests of Sable and, where it is here, of nats-server: so none expects what is wrong. */
export function eachServer(title: string, define: (server: ServerProgram) => void): void {
  for (const name of ['sable', 'nats-server'] as const) {
    const server = program(name)
    describe(`${title}: ${name}`, { skip: skipReason(server) }, () => define(server))
  }
}
