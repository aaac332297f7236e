import type { Socket } from 'node:net'
import type { MessagePort } from 'node:worker_threads'
import type { BcryptAsker } from '../auth/password.ts'
import type { LogLine } from '../base/log-line.ts'
import type { LeafReport } from './leaf-report.ts'
import type { RelayedLeaf } from './relayed-leaf.ts'
import type { ThreadSettings } from './thread-settings.ts'

/** What the main thread starts a thread with (workerData). */
export interface ThreadStart {
  readonly thread: number
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly settings: ThreadSettings
  /** By number, as the routing worker has given them so far; see AccountDirectory. */
  readonly accountNames: readonly string[]
  /** It takes the place of one that died. */
  readonly isSuccessor: boolean
}

export type ListenerKind = 'client' | 'leaf' | 'websocket'

/** To a question a thread has asked; see MainProxy. */
export type Answer = boolean | number

/** Control messages to a thread. Everything about messages of clients goes through the lanes. */
export type ToThread =
  /** Doorbell line to a peer; a later one for the same thread replaces it. */
  | { readonly type: 'peer'; readonly thread: number; readonly port: MessagePort }
  | {
      readonly type: 'connection'
      readonly listener: ListenerKind
      readonly socket: Socket
      readonly cid: number
      /** max_connections is reached: say so and close. */
      readonly isRefused: boolean
    }
  /** A peer died: forget its lanes, then answer 'forgotten'. */
  | { readonly type: 'peerDied'; readonly thread: number }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer }
  /** Tell clients and leafs that this server is about to end; answer 'lameDuckTold'. */
  | { readonly type: 'lameDuck' }
  /** Close the clients one by one, spread over this time; answer 'drained'. */
  | { readonly type: 'drain'; readonly durationMs: number }
  /** To the routing worker, which answers 'leafReport'. */
  | { readonly type: 'leafReport'; readonly withSubscriptions: boolean }
  /** A leaf came by WebSocket: its bytes arrive at this port, see relay-socket.ts. */
  | {
      readonly type: 'relayedLeaf'
      readonly port: MessagePort
      readonly facts: RelayedLeaf
      readonly cid: number
    }
  /** Read all files of TLS again; answer 'tlsReloaded'. */
  | { readonly type: 'reloadTls' }
  | { readonly type: 'shutdown' }
  /** For tests of the supervisor. */
  | { readonly type: 'fail'; readonly how: Failure }

/** How a thread is made to fail: an uncaught error, or a trap of the kernel. */
export type Failure = 'error' | 'trap'

export type FromThread =
  | { readonly type: 'ready' }
  | { readonly type: 'log'; readonly lines: readonly LogLine[] }
  | { readonly type: 'forgotten'; readonly thread: number }
  | {
      readonly type: 'verifyBcrypt'
      readonly id: number
      readonly password: string
      readonly hash: string
      readonly asker: BcryptAsker | undefined
    }
  | { readonly type: 'takeConnectionId'; readonly id: number }
  /** A connection is gone; what it has asked of the main thread is not wanted any more. */
  | { readonly type: 'forgetConnection'; readonly cid: number }
  /** An account has got a number, for as long as the server runs. */
  | { readonly type: 'accountNumbered'; readonly name: string; readonly number: number }
  /** The server cannot start as it is configured. */
  | { readonly type: 'startRefused'; readonly text: string }
  /** For the routing worker, which gets it as 'relayedLeaf'. */
  | {
      readonly type: 'relayLeaf'
      readonly port: MessagePort
      readonly facts: RelayedLeaf
      readonly cid: number
    }
  /** `count`: clients, or leafs for which this server is the hub. */
  | { readonly type: 'lameDuckTold'; readonly count: number }
  | { readonly type: 'drained' }
  /** `fault`: what is wrong with a file; '' = nothing, the new ones are in use. */
  | { readonly type: 'tlsReloaded'; readonly fault: string }
  | { readonly type: 'leafReport'; readonly report: LeafReport }
  | { readonly type: 'ended' }
