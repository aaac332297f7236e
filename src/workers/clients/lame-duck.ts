import type { IoThread } from '../io-thread/io-thread.ts'
import type { ClientSession } from './client-session.ts'

/** nats-server: the pause between two clients is at most this, however few there are. */
const PAUSE_MS_MAX = 1000

/** The end of a protocol worker's clients when the server is a lame duck: told, then one by one. */
export class LameDuck {
  readonly #thread: IoThread
  readonly #sessions: () => readonly ClientSession[]

  constructor(thread: IoThread, sessions: () => readonly ClientSession[]) {
    this.#thread = thread
    this.#sessions = sessions
  }

  /** Tells those that understand it. @returns clients there are */
  tell(): number {
    const sessions = this.#sessions()
    this.#thread.beginTurn()
    for (const session of sessions) session.tellLameDuck()
    this.#thread.endTurn()
    return sessions.length
  }

  /** Closes the clients one by one, at random moments spread over `durationMs`. */
  drain(durationMs: number): Promise<undefined> {
    return new Promise((resolve) => this.#drain(durationMs, () => resolve(undefined)))
  }

  #drain(durationMs: number, onDone: () => void): void {
    const sessions = this.#sessions()
    const pauseMs = Math.min(PAUSE_MS_MAX, durationMs / Math.max(1, sessions.length))
    const closeNext = (at: number) => {
      const session = sessions[at]
      if (session === undefined) {
        onDone()
        return
      }
      this.#thread.beginTurn()
      session.connection.close('serverShutdown')
      this.#thread.endTurn()
      // Many clients: their pauses are shorter than a timer's resolution, which then evens out.
      const waitMs = pauseMs / 2 + (Math.random() * pauseMs) / 2
      this.#thread.deadlines.after(waitMs, () => closeNext(at + 1))
    }
    closeNext(0)
  }
}
