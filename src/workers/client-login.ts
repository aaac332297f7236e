import { credentialsOf, type LoginRequest } from '../auth/login.ts'
import type { ClosedState } from '../protocol/closed-states.ts'
import type { ClientSession } from './client-session.ts'
import type { LoginManner } from './logins.ts'
import type { Grant, LoginAnswer, StandingLogin } from './peer-messages.ts'
import type { ProtocolWorker } from './protocol-worker-role.ts'

export type Granted = LoginAnswer & { readonly ok: true }
export type Refused = LoginAnswer & { readonly ok: false }

/** How one client logs in: what it asks the routing worker, and what it was let in with. */
export class ClientLogin {
  /** What it was let in with. */
  standing: StandingLogin | undefined
  readonly #worker: ProtocolWorker
  readonly #session: ClientSession
  /** The routing worker knows of it. */
  #isKnown = false
  /** Why it was not let in. */
  #refusal: Refused | undefined

  constructor(worker: ProtocolWorker, session: ClientSession) {
    this.#worker = worker
    this.#session = session
  }

  /**
   * Presents what CONNECT said.
   *
   * @param deadlineMs Unix time in ms; undefined: it may take its time
   * @returns undefined: the client is gone
   */
  async ask(
    how: LoginManner,
    deadlineMs: number | undefined,
  ): Promise<{ readonly request: LoginRequest; readonly answer: LoginAnswer } | undefined> {
    const { connection, front, host, nonce, options, tls, startMs } = this.#session
    const request: LoginRequest = {
      cid: connection.cid,
      connectionType: front.connectionType,
      host,
      nonce,
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      connect: credentialsOf(options),
      tls,
    }
    this.#isKnown = true
    const answer = await this.#worker.logins.login(request, how, startMs)
    return connection.isOpen ? { request, answer } : undefined
  }

  /** From here on it is told of changes. */
  keep(request: LoginRequest, { grant, verified }: Granted): void {
    const { identity, accountName } = grant
    const { connection, startMs } = this.#session
    this.standing = { request, identity, accountName, startMs, verified }
    this.#worker.logins.add(connection.cid, this.#session)
  }

  /** It is granted something else than before. */
  onGrant({ identity }: Grant): void {
    if (this.standing !== undefined) this.standing = { ...this.standing, identity }
  }

  refuse(answer: Refused): void {
    const { log, reason, why } = answer
    const { prefix } = this.#session
    this.#refusal = answer
    if (log !== '') this.#worker.log.error(prefix + log)
    if (reason !== '') this.#worker.log.debug(prefix + reason)
    this.#session.violate(why)
  }

  /** The client is gone. */
  end(state: ClosedState): void {
    const { connection, accountName } = this.#session
    const { account = accountName, askedIn } = this.#refusal ?? {}
    this.#worker.events.onClosed(this.#session, state, {
      account,
      toldAccount: askedIn?.account ?? (this.#isKnown ? accountName : ''),
      toldReason: askedIn?.why,
    })
    if (this.#isKnown) this.#worker.logins.logout(connection.cid)
  }
}
