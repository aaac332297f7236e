import type { Deadlines } from '../../io/deadlines.ts'

/** What events need of the thread they are published on. */
export interface EventThread {
  readonly deadlines: Pick<Deadlines, 'after'>
  /** Of the turn. */
  readonly nowMs: number
  inTurn<T>(run: () => T): T
}
