import type { LoginRequest } from '../../auth/login.ts'
import type { IoThread } from '../io-thread/io-thread.ts'
import type { Grant, LoginAnswer, PeerMessage, StandingLogin } from '../threads/peer-messages.ts'

/** A client of a protocol worker, as far as its login is concerned. */
export interface LoggedIn {
  /** What it was let in with. */
  readonly standing: StandingLogin | undefined
  /** The same login, granted anew: by a new routing worker, or because something has changed. */
  regrant(grant: Grant): void
  evict(why: (PeerMessage & { type: 'evicted' })['why'], log: string): void
}

/** What else is to be known of a login. */
export interface LoginManner {
  /** The client sent something else than CONNECT. */
  readonly isSilent: boolean
  /** The connection was let in before, into this account, without logging in; '' = it was not. */
  readonly inAccount: string
}

const GONE: LoginAnswer = { ok: false, why: 'authorization', log: '', reason: 'server ends' }

/**
 * A protocol worker's end of the way to the routing worker, which decides who may connect and what
 * they may do. Logins that are under way when the routing worker dies are asked for again.
 */
export class Logins {
  readonly #thread: IoThread
  readonly #router: number
  readonly #waiting = new Map<
    number,
    {
      readonly request: LoginRequest
      readonly how: LoginManner
      readonly startMs: number
      readonly done: (answer: LoginAnswer) => void
    }
  >()
  /** By connection id. */
  readonly #clients = new Map<number, LoggedIn>()
  #lastId = 0

  constructor(thread: IoThread) {
    this.#thread = thread
    this.#router = thread.kernel.layout.ROUTER_THREAD
  }

  login(request: LoginRequest, how: LoginManner, startMs: number): Promise<LoginAnswer> {
    const id = ++this.#lastId
    return new Promise((done) => {
      this.#waiting.set(id, { request, how, startMs, done })
      this.#thread.tell(this.#router, { type: 'login', id, request, how, startMs })
    })
  }

  /** From now on the client can be told of changes. */
  add(cid: number, client: LoggedIn): void {
    this.#clients.set(cid, client)
  }

  /** The client is gone, whether it was let in or still waits for that. */
  logout(cid: number): void {
    this.#clients.delete(cid)
    this.#thread.tell(this.#router, { type: 'logout', cid })
  }

  onMessage(message: PeerMessage): void {
    switch (message.type) {
      case 'loggedIn':
        this.#waiting.get(message.id)?.done(message.answer)
        this.#waiting.delete(message.id)
        break
      case 'regranted':
        this.#clients.get(message.cid)?.regrant(message.grant)
        break
      case 'evicted':
        this.#clients.get(message.cid)?.evict(message.why, message.log)
        break
      case 'rejoined':
        for (const [cid, grant] of message.grants) this.#clients.get(cid)?.regrant(grant)
        this.#thread.tell(this.#router, { type: 'rejoinDone' })
        break
      case 'pace':
        this.#thread.tell(this.#router, { type: 'paced', id: message.id })
        break
    }
  }

  /** There is a routing worker, the first one or its successor: it must know who is here. */
  onRouterConnected(): void {
    const logins = [...this.#clients.values()].flatMap(({ standing }) => standing ?? [])
    this.#thread.tell(this.#router, { type: 'rejoin', logins })
    for (const [id, { request, how, startMs }] of this.#waiting) {
      this.#thread.tell(this.#router, { type: 'login', id, request, how, startMs })
    }
  }

  /** The thread ends. */
  close(): void {
    for (const { done } of this.#waiting.values()) done(GONE)
    this.#waiting.clear()
  }
}
