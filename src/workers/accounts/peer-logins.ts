import type { IoThread } from '../io-thread/io-thread.ts'
import type { SystemEvents } from '../system/system-events.ts'
import type { Grant, PeerMessage, StandingLogin } from '../threads/peer-messages.ts'
import type { LoginOwner } from './login.ts'
import type { LoginDesk } from './login-desk.ts'
import type { OperatorAccounts } from './operator-accounts.ts'
import type { Pacer } from './pacer.ts'
import type { VerifiedPasswords } from './verified-passwords.ts'

/** A thread that was running but does not tell who is connected to it; chosen. */
const REJOIN_TIMEOUT_MS = 5000

export interface PeerLoginsOptions {
  readonly thread: IoThread
  readonly desk: LoginDesk
  readonly passwords: VerifiedPasswords
  readonly pacer: Pacer
  /** Undefined: no operator mode. */
  readonly operator: OperatorAccounts | undefined
  /** Accounts can be fetched from then on. */
  readonly opened: Promise<void>
  events(): SystemEvents | undefined
}

/**
 * The routing worker's end of the way that logins of clients take; see Logins for the other one.
 * After a predecessor has died all protocol workers tell who is connected to them, and what they
 * may do is granted anew.
 */
export class PeerLogins {
  readonly #options: PeerLoginsOptions
  /** One for each protocol worker. */
  readonly #owners = new Map<number, LoginOwner>()
  /** Connections whose accounts are being fetched, after a predecessor of this thread has died. */
  readonly #rejoining = new Set<number>()
  readonly #heardThreads = new Set<number>()
  #awaitedThreads: readonly number[] | undefined
  #onAllRejoined = () => {}

  constructor(options: PeerLoginsOptions) {
    this.#options = options
  }

  onPeerConnected(thread: number): void {
    const { thread: own, pacer } = this.#options
    this.#owners.set(thread, {
      regrant: (cid, grant) => {
        pacer.note(thread)
        own.tell(thread, { type: 'regranted', cid, grant })
      },
      evict: (cid, why, log = '') => {
        pacer.note(thread)
        own.tell(thread, { type: 'evicted', cid, why, log })
      },
    })
  }

  onPeerMessage(from: number, message: PeerMessage): void {
    const owner = this.#owners.get(from)
    if (owner === undefined) return
    const { desk, passwords, pacer, events } = this.#options
    if (message.type === 'login') void this.#logIn(from, owner, message)
    else if (message.type === 'logout') {
      this.#rejoining.delete(message.cid)
      desk.logOut(message.cid)
      passwords.forget(message.cid)
    } else if (message.type === 'paced') pacer.onPaced(from, message.id)
    else if (message.type === 'rejoin') void this.#onRejoin(from, owner, message.logins)
    else if (message.type === 'rejoinDone') this.awaitNoMore(from)
    else if (message.type === 'connected') events()?.connected(message.client)
    else if (message.type === 'disconnected') events()?.disconnected(message.end)
    else if (message.type === 'loginFailed') events()?.loginFailed(message.end, message.place)
  }

  async #logIn(
    from: number,
    owner: LoginOwner,
    { id, request, how, startMs }: PeerMessage & { type: 'login' },
  ): Promise<void> {
    const { thread, desk, passwords } = this.#options
    const given = await desk.logIn(request, how, owner, startMs)
    const answer = given.ok ? { ...given, verified: passwords.of(request.cid) } : given
    thread.inTurn(() => thread.tell(from, { type: 'loggedIn', id, answer }))
  }

  /** In operator mode after their accounts have been fetched, without which they cannot stay. */
  async #onRejoin(
    from: number,
    owner: LoginOwner,
    logins: readonly StandingLogin[],
  ): Promise<void> {
    const { thread, desk, passwords, operator, opened } = this.#options
    if (operator !== undefined && logins.length > 0) {
      for (const { request } of logins) this.#rejoining.add(request.cid)
      await opened
      const names = new Set(logins.map(({ accountName }) => accountName))
      await Promise.all([...names].map((name) => operator.lookup(name)))
      if (this.#owners.get(from) !== owner) return
    }
    thread.inTurn(() => {
      const grants: [number, Grant][] = []
      for (const standing of logins) {
        const { cid } = standing.request
        if (operator !== undefined && !this.#rejoining.delete(cid)) continue
        passwords.restore(cid, standing.verified)
        const why = operator?.reasonToEnd(standing)
        const grant = why === undefined ? desk.rejoin(standing, owner) : undefined
        if (grant === undefined) owner.evict(cid, why ?? 'authorization')
        else grants.push([cid, grant])
      }
      thread.tell(from, { type: 'rejoined', grants })
    })
  }

  /** A thread has told who is connected to it, or will never do so. */
  awaitNoMore(thread: number): void {
    this.#heardThreads.add(thread)
    if (this.#awaitedThreads?.every((one) => this.#heardThreads.has(one))) this.#onAllRejoined()
  }

  /** All clients of these threads have been granted anew; a thread that dies is not waited for. */
  rejoined(threads: readonly number[]): Promise<void> {
    // Some may have told it before anybody waited.
    if (threads.every((one) => this.#heardThreads.has(one))) return Promise.resolve()
    this.#awaitedThreads = threads
    return new Promise((resolve) => {
      this.#onAllRejoined = resolve
      this.#options.thread.deadlines.after(REJOIN_TIMEOUT_MS, resolve)
    })
  }

  onPeerDied(thread: number): void {
    const { desk, pacer } = this.#options
    const owner = this.#owners.get(thread)
    this.#owners.delete(thread)
    pacer.forget(thread)
    if (owner !== undefined) desk.forgetOwner(owner)
    this.awaitNoMore(thread)
  }
}
