import type { Identity, LoginRequest } from '../../auth/login.ts'
import type { ViolationName } from '../../protocol/violations.ts'
import type { Grant } from '../threads/peer-messages.ts'
import type { Account } from './account.ts'
import type { SharedPermissions } from './grants.ts'

/** A connection that was let in, on the routing worker. */
export interface Login {
  readonly request: LoginRequest
  identity: Identity
  readonly account: Account
  readonly isLeaf: boolean
  /** This server has dialled: nobody has logged in here, but the account's limits apply. */
  readonly isDialled: boolean
  /** Unix time at which it connected. */
  readonly startMs: number
  /** `max_payload` of the server when it connected, -1 before: leafs keep it. */
  serverMaxPayload: number
  permissions: SharedPermissions | undefined
  /** What its owner was told last; undefined before that. */
  grant: Grant | undefined
  /** Where the connection is told what has changed. */
  readonly owner: LoginOwner
}

/** A protocol worker's connection, or a leaf link of this thread. */
export interface LoginOwner {
  regrant(cid: number, grant: Grant): void
  /** @param log for the log, at level error; '' = nothing but why */
  evict(cid: number, why: ViolationName, log?: string): void
}
