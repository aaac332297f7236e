import type { Socket } from 'node:net'
import type { MessagePort } from 'node:worker_threads'
import type { LogLine } from '../../base/log-line.ts'
import type { SlowEvent } from '../../monitor/slow/slow-event.ts'
import type { TapSample } from '../../monitor/trace/tap-sample.ts'
import type { RelayedLeaf } from '../leaf/relayed-leaf.ts'
import type { ClosedMessage } from '../reports/report-messages.ts'
import type { MainQuestion } from './main-questions.ts'
import type { Question, Reply } from './thread-questions.ts'
import type { ThreadSettings } from './thread-settings.ts'

/** The first that a thread is told: what it is. */
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

/** What a thread uses to talk to the main thread. */
export type PostToMain = (message: FromThread, transfer?: MessagePort[]) => void

/** What a thread hears of the main thread by: its own worker's port, or one of its own. */
export interface MainPort {
  on(event: 'message', listener: (message: ToThread) => void): unknown
  postMessage(message: FromThread, transfer: MessagePort[]): void
}

export type ListenerKind = 'client' | 'leaf' | 'websocket'

/** Control messages to a thread. Everything about messages of clients goes through the lanes. */
export type ToThread =
  | { readonly type: 'start'; readonly start: ThreadStart }
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
  /** To a question of the thread. */
  | { readonly type: 'answer'; readonly id: number; readonly answer: unknown }
  | Question
  /** A protocol worker is to run beside this thread, with its event loop. */
  | { readonly type: 'guest'; readonly start: ThreadStart; readonly port: MessagePort }
  /** A leaf came by WebSocket: its bytes arrive at this port, see relay-socket.ts. */
  | {
      readonly type: 'relayedLeaf'
      readonly port: MessagePort
      readonly facts: RelayedLeaf
      readonly cid: number
    }
  /** For tests of the supervisor. */
  | { readonly type: 'fail'; readonly how: Failure }

/** How a thread is made to fail: an uncaught error, or a trap of the kernel. */
export type Failure = 'error' | 'trap'

export type FromThread =
  | { readonly type: 'ready' }
  | { readonly type: 'log'; readonly lines: readonly LogLine[] }
  | { readonly type: 'forgotten'; readonly thread: number }
  | MainQuestion
  /** A connection is gone; what it has asked of the main thread is not wanted any more. */
  | { readonly type: 'forgetConnection'; readonly cid: number }
  /** Somebody was slow. */
  | { readonly type: 'slow'; readonly event: SlowEvent }
  | ClosedMessage
  /** Where a message goes, for the taps with these ids. */
  | { readonly type: 'tapSample'; readonly taps: readonly number[]; readonly sample: TapSample }
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
  | Reply
