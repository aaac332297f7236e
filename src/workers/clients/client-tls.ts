import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { TlsOptions } from '../../config/option-types.ts'
import { adoptSocket } from '../../io/adopt-socket.ts'
import { goOnInClear } from '../../io/go-on-in-clear.ts'
import { awaitFirstBytes } from '../../io/tls/first-bytes.ts'
import { createServerTls, type ServerTls } from '../../io/tls/server-tls.ts'
import { TlsError } from '../../io/tls/tls-error.ts'
import { errorLine, VIOLATIONS } from '../../protocol/violations.ts'
import type { ProtocolWorker } from '../protocol-worker-role.ts'
import type { ClientSession } from './client-session.ts'
import { HandshakeRate } from './handshake-rate.ts'
import { tlsFacts } from './tls-facts.ts'

/** Content type of a TLS record with a handshake message, RFC 8446, section 5.1. */
const HANDSHAKE_RECORD = 0x16

/**
 * Clients of the TCP listener when it has TLS. Loaded only then: Node takes tens of milliseconds,
 * and megabytes, for TLS in each thread.
 *
 * Classic: INFO in clear, then the handshake. `handshake_first`: INFO only over TLS; with a
 * fallback it goes out in clear to those who stay silent. `allow_non_tls`: whoever's first byte
 * after INFO in clear is no TLS handshake goes on in clear.
 */
export class ClientTlsAcceptor {
  readonly #worker: ProtocolWorker
  readonly #options: TlsOptions
  readonly #allowNonTls: boolean
  readonly #tls: ServerTls
  readonly #rate: HandshakeRate | undefined

  /**
   * @param rateMemory of HandshakeRate, undefined without a limit
   * @throws TlsFilesError
   */
  constructor(worker: ProtocolWorker, tls: TlsOptions, rateMemory: SharedArrayBuffer | undefined) {
    this.#worker = worker
    this.#options = tls
    this.#allowNonTls = worker.options.allowNonTls
    this.#tls = createServerTls(tls)
    this.#rate = rateMemory && new HandshakeRate(rateMemory, tls.connectionRateLimit)
  }

  /** @throws TlsFilesError; the certificates stay what they were */
  reload(): void {
    this.#tls.reload()
  }

  /**
   * Inside a turn.
   *
   * @param source nothing was read from it
   * @param isRefused max_connections is reached: say so and close
   */
  accept(source: Socket, session: ClientSession, isRefused: boolean): void {
    const { handshakeFirst } = this.#options
    session.open()
    if (isRefused) {
      session.connection.attach(adoptSocket(source, session.connection))
      if (!handshakeFirst) session.sendInfo(this.#worker.greeting)
      session.violate('maxConnections')
      return
    }
    if (handshakeFirst) {
      void this.#acceptFirst(source, session)
      return
    }
    this.#greetInClear(source, session)
    void this.#acceptClassic(source, session)
  }

  async #acceptFirst(source: Socket, session: ClientSession): Promise<void> {
    const { handshakeFirstFallbackMs: waitMs } = this.#options
    if (waitMs > 0 && (await awaitFirstBytes(source, waitMs)) === 'silence') {
      if (endedMeanwhile(source, session)) return
      this.#worker.thread.inTurn(() => this.#greetInClear(source, session))
      await this.#acceptClassic(source, session)
      return
    }
    if (!(await this.#introduce(source, session))) return
    await this.#secure(source, session, true)
  }

  async #acceptClassic(source: Socket, session: ClientSession): Promise<void> {
    if (!(await this.#introduce(source, session))) return
    if (this.#allowNonTls) {
      const first = await awaitFirstBytes(source, this.#options.timeoutMs)
      if (first !== 'bytes' || !startsHandshake(source)) {
        this.#worker.thread.inTurn(() => {
          if (session.connection.isOpen) session.startTimers()
          goOnInClear(source, session.connection)
        })
        return
      }
    }
    await this.#secure(source, session, false)
  }

  /** What a proxy says comes in clear, ahead of the handshake. @returns false: it has ended */
  async #introduce(source: Socket, session: ClientSession): Promise<boolean> {
    const { proxy } = this.#worker
    return proxy === undefined || (await proxy.introduce(source, session))
  }

  /** The socket is free for others afterwards. */
  #greetInClear(source: Socket, session: ClientSession): void {
    const { connection } = session
    connection.attach(source)
    session.sendInfo(this.#worker.greeting)
    connection.releaseSocket()
  }

  /** The handshake, and what comes after it. */
  async #secure(source: Socket, session: ClientSession, isFirst: boolean): Promise<void> {
    const { connection } = session
    if (endedMeanwhile(source, session)) return
    if (!source.destroyed && this.#rate?.allow() === false) {
      this.#worker.thread.inTurn(() => {
        goOnInClear(source, connection, false)
        session.violate('tlsThrottled')
      })
      return
    }
    const secure = await this.#shakeHands(source, session)
    this.#worker.thread.inTurn(() => {
      if (secure !== undefined && connection.isOpen) this.#onSecure(secure, session, isFirst)
      connection.replaceSocket(secure ?? source)
    })
  }

  /** @returns undefined when it failed: the connection has ended */
  async #shakeHands(source: Socket, session: ClientSession): Promise<TLSSocket | undefined> {
    this.#worker.log.debug(`${session.prefix}Starting TLS client connection handshake`)
    try {
      return await this.#tls.secure(source, undefined, TLS_REQUIRED)
    } catch (error) {
      source.destroy()
      this.#worker.thread.inTurn(() => this.#onFailure(error, session))
      return undefined
    }
  }

  /** Nothing is read yet: what is written now comes ahead of all answers. */
  #onSecure(secure: TLSSocket, session: ClientSession, isFirst: boolean): void {
    const facts = tlsFacts(secure, this.#tls.isVerifying)
    const { log } = this.#worker
    log.debug(`${session.prefix}TLS handshake complete`)
    log.debug(`${session.prefix}TLS version ${facts.version}, cipher suite ${facts.cipher}`)
    session.tls = facts
    session.isTlsFirst = isFirst
    // Whoever got here had no choice, whatever other clients have.
    if (isFirst) session.sendInfo({ tlsRequired: true })
    session.startTimers()
  }

  #onFailure(error: unknown, { connection, prefix }: ClientSession): void {
    if (!connection.isOpen) return
    const { log } = this.#worker
    const isQuiet = error instanceof TlsError && error.isProbe
    const why = error instanceof Error ? error.message : String(error)
    log[isQuiet ? 'debug' : 'error'](`${prefix}TLS handshake error: ${why}`)
    if (error instanceof TlsError && error.kind === 'timeout') {
      log.debug(`${prefix}TLS handshake timeout`)
    }
    connection.close('tlsHandshakeFailure')
  }
}

/** A client that waits for something else may still read this. */
const TLS_REQUIRED = errorLine(VIOLATIONS.tlsRequired.wire)

/** The server is ending: there was nothing to tell the client while it was waited for. */
function endedMeanwhile(source: Socket, { connection }: ClientSession): boolean {
  if (connection.isOpen) return false
  source.destroy()
  connection.replaceSocket(source)
  return true
}

/** What is looked at stays in the socket's buffer. */
function startsHandshake(source: Socket): boolean {
  const head = source.read() as Buffer | null
  if (head === null) return false
  source.unshift(head)
  return head[0] === HANDSHAKE_RECORD
}
