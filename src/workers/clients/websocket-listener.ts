import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { MessageChannel } from 'node:worker_threads'
import type { TlsFacts } from '../../auth/login.ts'
import { plainAddress } from '../../base/addresses.ts'
import type { Deadline } from '../../io/deadlines.ts'
import { createServerTls, type ServerTls } from '../../io/tls/server-tls.ts'
import { relaySocket } from '../../io/websocket/relay-socket.ts'
import { type UpgradedSocket, UpgradeServer } from '../../io/websocket/upgrade-server.ts'
import { WebsocketCodec } from '../../io/websocket/websocket-codec.ts'
import { messageLimits, type WebsocketTerms } from '../../io/websocket/websocket-terms.ts'
import { allowedOrigins } from '../../protocol/websocket/origin.ts'
import { responseHeaderLines } from '../../protocol/websocket/upgrade-request.ts'
import type { ProtocolWorker } from '../protocol-worker-role.ts'
import { tlsFacts } from './tls-facts.ts'

/** An accepted socket until it has shown what it is. */
interface Handshake {
  /** The one being read: that which was accepted, or the TLS socket over it. */
  socket: Socket
  readonly cid: number
  readonly isRefused: boolean
  deadline: Deadline | undefined
  onLost: () => void
}

/**
 * Sockets of the WebSocket listener on their protocol worker: TLS, then HTTP; then a client is
 * opened here, while the bytes of a leaf go to the routing worker.
 *
 * The main thread has counted each socket as a connection of this thread. A client's is taken off
 * the count when its Connection ends, all others here.
 */
export class WebsocketListener {
  readonly #worker: ProtocolWorker
  readonly #server: UpgradeServer
  #tls: ServerTls | undefined
  readonly #handshakes = new Map<Socket, Handshake>()
  /** There are few different ones, but very many connections. */
  readonly #terms = new Map<string, WebsocketTerms>()

  /** @throws TlsFilesError */
  constructor(worker: ProtocolWorker) {
    this.#worker = worker
    const { websocket } = worker.options
    this.#tls = websocket.tls && createServerTls(websocket.tls)
    this.#server = new UpgradeServer({
      policy: {
        isTls: this.#tls !== undefined,
        compression: websocket.compression,
        sameOrigin: websocket.sameOrigin,
        allowed: allowedOrigins(websocket.allowedOrigins),
        responseHeaders: responseHeaderLines(websocket.headers),
      },
      cookieNames: websocket,
      onUpgraded: (socket, upgraded) => this.#onUpgraded(socket, upgraded),
      onRefused: (socket, reason) => {
        worker.log.error(`${remoteOf(socket)} - websocket handshake error: ${reason}`)
      },
    })
  }

  /** @throws TlsFilesError; the certificates stay what they were */
  reloadTls(): void {
    this.#tls?.reload()
  }

  /** After a reload of the configuration: for connections from now on. */
  useSettings(tls: ServerTls | undefined): void {
    if (tls !== undefined) this.#tls = tls
    this.#terms.clear()
  }

  accept(source: Socket, cid: number, isRefused: boolean): void {
    const { deadlines } = this.#worker.thread
    const { handshakeTimeoutMs } = this.#worker.options.websocket
    const handshake: Handshake = {
      socket: source,
      cid,
      isRefused,
      deadline: undefined,
      onLost: () => this.#onLost(handshake),
    }
    if (handshakeTimeoutMs > 0) {
      handshake.deadline = deadlines.after(handshakeTimeoutMs, () => handshake.socket.destroy())
    }
    this.#watch(handshake, source)
    if (this.#tls === undefined) this.#server.take(source)
    else void this.#secure(this.#tls, handshake)
  }

  #watch(handshake: Handshake, socket: Socket): void {
    handshake.socket = socket
    this.#handshakes.set(socket, handshake)
    socket.on('error', ignoreError)
    socket.on('close', handshake.onLost)
  }

  /** @returns undefined when the handshake has failed meanwhile */
  #unwatch(socket: Socket): Handshake | undefined {
    const handshake = this.#handshakes.get(socket)
    if (handshake !== undefined) socket.off('close', handshake.onLost)
    this.#handshakes.delete(socket)
    return handshake
  }

  #onLost({ socket, deadline }: Handshake): void {
    deadline?.cancel()
    if (this.#handshakes.delete(socket)) this.#worker.thread.uncountConnection()
  }

  async #secure(tls: ServerTls, handshake: Handshake): Promise<void> {
    const source = handshake.socket
    const remote = remoteOf(source)
    try {
      const socket = await tls.secure(source)
      if (this.#unwatch(source) === undefined) {
        socket.destroy()
        return
      }
      this.#watch(handshake, socket)
      this.#server.take(socket)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.#worker.log.error(`websocket: TLS handshake error from ${remote}: ${why}`)
    }
  }

  #onUpgraded(socket: Socket, upgraded: UpgradedSocket): void {
    const handshake = this.#unwatch(socket)
    if (handshake === undefined) {
      socket.destroy()
      return
    }
    handshake.deadline?.cancel()
    if (upgraded.kind === 'leaf') {
      this.#relay(socket, handshake.cid, upgraded)
      return
    }
    socket.off('error', ignoreError)
    const terms = this.#termsFor(upgraded)
    const tls = this.#tlsFacts(socket)
    this.#worker.openWebsocket(socket, handshake, { ...upgraded, tls }, (connection) =>
      connection.setCodec(new WebsocketCodec(connection, terms)),
    )
  }

  #tlsFacts(socket: Socket): TlsFacts | undefined {
    if (!(socket instanceof TLSSocket)) return undefined
    return tlsFacts(socket, this.#tls?.isVerifying === true)
  }

  #termsFor({ compress, noMasking, browser }: UpgradedSocket): WebsocketTerms {
    const key = `${compress} ${noMasking} ${browser}`
    let terms = this.#terms.get(key)
    if (terms === undefined) {
      const limits = messageLimits(this.#worker.options.maxPayload)
      terms = { role: 'server', compress, noMasking, browser, ...limits }
      this.#terms.set(key, terms)
    }
    return terms
  }

  /** Leaf links live on the routing worker, and a socket that was read from cannot go there. */
  #relay(socket: Socket, cid: number, upgraded: UpgradedSocket): void {
    const { log, options } = this.#worker
    if (options.leafnodes.port === 0) {
      log.error('Not configured to accept leaf node connections')
      socket.destroySoon()
      this.#worker.thread.uncountConnection()
      return
    }
    const { compress, noMasking, forwardedIp } = upgraded
    const facts = {
      remoteAddress: plainAddress(socket.remoteAddress),
      remotePort: socket.remotePort ?? 0,
      compress,
      noMasking,
      isTls: this.#tls !== undefined,
      tls: this.#tlsFacts(socket),
      ...(forwardedIp === '' ? {} : { forwardedFor: forwardedIp }),
    }
    const { port1, port2 } = new MessageChannel()
    // max_connections is about clients.
    this.#worker.thread.uncountConnection()
    relaySocket(socket, new Uint8Array(0), port1)
    this.#worker.thread.post({ type: 'relayLeaf', port: port2, facts, cid }, [port2])
  }

  /** Sockets that have not shown what they are. */
  closeAll(): void {
    for (const socket of this.#handshakes.keys()) socket.destroy()
  }
}

function ignoreError(): void {}

function remoteOf({ remoteAddress, remotePort: port = 0 }: Socket): string {
  const host = plainAddress(remoteAddress)
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
