import { credentialsOf, type LoginRequest } from '../../auth/login.ts'
import type { Deadline } from '../../io/deadlines.ts'
import { presentedUserText } from '../../monitor/log/connection-prefix.ts'
import type { ClosedState } from '../../protocol/closed-states.ts'
import { GLOBAL_ACCOUNT } from '../../protocol/global-account.ts'
import { VIOLATIONS, type ViolationName } from '../../protocol/violations.ts'
import type { ProtocolWorker } from '../protocol-worker-role.ts'
import type { Grant, LoginAnswer, StandingLogin } from '../threads/peer-messages.ts'
import { writeLabel } from '../tracing/labels.ts'
import { ConnectionGrant } from './client-grant.ts'
import type { ClientSession } from './client-session.ts'
import type { LoggedIn, LoginManner } from './logins.ts'

const PROTOCOL_MAX = 1

type Granted = LoginAnswer & { readonly ok: true }
type Refused = LoginAnswer & { readonly ok: false }
type OnAnswer = (request: LoginRequest, answer: LoginAnswer) => void

/**
 * How one client logs in, and what it was let in with: the routing worker is asked, and may change
 * or take back later what it has granted.
 */
export class ClientLogin implements LoggedIn {
  /** What it was let in with. */
  standing: StandingLogin | undefined
  /** Undefined before the client is let in, and where everybody is. */
  granted: ConnectionGrant | undefined
  isAuthenticated: boolean
  /** A password is being verified: nothing more is read. */
  isVerifying = false
  /** It has sent CONNECT, or counts as one who has. */
  hasConnected = false
  readonly #worker: ProtocolWorker
  readonly #session: ClientSession
  #deadline: Deadline | undefined
  /** The client may speak: before that there may be a TLS handshake. */
  #isStarted = false
  /** The routing worker knows of it. */
  #isKnown = false
  /** Why it was not let in. */
  #refusal: Refused | undefined
  /** Account that would have been its own, had that or its server let it in; '' = none. */
  turnedAwayFrom = ''

  constructor(worker: ProtocolWorker, session: ClientSession) {
    this.#worker = worker
    this.#session = session
    this.isAuthenticated = !session.front.required
  }

  /** The client may speak now: who has to log in has so much time. */
  start(): void {
    this.#isStarted = true
    const { required, authTimeoutMs } = this.#session.front
    if (!required) return
    this.#deadline = this.#worker.thread.deadlines.after(authTimeoutMs, () =>
      this.#session.evict('authenticationTimeout'),
    )
  }

  stopDeadline(): void {
    this.#deadline?.cancel()
  }

  /** CONNECT has come; the session has its options. @returns false: the connection was closed */
  connect(): boolean {
    this.hasConnected = true
    if (!this.#session.front.required) return this.#letIn(undefined)
    this.#logIn(false)
    return true
  }

  /** Something else than CONNECT has come, where such clients are let in. */
  enterSilently(): void {
    this.stopDeadline()
    this.#logIn(true)
  }

  #logIn(isSilent: boolean): void {
    const deadlineMs = Date.now() + this.#session.front.authTimeoutMs
    void this.#ask({ isSilent, inAccount: '' }, deadlineMs, (request, answer) => {
      for (const { level, text } of answer.notices ?? []) {
        this.#worker.log[level](this.#session.prefix + text)
      }
      if (answer.ok) {
        this.#keep(request, answer)
        this.#letIn(answer.grant)
      } else {
        this.#refuse(answer)
      }
    })
  }

  /**
   * Presents what CONNECT said.
   *
   * @param deadlineMs Unix time in ms; undefined: it may take its time
   * @param onAnswer called in a turn, unless the client has gone
   */
  async #ask(how: LoginManner, deadlineMs: number | undefined, onAnswer: OnAnswer): Promise<void> {
    const session = this.#session
    const { connection, front, host, nonce, tls, startMs } = session
    this.isVerifying = true
    this.isAuthenticated = false
    session.setFlags()
    const request: LoginRequest = {
      cid: connection.cid,
      connectionType: front.connectionType,
      host,
      nonce,
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      connect: credentialsOf(session.options),
      tls,
    }
    this.#isKnown = true
    const answer = await this.#worker.logins.login(request, how, startMs)
    if (!connection.isOpen) return
    this.isVerifying = false
    session.inTurn(() => onAnswer(request, answer))
    connection.resume()
  }

  /** From here on it is told of changes. */
  #keep(request: LoginRequest, { grant, verified }: Granted): void {
    const { identity, accountName } = grant
    const { connection, startMs } = this.#session
    this.standing = { request, identity, accountName, startMs, verified }
    this.#worker.logins.add(connection.cid, this)
  }

  #refuse(answer: Refused): void {
    const { log, reason, why } = answer
    const { prefix } = this.#session
    this.#refusal = answer
    this.turnedAwayFrom = answer.account ?? ''
    if (log !== '') this.#worker.log.error(prefix + log)
    if (reason !== '') this.#worker.log.debug(prefix + reason)
    this.#session.violate(why)
  }

  /** Returns false when the connection was closed. */
  #letIn(grant: Grant | undefined): boolean {
    const session = this.#session
    const { nkey, user, authToken: token, account, newAccount, name } = session.options
    this.turnedAwayFrom = grant?.accountName ?? ''
    if (account !== '' || newAccount) {
      const reason = presentedUserText({ nkey, user, token })
      this.#worker.log.error(`${session.prefix}authentication error - ${reason}`)
      session.violate('authorization')
      return false
    }
    this.isAuthenticated = true
    session.identify(grant)
    const { protocol, noResponders } = session.options
    if (protocol < 0 || protocol > PROTOCOL_MAX) {
      session.violate('clientProtocol')
      return false
    }
    if (noResponders && !session.hasHeaders) {
      session.violate('noRespondersRequiresHeaders')
      return false
    }
    this.turnedAwayFrom = ''
    if (grant === undefined) session.setFlags()
    else this.#takeGrant(grant)
    this.#worker.events.onConnected(session)
    const label = { name, user: grant?.identity.user ?? '' }
    writeLabel(this.#worker.kernel, session.connection.record, label)
    if (this.hasConnected) session.ok()
    // Who was let in without a word counts as one who has sent CONNECT from here on.
    this.hasConnected = true
    return session.connection.isOpen
  }

  #takeGrant(grant: Grant): void {
    const worker = this.#worker
    const session = this.#session
    const { connection, subscriptions } = session
    this.granted?.stop()
    if (session.accountName !== grant.accountName) worker.reports.settle(session)
    const granted = new ConnectionGrant(worker.thread, connection, grant)
    this.granted = granted
    session.onGranted()
    granted.enforce()
    session.limitIngress()
    subscriptions.permission = granted.subscribe
    subscriptions.max = grant.maxSubscriptions
    if (granted.tracksReplies) worker.tapOutbound()
    if (worker.services.exporters.listenTo(grant.exporters)) subscriptions.awaitInterest()
    granted.watchExpiry(() => session.evict(grant.expiry))
  }

  // ── changes ───────────────────────────────────────────────────────────────────────────────

  /**
   * The settings of its listener are others.
   *
   * @param isAsked from now on clients have to log in
   * @returns whether the client was let in without a word and has to log in now
   */
  useFront(isAsked: boolean): boolean {
    if (isAsked && !this.#isStarted) this.isAuthenticated = false
    if (!this.#session.front.required && !this.isVerifying) {
      this.stopDeadline()
      this.isAuthenticated = true
    }
    // Who had logged in before that was switched off has been judged by now.
    return isAsked && this.#isStarted && this.standing === undefined
  }

  /** With what it has said in CONNECT, if anything. @returns false: it is closed */
  async logInAgain(): Promise<boolean> {
    const how = { isSilent: false, inAccount: GLOBAL_ACCOUNT }
    // There may be very many at a time: the time it takes is none of the client's.
    await this.#ask(how, undefined, (request, answer) => {
      if (!answer.ok) {
        this.#refuse(answer)
        return
      }
      this.#keep(request, answer)
      this.isAuthenticated = true
      this.regrant(answer.grant)
    })
    return this.#session.connection.isOpen
  }

  /** Permissions or limits have changed, or the routing worker is a new one. */
  regrant(grant: Grant): void {
    const session = this.#session
    const { subscriptions } = session
    session.inTurn(() => {
      const limit = subscriptions.max
      const { identity } = grant
      if (this.standing !== undefined) this.standing = { ...this.standing, identity }
      this.#takeGrant(grant)
      this.#worker.removedSubscriptions += subscriptions.enforce()
      const isAsBefore = subscriptions.max === limit
      if (isAsBefore || !subscriptions.isAboveLimit) return
      this.#worker.log.error(`${session.prefix}${VIOLATIONS.maxSubscriptionsLowered.wire}`)
      session.violate('maxSubscriptionsLowered')
    })
  }

  evict(why: ViolationName, log: string): void {
    this.#session.evict(why, log)
  }

  /** The client is gone. */
  end(state: ClosedState): void {
    this.stopDeadline()
    this.granted?.stop()
    const { connection, accountName } = this.#session
    const { askedIn } = this.#refusal ?? {}
    this.#worker.events.onClosed(this.#session, state, {
      account: this.turnedAwayFrom || accountName,
      toldAccount: askedIn?.account ?? (this.#isKnown ? accountName : ''),
      toldReason: askedIn?.why,
    })
    if (this.#isKnown) this.#worker.logins.logout(connection.cid)
  }
}
