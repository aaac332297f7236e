import { CONNECT_DEFAULTS, type ConnectOptions, decodeConnect } from '../../protocol/connect.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import { decodeInfo, encodeInfo, type ServerInfo } from '../../protocol/info.ts'
import { redactConnect } from '../../protocol/redact-connect.ts'
import {
  leafGatewayText,
  leafMinimumVersionText,
  type ViolationName,
} from '../../protocol/violations.ts'
import { wantsCompression } from './compression.ts'
import { LeafPermissions, withoutEmptyAllow } from './leaf-permissions.ts'
import { isClusterNameBroken, leafConnectInfo, leafFirstInfo } from './leaf-server-info.ts'
import { LeafSession } from './leaf-session.ts'
import type { LeafBinding, LeafSessionOptions } from './leaf-session-options.ts'
import { untrustedText, wireText } from './leaf-text.ts'
import type { SubjectPermission } from './leaf-types.ts'
import { wireOf } from './leaf-violations.ts'
import { isVersionAtLeast } from './version-order.ts'

const LETTER_I = 0x49
const LETTER_I_SMALL = 0x69

/** The answer to a leaf's credentials. */
export type LeafAdmission =
  | {
      readonly ok: true
      /** What the leaf's user may publish and subscribe; undefined = anything. */
      readonly publish?: SubjectPermission | undefined
      readonly subscribe?: SubjectPermission | undefined
      /** Undefined: that of the options. */
      readonly binding?: LeafBinding | undefined
    }
  | {
      readonly ok: false
      readonly why: ViolationName
      /** For the log; absent: who it was. */
      readonly log?: string | undefined
    }

export type AcceptOptions = LeafSessionOptions & {
  /** Fresh for each connection. */
  readonly nonce: string
  /** From start to CONNECT. */
  readonly authTimeoutMs: number
  /** Smallest server version let in; '' = any. */
  readonly minVersion: string
  readonly authenticate: (
    connect: ConnectOptions,
    nonce: string,
  ) => LeafAdmission | Promise<LeafAdmission>
}

type AcceptState = 'awaitConnect' | 'authenticating' | 'connected'

/** A link that was dialled by the other server. */
export class AcceptSession extends LeafSession {
  readonly isSolicited = false
  protected override readonly options: AcceptOptions
  #state: AcceptState = 'awaitConnect'
  /** The peer may ask for compression first, by an INFO of its own. */
  #mayNegotiate: boolean

  constructor(options: AcceptOptions) {
    super(options)
    this.options = options
    this.#mayNegotiate = wantsCompression(options.compression.mode)
  }

  /** Sends the first INFO. */
  start(): void {
    this.options.log.info('Leafnode connection created')
    this.#awaitConnect(this.options.compression.mode)
  }

  #awaitConnect(compression: string): void {
    const { baseInfo, clientId, nonce, link, authTimeoutMs } = this.options
    this.awaitAnswer(authTimeoutMs)
    link.write(wireText(encodeInfo(leafFirstInfo(baseInfo, clientId, nonce, compression))))
  }

  /** True when nothing but CONNECT may come: anything else is an authorization violation. */
  get awaitsConnect(): boolean {
    return this.#state === 'awaitConnect' && !this.#mayNegotiate
  }

  /** As `awaitsConnect`; where INFO may come as well, its first letter makes the difference. */
  awaitsConnectInPlaceOf(firstByte: number | undefined): boolean {
    const isInfo = firstByte === LETTER_I || firstByte === LETTER_I_SMALL
    return this.awaitsConnect || (this.#state === 'awaitConnect' && !isInfo)
  }

  /** Messages of a peer that is not let in yet go nowhere. */
  get isConnected(): boolean {
    return this.#state === 'connected'
  }

  onAuthorizationViolation(): void {
    this.#refuseUser(CONNECT_DEFAULTS)
  }

  override onPing(): void {
    if (this.isConnected) super.onPing()
    else this.onAuthorizationViolation()
  }

  override onUnknownOperation(snippet: string): void {
    if (this.isConnected) super.onUnknownOperation(snippet)
    else this.onAuthorizationViolation()
  }

  onConnect(arg: string | Uint8Array): Promise<void> | undefined {
    if (this.isEnded) return undefined
    if (this.options.log.isTracing) {
      this.traceReceived(`CONNECT ${redactConnect(Buffer.from(arg).toString())}`)
    }
    const decoded = decodeConnect(arg, CONNECT_DEFAULTS, 'leaf')
    if (!decoded.ok) {
      this.onBadJson('CONNECT', decoded)
      return undefined
    }
    const connect = decoded.options
    if (connect.account !== '' || connect.newAccount) {
      this.#refuseUser(connect)
      return undefined
    }
    this.#state = 'authenticating'
    this.#mayNegotiate = false
    const { compressMode } = connect
    const knows = compressMode !== '' && compressMode !== 'not supported'
    this.compressing.settle(knows ? 'off' : 'not supported')
    const onFailure = (error: unknown) => this.#onAuthenticationFailure(connect, error)
    try {
      const admission = this.options.authenticate(connect, this.options.nonce)
      if (admission instanceof Promise) {
        return admission.then((answer) => this.#onAdmission(connect, answer), onFailure)
      }
      this.#onAdmission(connect, admission)
    } catch (error) {
      onFailure(error)
    }
    return undefined
  }

  #onAuthenticationFailure(connect: ConnectOptions, error: unknown): void {
    if (this.isEnded) return
    this.options.log.error(`authentication could not be checked: ${untrustedText(String(error))}`)
    this.#refuseUser(connect)
  }

  /**
   * Servers that dial also pass on what they learn of their own cluster, and want to settle on a
   * compression. Nothing in it concerns us: what the peer is was said in CONNECT, and permissions
   * are not for it to give.
   */
  onInfo(arg: string | Uint8Array): undefined {
    if (this.isEnded) return
    if (this.#state !== 'connected' && !this.#mayNegotiate) {
      this.onAuthorizationViolation()
      return
    }
    const decoded = decodeInfo(arg)
    if (!decoded.ok) this.onBadJson('INFO', decoded)
    else if (this.#mayNegotiate) this.#onCompressionInfo(decoded.info)
    else if (decoded.info.connectInfo === true) this.refuse('leafNotConnected')
    else this.#checkClusterName(decoded.info.cluster ?? '')
  }

  #onCompressionInfo({ compression }: ServerInfo): void {
    this.#mayNegotiate = false
    if (this.negotiate(compression ?? '')) {
      this.compressing.start()
      this.#awaitConnect(this.compressing.mode)
    } else if (!this.isEnded) {
      this.setHandshakeDeadline(this.options.nowMs() + this.options.authTimeoutMs)
    }
  }

  /** This server is about to end; servers that do not know of `ldm` pass over it. */
  tellLameDuck(): void {
    if (this.isEnded || this.#state !== 'connected') return
    const { baseInfo, clientId, link } = this.options
    // No addresses: the only one this server knows is its own.
    const info = { ...baseInfo, clientId, leafnodeUrls: [], lameDuckMode: true }
    link.write(wireText(encodeInfo(info)))
  }

  protected override get takesInterest(): boolean {
    return this.#state === 'connected'
  }

  protected override onHandshakeDeadline(): void {
    this.options.log.debug(wireOf('authenticationTimeout'))
    this.violate('authenticationTimeout')
  }

  #onAdmission(connect: ConnectOptions, admission: LeafAdmission): void {
    if (this.isEnded) return
    if (!admission.ok) {
      if (admission.why === 'maxAccountConnections') {
        this.refuse(admission.why)
      } else if (admission.why === 'authorization' && admission.log === undefined) {
        this.#refuseUser(connect)
      } else {
        if (admission.log) this.options.log.error(untrustedText(admission.log))
        this.violate(admission.why)
      }
      return
    }
    if (!this.#isAcceptable(connect)) return
    const { server, log } = this.options
    this.#state = 'connected'
    // CONNECT may be repeated, and the peer be another one now: interest passed on must be taken
    // back as what it was.
    this.forget()
    const { publish, binding } = admission
    const subscribe = withoutEmptyAllow(admission.subscribe)
    if (binding !== undefined) this.binding = binding
    this.permissions = new LeafPermissions(publish, subscribe, [], connect.denyPub)
    const peer = { ...connect, headers: server.headers && connect.headers }
    this.settle(pickPeer(peer), connect.isHub, connect.isolate)
    const older = this.binding.interest.join(this)
    if (older !== undefined) {
      // Of two servers with one name each would replace the other for ever: the log shows it.
      log.warn(
        `Replacing connection from same server - Old:${older.peerPlace} New:${this.peerPlace}`,
      )
    }
    this.#sendConnectInfo(subscribe, publish)
    this.establish(connect.domain)
  }

  #sendConnectInfo(
    subscribe: SubjectPermission | undefined,
    publish: SubjectPermission | undefined,
  ): void {
    const { baseInfo, clientId, link } = this.options
    const info = leafConnectInfo(baseInfo, clientId, this.account, subscribe, publish)
    link.write(wireText(encodeInfo(info)))
  }

  #isAcceptable(connect: ConnectOptions): boolean {
    const { server, minVersion, log } = this.options
    if (connect.lang !== '') {
      this.refuse('connectedToLeafNodePort')
      return false
    }
    if (connect.gateway !== '') {
      const text = leafGatewayText(untrustedText(connect.gateway))
      log.error(text)
      this.violate('leafGateway', text)
      return false
    }
    if (minVersion !== '' && !isVersionAtLeast(connect.version, minVersion)) {
      // Only who has got this INFO knows what the error is about.
      this.#sendConnectInfo(undefined, undefined)
      this.refuse('leafMinimumVersion', leafMinimumVersionText(minVersion))
      return false
    }
    if (!this.#checkClusterName(connect.cluster)) return false
    if (connect.cluster !== '' && connect.cluster === server.cluster) {
      this.refuse('leafSameClusterName')
      return false
    }
    return true
  }

  #checkClusterName(cluster: string): boolean {
    if (!isClusterNameBroken(cluster)) return true
    this.refuse('leafClusterNameSpaces')
    return false
  }

  #refuseUser(connect: ConnectOptions): void {
    if (this.isEnded) return
    const user = connect.nkey
      ? ` - Nkey ${goQuote(connect.nkey)}`
      : connect.user && ` - User ${goQuote(connect.user)}`
    this.options.log.error(untrustedText(`authentication error${user}`))
    this.violate('authorization')
  }
}

function pickPeer(connect: ConnectOptions) {
  const { name, serverId, cluster, remoteAccount, domain, version, headers, protocol } = connect
  const facts = { serverId, cluster, remoteAccount, domain, version, headers, protocol }
  return { name: name || serverId, ...facts }
}
