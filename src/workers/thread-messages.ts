import type { Socket } from 'node:net'
import type { MessagePort } from 'node:worker_threads'
import type { LogLine } from '../base/log-line.ts'
import type { ThreadSettings } from './thread-settings.ts'

/** What the main thread starts a thread with (workerData). */
export interface ThreadStart {
  readonly thread: number
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly settings: ThreadSettings
}

export type ListenerKind = 'client' | 'leaf'

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
  | { readonly type: 'bcryptVerified'; readonly id: number; readonly isRight: boolean }
  | { readonly type: 'connectionId'; readonly id: number; readonly cid: number }
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
    }
  | { readonly type: 'takeConnectionId'; readonly id: number }
  | { readonly type: 'ended' }
