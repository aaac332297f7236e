import { encodeLeafConnect, type LeafConnect } from '../../protocol/connect.ts'
import { decodeInfo, type ServerInfo } from '../../protocol/info.ts'
import { LeafPermissions } from './leaf-permissions.ts'
import { isClusterNameBroken } from './leaf-server-info.ts'
import { LeafSession, type LeafSessionOptions } from './leaf-session.ts'
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
   * Starts TLS if the peer's INFO or the configuration asks for it, and resolves when it stands.
   * Absent = there is no TLS, and a peer that requires it is refused.
   */
  readonly startTls?: ((info: ServerInfo) => Promise<void> | undefined) | undefined
  /** Addresses the peer knows of, for later attempts. */
  readonly onDiscovered: (leafnodeUrls: readonly string[], wsConnectUrls: readonly string[]) => void
}

type SolicitState = 'awaitInfo' | 'preparing' | 'awaitConnectInfo' | 'connected'

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
    const { log, server, nowMs, firstInfoTimeoutMs } = this.options
    log.info(`Leafnode connection created for account: ${server.account}`)
    this.setHandshakeDeadline(nowMs() + firstInfoTimeoutMs)
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
    this.#onLaterInfo(info)
    return undefined
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
    this.#state = 'preparing'
    const { server, isHub, nowMs } = this.options
    this.setHandshakeDeadline(nowMs() + PREPARE_WAIT_MS)
    this.settle(peerOf(info, server.headers), !isHub, false)
    this.#onAddresses(info)
    const prepared = this.#prepare(info)
    if (prepared instanceof Promise) return prepared
    if (prepared !== undefined) this.#sendConnect(info, prepared)
    return undefined
  }

  /**
   * TLS, then credentials. Synchronous when neither needs to wait; undefined = the link has been
   * given up.
   */
  #prepare(info: ServerInfo): LeafCredentials | undefined | Promise<void> {
    const { startTls } = this.options
    if (startTls === undefined && info.tlsRequired === true) {
      this.#onTlsFailure('the peer requires TLS')
      return undefined
    }
    const secured = startTls?.(info)
    if (secured === undefined) return this.#readCredentials(info)
    return secured.then(
      () => {
        if (this.isEnded) return undefined
        const credentials = this.#readCredentials(info)
        if (credentials instanceof Promise) return credentials
        if (credentials !== undefined) this.#sendConnect(info, credentials)
        return undefined
      },
      (error: unknown) => this.#onTlsFailure(errorText(error)),
    )
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
    const {
      server,
      isHub,
      denyImports,
      requestsIsolation,
      compression,
      link,
      log,
      interest,
      nowMs,
    } = this.options
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
      // A peer that does not name a compression knows of none.
      compressMode: info.compression ? compression : 'not supported',
      remoteAccount: server.account,
      protocol: server.protocol,
    })
    link.write(wireText(connect))
    log.debug('Remote leafnode connect msg sent')
    this.#state = 'awaitConnectInfo'
    this.setHandshakeDeadline(nowMs() + CONNECT_INFO_WAIT_MS)
    interest.join(this)
    if (info.infoOnConnect !== true) this.#finish()
  }

  #onLaterInfo(info: ServerInfo): void {
    // An INFO that only tells of addresses does not lift what an earlier one forbade.
    if (info.connectInfo === true || info.import !== undefined || info.export !== undefined) {
      this.#applyPermissions(info)
    }
    if (this.#state === 'awaitConnectInfo' && info.connectInfo === true) {
      this.settle({ ...this.peer, remoteAccount: info.remoteAccount ?? '' }, this.isSpoke, false)
      this.#finish()
    } else {
      this.tellLink()
    }
    if (!this.isEnded) this.#onAddresses(info)
  }

  #finish(): void {
    const { interest, log, server } = this.options
    if (interest.leadsToKnownCluster(this)) {
      log.error(
        `Registering leaf with account ${server.account} resulted in error: leafnode loop detected`,
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
    this.permissions = new LeafPermissions(imports, exports, denyImports, denyExports)
  }

  #onAddresses({ leafnodeUrls, wsConnectUrls }: ServerInfo): void {
    if (leafnodeUrls === undefined && wsConnectUrls === undefined) return
    this.options.onDiscovered(leafnodeUrls ?? [], wsConnectUrls ?? [])
  }

  #onTlsFailure(why: string): void {
    if (this.isEnded) return
    this.options.log.error(`TLS leafnode handshake error: ${untrustedText(why)}`)
    this.end('tlsHandshakeFailure')
  }

  #onCredentialsFailure(error: unknown): void {
    if (this.isEnded) return
    this.options.log.error(untrustedText(errorText(error)))
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
    headers: hasHeaders && info.headers,
    protocol: info.proto,
  }
}
