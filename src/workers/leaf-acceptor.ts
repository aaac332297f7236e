import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { MessagePort } from 'node:worker_threads'
import {
  createLeafAuthenticator,
  type LeafAuthenticator,
  type LeafVerdict,
} from '../auth/leaf-authenticator.ts'
import { adoptSocket, readSocket } from '../io/adopt-socket.ts'
import { awaitFirstBytes } from '../io/tls/first-bytes.ts'
import type { ServerTls } from '../io/tls/server-tls.ts'
import type { RelayFacts } from '../io/websocket/relay-socket.ts'
import type { ConnectOptions } from '../protocol/connect.ts'
import { AcceptSession, type LeafAdmission } from '../router/leaf/accept-session.ts'
import type { LeafConnection } from './leaf-connection.ts'
import type { LeafLinks } from './leaf-links.ts'

const NONCE_BYTES = 11

/** Takes the links that others dial: over TCP, TLS, and WebSocket. */
export class LeafAcceptor {
  readonly #links: LeafLinks
  readonly #authenticator: LeafAuthenticator
  #transports: Transports | undefined
  #tls: ServerTls | undefined

  constructor(links: LeafLinks) {
    this.#links = links
    const { authorization, leafnodes } = links.options
    const { user, pass: password, token } = authorization
    this.#authenticator = createLeafAuthenticator(
      { ...leafnodes.authorization, password: leafnodes.authorization.pass },
      { user, password, token },
      (given, hash) => links.main.verifyBcrypt(given, hash),
    )
  }

  /** Loads what the configuration asks for; to be awaited before the first link comes. */
  async prepare(): Promise<void> {
    const { leafnodes, websocket } = this.#links.options
    if (leafnodes.tls === undefined && websocket.port === 0) return
    this.#transports = await import('./leaf-transports.ts')
    if (leafnodes.tls !== undefined) this.#tls = this.#transports.createServerTls(leafnodes.tls)
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
  async #acceptSecure(link: LeafConnection, source: Socket, tls: ServerTls): Promise<void> {
    const { handshakeFirst, handshakeFirstFallbackMs: waitMs } = this.#links.options.leafnodes.tls!
    let isFirst = handshakeFirst
    if (isFirst && waitMs > 0) isFirst = (await awaitFirstBytes(source, waitMs)) !== 'silence'
    if (!link.connection.isOpen) {
      // The server has ended meanwhile.
      source.destroy()
      link.connection.replaceSocket(source)
      return
    }
    const names: { secure?: TLSSocket } = {}
    const shakeHands = async (raw: Socket) => {
      link.debug('Starting TLS leafnode server handshake')
      names.secure = await tls.secure(raw)
      return names.secure
    }
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
  acceptRelayed(port: MessagePort, facts: RelayFacts, cid: number): void {
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
    this.#start(link)
    readSocket(socket, connection)
  }

  #start(link: LeafConnection, transport: { readonly secure?: TLSSocket } = {}): void {
    const { leafnodes } = this.#links.options
    const nonce = randomBytes(NONCE_BYTES).toString('base64url')
    const session = new AcceptSession({
      ...this.#links.sessionOptions(link, leafnodes.compression, false, () => {}),
      nonce,
      authTimeoutMs: leafnodes.authorization.timeoutMs,
      minVersion: leafnodes.minVersion,
      authenticate: (connect) => this.#admit(connect, nonce, transport.secure),
    })
    link.start(session)
  }

  #namesOf(secure: TLSSocket | undefined): readonly string[] {
    return secure === undefined ? [] : (this.#transports?.certificateNames(secure) ?? [])
  }

  #admit(
    connect: ConnectOptions,
    nonce: string,
    secure: TLSSocket | undefined,
  ): LeafAdmission | Promise<LeafAdmission> {
    const { user, pass, authToken: token, nkey, sig: signature } = connect
    const isMapped = this.#links.options.leafnodes.tls?.verifyAndMap === true
    const verdict = this.#authenticator.authenticate(
      {
        user,
        pass,
        token,
        nkey,
        signature,
        certificateNames: isMapped ? this.#namesOf(secure) : undefined,
      },
      nonce,
    )
    return verdict instanceof Promise ? verdict.then(admission) : admission(verdict)
  }
}

type Transports = typeof import('./leaf-transports.ts')

function admission(verdict: LeafVerdict): LeafAdmission {
  if (verdict === 'admitted') return { ok: true }
  return { ok: false, why: verdict === 'refused' ? 'authorization' : 'proxyRequired' }
}
