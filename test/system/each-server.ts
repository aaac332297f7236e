import { type ProgramName, program, skipReason } from '../support/peers.ts'

/** A program must do what Sable is held against: each suite runs on both. */
export const EACH: readonly ProgramName[] = ['sable', 'nats-server']

export const BOTH_MISSING = skipReason(program('nats-server'))

/** Accounts and users for all tests here; passwords are `p`. */
export const ACCOUNTS = `
server_name: n1
server_tags: ["a:b", "c"]
server_metadata: { k: v }
accounts {
  SYS: { users: [ { user: sys, password: p } ] }
  A: {
    users: [
      { user: a, password: p, permissions: { publish: "x.>", subscribe: ["x.>", "_INBOX.>"] } }
      { user: al, password: p }
    ]
    limits: { max_connections: 3 }
  }
}
system_account: SYS
`
