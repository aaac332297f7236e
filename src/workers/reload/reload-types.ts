import type { ReloadChanges } from '../../config/reload/reload-changes.ts'
import type { ThreadSettings } from '../threads/thread-settings.ts'

export type {
  KeptRemote,
  LeafChanges,
  ReloadChanges,
} from '../../config/reload/reload-changes.ts'

/**
 * A reload, as the main thread and the others speak of it.
 *
 * First every thread is asked to prepare: whatever can still fail (files of TLS) it does then, and
 * changes nothing. If all are prepared the routing worker applies the reload, then the others do;
 * that cannot fail. A thread that starts meanwhile has the new settings from its start, or is told
 * to apply what it never prepared, so an order holds all there is to know.
 */
export interface ReloadOrder {
  /** Counts reloads; what is prepared is told apart by it. */
  readonly id: number
  /** In force from now on, in place of those the thread had. */
  readonly settings: ThreadSettings
  readonly changes: ReloadChanges
}

/** What applying a reload did in one thread; sums of these are what reloading reports. */
export interface ReloadCounts {
  /** Clients and leafs whose credentials were judged anew and found good. */
  readonly reauthenticated: number
  /** Clients and leafs that were closed: not authorized any more, moved to another account … */
  readonly disconnected: number
  /** Subscriptions that were taken away from connections that stay. */
  readonly subscriptionsRemoved: number
  /** Of remotes that were removed, disabled or need another handshake; accepted links included. */
  readonly linksClosed: number
  /** Remotes that are dialled from now on. */
  readonly remotesStarted: number
}

export const NO_COUNTS: ReloadCounts = {
  reauthenticated: 0,
  disconnected: 0,
  subscriptionsRemoved: 0,
  linksClosed: 0,
  remotesStarted: 0,
}

/** What a reload did, in all threads. */
export interface ReloadReport extends ReloadCounts {
  /** Options that differ, by their keys in a file: `max_payload`, `tls.timeout`, `users`. */
  readonly changed: readonly string[]
}

/** Of the questions of a reload; see ThreadQuestions. */
export interface ReloadQuestions {
  /** Try what can fail, change nothing. Answer: what is wrong; '' = prepared. */
  prepareReload: { ask: ReloadOrder; answer: string }
  /** Forget what was prepared: another thread could not. */
  dropReload: { ask: { readonly id: number }; answer: undefined }
  /** Answered once all connections have been dealt with. */
  applyReload: { ask: ReloadOrder; answer: ReloadCounts }
  /**
   * Close this many clients, newest first, with `maximum connections exceeded`; protocol workers
   * only. Answer: how many were closed.
   */
  closeExcess: { ask: { readonly count: number }; answer: number }
}
