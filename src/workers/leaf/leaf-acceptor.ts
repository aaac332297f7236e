import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { MessagePort } from 'node:worker_threads'
import { credentialsOf, type LoginRequest, type TlsFacts } from '../../auth/login.ts'
import type { TlsOptions } from '../../config/option-types.ts'
import { adoptSocket, readSocket } from '../../io/adopt-socket.ts'
import { awaitFirstBytes } from '../../io/tls/first-bytes.ts'
import type { ServerTls } from '../../io/tls/server-tls.ts'
import type { ConnectOptions } from '../../protocol/connect.ts'
import { AcceptSession, type LeafAdmission } from '../../router/leaf/accept-session.ts'
import type { LeafConnection } from './leaf-connection.ts'
import type { LeafLinks } from './leaf-links.ts'
import type { RelayedLeaf } from './relayed-leaf.ts'

const NONCE_BYTES = 11

/** Takes the links that others dial: over TCP, TLS, and WebSocket. */
export class LeafAcceptor {
  readonly #links: LeafLinks
  #transports: Transports | undefined
  #tls: AcceptedTls | undefined

  constructor(links: LeafLinks) {
    this.#links = links
  }

  /** Loads what the configuration asks for; to be awaited before the first link comes. */
  async prepare(): Promise<void> {
    const { leafnodes, websocket } = this.#links.options
    if (websocket.port !== 0) this.#transports = await import('./leaf-transports.ts')
    this.#tls = (await this.loadTls(leafnodes.tls))()
  }

  /** What is needed for the files of TLS; the result throws TlsFilesError. */
  async loadTls(options: TlsOptions | undefined): Promise<() => AcceptedTls | undefined> {
    if (options === undefined) return () => undefined
    this.#transports ??= await import('./leaf-transports.ts')
    const { createServerTls } = this.#transports
    return () => ({ options, server: createServerTls(options) })
  }

  get tls(): AcceptedTls | undefined {
    return this.#tls
  }

  /** For handshakes from now on. */
  useTls(tls: AcceptedTls | undefined): void {
    this.#tls = tls
  }

  /** @throws TlsFilesError */
  reloadTls(): void {
    this.#tls?.server.reload()
  }

  /** A socket of the leaf listener, of which nothing was read yet. */
  accept(source: Socket, cid: number): void {
    const link = this.#links.isEnding ? undefined : this.#links.create(source, cid, false)
    if (link === undefined) {
      this.#links.thread.uncountConnection()
      source.destroy()
    } else if (this.#tls === undefined) {
      link.connection.attach(adoptSocket(source, link.connection))
      this.#start(link)
    } else {
      void this.#acceptSecure(link, source, this.#tls)
    }
  }

  /** INFO in clear and then TLS; or TLS at once, if the peer does not wait for INFO. */
  async #acceptSecure(link: LeafConnection, source: Socket, tls: AcceptedTls): Promise<void> {
    const { handshakeFirst, handshakeFirstFallbackMs: waitMs } = tls.options
    let isFirst = handshakeFirst
    if (isFirst && waitMs > 0) isFirst = (await awaitFirstBytes(source, waitMs)) !== 'silence'
    if (!link.connection.isOpen) {
      // The server has ended meanwhile.
      source.destroy()
      link.connection.replaceSocket(source)
      return
    }
    const names: Transport = {}
    const shakeHands = async (raw: Socket) => {
      link.debug('Starting TLS leafnode server handshake')
      names.secure = await tls.server.secure(raw)
      return names.secure
    }
    link.isTlsFirst = isFirst
    if (isFirst) {
      // What the session writes waits until there is a socket to take it.
      this.#start(link, names)
      await link.overlay(source, () => shakeHands(source))
    } else {
      link.connection.attach(adoptSocket(source, link.connection))
      this.#start(link, names)
      await link.secure(shakeHands)
    }
  }

  /** A connection of the WebSocket listener, whose protocol worker passes on its bytes. */
  acceptRelayed(port: MessagePort, facts: RelayedLeaf, cid: number): void {
    if (this.#transports === undefined) {
      port.close()
      return
    }
    const socket = new this.#transports.RelaySocket(port, facts)
    const { isEnding } = this.#links
    const link = isEnding ? undefined : this.#links.create(socket, cid, true, facts.forwardedFor)
    if (link === undefined) {
      socket.destroy()
      return
    }
    this.#links.thread.countConnection()
    const { connection } = link
    const { compress, noMasking } = facts
    const terms = { role: 'server', compress, noMasking } as const
    this.#transports.setWebsocketCodec(connection, terms, this.#links.options.maxPayload)
    connection.attach(socket)
    this.#start(link, { relayed: facts.tls })
    readSocket(socket, connection)
  }

  #start(link: LeafConnection, transport: Transport = {}): void {
    const { leafnodes } = this.#links.options
    const { security } = this.#links
    const nonce = randomBytes(NONCE_BYTES).toString('base64url')
    const global = this.#links.bindingOf(security.globalAccount)
    const session = new AcceptSession({
      ...this.#links.sessionOptions(link, leafnodes.compression, false, global, () => {
        security.logOutLeaf(link.connection.cid)
      }),
      nonce,
      authTimeoutMs: leafnodes.authorization.timeoutMs,
      minVersion: leafnodes.minVersion,
      authenticate: (connect) => this.#admit(link, connect, nonce, transport),
    })
    link.start(session)
  }

  #factsOf({ secure, relayed }: Transport): TlsFacts | undefined {
    if (relayed !== undefined) return relayed
    const { tls } = this.#links.options.leafnodes
    const isVerified = tls !== undefined && (tls.verify || tls.verifyAndMap)
    return secure && this.#transports?.tlsFacts(secure, isVerified)
  }

  async #admit(
    link: LeafConnection,
    connect: ConnectOptions,
    nonce: string,
    transport: Transport,
  ): Promise<LeafAdmission> {
    const { security, options } = this.#links
    const { connection, isWebsocket } = link
    const request: LoginRequest = {
      cid: connection.cid,
      connectionType: isWebsocket ? 'LEAFNODE_WS' : 'LEAFNODE',
      host: connection.remoteAddress,
      nonce,
      deadlineMs: Date.now() + options.leafnodes.authorization.timeoutMs,
      connect: credentialsOf(connect),
      tls: this.#factsOf(transport),
    }
    link.tls = request.tls
    link.presented = request.connect
    const answer = await security.logInLeaf(request, link)
    for (const { level, text } of answer.notices ?? []) {
      this.#links.thread.log[level](link.prefix + text)
    }
    if (!answer.ok) {
      if (answer.reason !== '') link.debug(answer.reason)
      return { ok: false, why: answer.why, log: answer.log }
    }
    return link.admit(answer.grant)
  }
}

type Transports = typeof import('./leaf-transports.ts')

/** How links that others dial are secured. */
export interface AcceptedTls {
  readonly options: TlsOptions
  readonly server: ServerTls
}

/** What came before the session. */
interface Transport {
  secure?: TLSSocket
  /** What another thread has seen of it. */
  relayed?: TlsFacts | undefined
}
