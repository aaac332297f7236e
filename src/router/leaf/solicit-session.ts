import { encodeLeafConnect, type LeafConnect } from '../../protocol/connect.ts'
import { decodeInfo, encodeInfo, type ServerInfo } from '../../protocol/info.ts'
import { wantsCompression } from './compression.ts'
import { LeafPermissions, withoutEmptyAllow } from './leaf-permissions.ts'
import { isClusterNameBroken, leafFirstInfo } from './leaf-server-info.ts'
import { LeafSession } from './leaf-session.ts'
import type { LeafSessionOptions } from './leaf-session-options.ts'
import { untrustedText, wireText } from './leaf-text.ts'
import { closedStateOf, wireOf } from './leaf-violations.ts'

const CONNECT_INFO_WAIT_MS = 2000 // nats-server, not configurable there either
/**
 * TLS has a timeout of its own and files are read at once; this only bounds what should not happen.
 */
const PREPARE_WAIT_MS = 60_000

/** What this server shows to be let in. */
export type LeafCredentials = Pick<
  LeafConnect,
  'user' | 'pass' | 'authToken' | 'nkey' | 'jwt' | 'sig'
>

export type SolicitOptions = LeafSessionOptions & {
  /** Take the hub role on a link this server dialled. */
  readonly isHub: boolean
  /** Subjects that must not come in, and must not go out. */
  readonly denyImports: readonly string[]
  readonly denyExports: readonly string[]
  /** Ask the other side to keep its other leafs' interest to itself. */
  readonly requestsIsolation: boolean
  readonly firstInfoTimeoutMs: number
  /**
   * Read anew for each connection, so that files can be changed; throws or rejects when they cannot
   * be read.
   */
  readonly credentials: (nonce: string) => LeafCredentials | Promise<LeafCredentials>
  /**
   * Starts TLS if the peer's INFO or the configuration asks for it, and resolves when it stands;
   * undefined when there is nothing to wait for. When the handshake fails the owner ends the link,
   * and then resolves. Absent: TLS is not to be had on this link, or has been there from the start.
   */
  readonly startTls?: ((info: ServerInfo) => Promise<void> | undefined) | undefined
  /** A server that must not be at the other end: the one that is to be left. */
  readonly isAvoided: (serverId: string) => boolean
  /** The peer is about to end. */
  readonly onLameDuck: () => void
  /** Addresses the peer knows of, for later attempts. */
  readonly onDiscovered: (leafnodeUrls: readonly string[], wsConnectUrls: readonly string[]) => void
}

type SolicitState =
  | 'awaitInfo'
  | 'preparing'
  | 'awaitCompressedInfo'
  | 'awaitConnectInfo'
  | 'connected'

/** A link this server dialled. */
export class SolicitSession extends LeafSession {
  readonly isSolicited = true
  protected override readonly options: SolicitOptions
  #state: SolicitState = 'awaitInfo'

  constructor(options: SolicitOptions) {
    super(options)
    this.options = options
    this.#applyPermissions({})
  }

  /** To be called as soon as the connection stands. */
  start(): void {
    const { log } = this.options
    log.info(`Leafnode connection created for account: ${this.account}`)
  }

  /** The peer is to send its INFO now. */
  awaitInfo(): void {
    // It may have come already, with the end of a TLS handshake.
    if (this.#state === 'awaitInfo') this.awaitAnswer(this.options.firstInfoTimeoutMs)
  }

  /** Nobody may log in to a server that dialled out. */
  onConnect(): undefined {
    if (this.isEnded) return undefined
    this.refuse('leafNotConnected')
    return undefined
  }

  /**
   * The first INFO names the peer, the second ends the handshake, later ones tell of addresses and
   * permissions. Returns a promise while TLS or credentials are being prepared; the peer has
   * nothing to say meanwhile.
   */
  onInfo(arg: string | Uint8Array): Promise<void> | undefined {
    if (this.isEnded) return undefined
    if (this.options.log.isTracing) this.traceReceived(`INFO ${Buffer.from(arg).toString()}`)
    const decoded = decodeInfo(arg)
    if (!decoded.ok) {
      this.onBadJson('INFO', decoded)
      return undefined
    }
    const { info } = decoded
    if (isClusterNameBroken(info.cluster ?? '')) {
      this.options.log.error(wireOf('leafClusterNameSpaces'))
      this.violate('leafClusterNameSpaces')
      return undefined
    }
    if (this.#state === 'awaitInfo') return this.#onFirstInfo(info)
    if (this.#state === 'awaitCompressedInfo') return this.#logIn(info)
    this.#onLaterInfo(info)
    return undefined
  }

  get isConnected(): boolean {
    return this.#state === 'connected'
  }

  protected override get takesInterest(): boolean {
    return this.#state === 'awaitConnectInfo' || this.#state === 'connected'
  }

  protected override onHandshakeDeadline(): void {
    if (this.#state !== 'awaitConnectInfo') {
      this.end('readError')
      return
    }
    this.options.log.debug(wireOf('leafHandshakeStale'))
    this.violate('leafHandshakeStale')
  }

  #onFirstInfo(info: ServerInfo): Promise<void> | undefined {
    // Every leaf listener sends at least one of the last two; client and route listeners do not.
    const isLeafPort =
      Boolean(info.clientId) && (info.leafnodeUrls !== undefined || info.infoOnConnect === true)
    if (!isLeafPort) {
      this.options.log.error(wireOf('connectedToWrongPort'))
      this.end(closedStateOf('connectedToWrongPort'))
      return undefined
    }
    const { nowMs, startTls, isAvoided, log } = this.options
    if (isAvoided(info.serverId)) {
      log.debug('This is the server that is about to end')
      this.end('clientClosed')
      return undefined
    }
    this.#state = 'preparing'
    this.setHandshakeDeadline(nowMs() + PREPARE_WAIT_MS)
    this.#onAddresses(info)
    const secured = startTls?.(info)
    if (secured === undefined) return this.#onSecured(info)
    return secured.then(() => (this.isEnded ? undefined : this.#onSecured(info)))
  }

  /** Compression is settled first; then this server shows its credentials. */
  #onSecured(info: ServerInfo): Promise<void> | undefined {
    const { compression, baseInfo, clientId, link, firstInfoTimeoutMs } = this.options
    if (!wantsCompression(compression.mode)) {
      this.compressing.settle(
        info.compression && compression.mode === 'off' ? 'off' : 'not supported',
      )
      return this.#logIn(info)
    }
    if (!this.negotiate(info.compression ?? '')) return this.isEnded ? undefined : this.#logIn(info)
    const answer = leafFirstInfo(baseInfo, clientId, undefined, this.compressing.mode)
    link.write(wireText(encodeInfo(answer)))
    this.compressing.start()
    this.#state = 'awaitCompressedInfo'
    this.awaitAnswer(firstInfoTimeoutMs)
    return undefined
  }

  #logIn(info: ServerInfo): Promise<void> | undefined {
    const { server, isHub, nowMs } = this.options
    this.#state = 'preparing'
    this.setHandshakeDeadline(nowMs() + PREPARE_WAIT_MS)
    this.settle(peerOf(info, server.headers), !isHub, false)
    const credentials = this.#readCredentials(info)
    if (credentials instanceof Promise) return credentials
    if (credentials !== undefined) this.#sendConnect(info, credentials)
    return undefined
  }

  #readCredentials(info: ServerInfo): LeafCredentials | undefined | Promise<void> {
    try {
      const credentials = this.options.credentials(info.nonce ?? '')
      if (!(credentials instanceof Promise)) return credentials
      return credentials.then(
        (read) => this.#sendConnect(info, read),
        (error: unknown) => this.#onCredentialsFailure(error),
      )
    } catch (error) {
      this.#onCredentialsFailure(error)
      return undefined
    }
  }

  #sendConnect(info: ServerInfo, credentials: LeafCredentials): void {
    if (this.isEnded) return
    const { server, isHub, denyImports, requestsIsolation, link, log } = this.options
    const connect = encodeLeafConnect({
      ...credentials,
      version: server.version,
      serverId: server.id,
      domain: server.domain,
      name: server.name,
      isHub,
      cluster: server.cluster,
      headers: this.peer.headers,
      jetstream: server.jetstream,
      denyPub: denyImports,
      isolate: requestsIsolation,
      compressMode: this.compression,
      remoteAccount: this.account,
      protocol: server.protocol,
    })
    link.write(wireText(connect))
    log.debug('Remote leafnode connect msg sent')
    this.#state = 'awaitConnectInfo'
    this.awaitAnswer(CONNECT_INFO_WAIT_MS)
    this.binding.interest.join(this)
    if (info.infoOnConnect !== true) this.#finish()
  }

  #onLaterInfo(info: ServerInfo): void {
    // An INFO that only tells of addresses does not lift what an earlier one forbade.
    if (info.connectInfo === true || info.import !== undefined || info.export !== undefined) {
      this.#applyPermissions(info)
      if (this.#state === 'connected') this.reannounce()
    }
    if (this.#state === 'awaitConnectInfo' && info.connectInfo === true) {
      this.settle({ ...this.peer, remoteAccount: info.remoteAccount ?? '' }, this.isSpoke, false)
      this.#finish()
    } else {
      this.tellLink()
    }
    if (this.isEnded) return
    if (info.lameDuckMode === true && this.#state === 'connected') this.#onLameDuck(info)
    else this.#onAddresses(info)
  }

  #onLameDuck({ leafnodeUrls = [], wsConnectUrls = [] }: ServerInfo): void {
    const { log, onDiscovered, onLameDuck } = this.options
    // Those it told of before may be its own.
    onDiscovered(leafnodeUrls, wsConnectUrls)
    log.info('The other side is about to end: looking for another server')
    this.binding.interest.withdrawLoop(this)
    onLameDuck()
  }

  #finish(): void {
    const { log } = this.options
    if (this.binding.interest.leadsToKnownCluster(this)) {
      log.error(
        `Registering leaf with account ${this.account} resulted in error: leafnode loop detected`,
      )
      this.onLoop(true)
      return
    }
    this.#state = 'connected'
    this.establish(this.peer.domain)
  }

  #applyPermissions({
    import: imports,
    export: exports,
  }: Pick<ServerInfo, 'import' | 'export'>): void {
    const { denyImports, denyExports } = this.options
    this.permissions = new LeafPermissions(
      withoutEmptyAllow(imports),
      exports,
      denyImports,
      denyExports,
    )
  }

  #onAddresses({ leafnodeUrls, wsConnectUrls }: ServerInfo): void {
    if (leafnodeUrls === undefined && wsConnectUrls === undefined) return
    this.options.onDiscovered(leafnodeUrls ?? [], wsConnectUrls ?? [])
  }

  #onCredentialsFailure(error: unknown): void {
    if (this.isEnded) return
    const why = untrustedText(errorText(error))
    this.options.log.error(why)
    this.noteError(why)
    this.end('writeError')
  }
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function peerOf(info: ServerInfo, hasHeaders: boolean) {
  return {
    name: info.serverName || info.serverId,
    serverId: info.serverId,
    cluster: info.cluster ?? '',
    remoteAccount: '',
    domain: info.domain ?? '',
    version: '',
    headers: hasHeaders && info.headers,
    protocol: info.proto,
  }
}
