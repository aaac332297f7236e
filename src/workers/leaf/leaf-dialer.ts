import { lookup } from 'node:dns'
import { connect, type LookupFunction, type Socket } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { credentialsNotice, readCredentialsFile } from '../../auth/credentials-file.ts'
import { NkeyPair } from '../../auth/nkeys.ts'
import { timerMs } from '../../base/clock.ts'
import { systemErrorReason } from '../../base/errors.ts'
import type { RemoteOptions } from '../../config/option-types.ts'
import type { ClientTls } from '../../io/tls/client-tls.ts'
import { TlsError } from '../../io/tls/tls-error.ts'
import type { LeafRemoteReport } from '../../monitor/leaf-report.ts'
import type { ServerInfo } from '../../protocol/info.ts'
import type { LeafBinding } from '../../router/leaf/leaf-session-options.ts'
import { LeafRemote } from '../../router/leaf/remote.ts'
import { addressText, type RemoteAddress } from '../../router/leaf/remote-urls.ts'
import { type LeafCredentials, SolicitSession } from '../../router/leaf/solicit-session.ts'
import { TlsNames } from '../../router/leaf/tls-names.ts'
import type { Account } from '../accounts/account.ts'
import type { KeptRemote, LeafChanges, ReloadCounts } from '../reload/reload-types.ts'
import { faultOf } from '../reload/tls-reload.ts'
import type { LeafConnection } from './leaf-connection.ts'
import type { LeafLinks } from './leaf-links.ts'
import { LeafTransportError } from './leaf-transport-failure.ts'

const PROXY_TLS_MISMATCH =
  'TLS configuration mismatch: Hub requires TLS but leafnode remote is not configured for TLS. ' +
  'When using a proxy, ensure TLS leafnode configuration matches the Hub requirements.'

/** Dials all remotes, and keeps dialling. */
export class LeafDialer {
  readonly #links: LeafLinks
  #remotes: DialledRemote[] = []
  /** What they were made from. */
  #given: readonly RemoteOptions[] = []

  constructor(links: LeafLinks) {
    this.#links = links
  }

  start(): void {
    this.#given = this.#links.options.leafnodes.remotes
    this.#remotes = this.#given.map((options) => this.#begin(options))
  }

  #begin(options: RemoteOptions): DialledRemote {
    const remote = new DialledRemote(this.#links, options)
    remote.checkCredentials()
    if (!options.disabled) remote.start()
    return remote
  }

  /** The options of the links are others: remotes come, go, and change. */
  useOptions(changes: LeafChanges): Pick<ReloadCounts, 'linksClosed' | 'remotesStarted'> {
    const { remotes } = this.#links.options.leafnodes
    // A thread that took another one's place meanwhile has begun with these.
    const isSame = isDeepStrictEqual(remotes, this.#given)
    this.#given = remotes
    if (!isSame) return this.#change(changes)
    for (const remote of this.#remotes) remote.renewTls()
    return { linksClosed: 0, remotesStarted: 0 }
  }

  #change({
    kept,
    removed,
    added,
  }: LeafChanges): Pick<ReloadCounts, 'linksClosed' | 'remotesStarted'> {
    const before = this.#remotes
    const { remotes } = this.#links.options.leafnodes
    const after: DialledRemote[] = []
    let linksClosed = 0
    let remotesStarted = 0
    for (const index of removed) linksClosed += before[index]?.end() ?? 0
    for (const change of kept) {
      const options = remotes[change.newIndex]!
      const remote = before[change.oldIndex]!
      if (change.isDisabledChanged) {
        linksClosed += remote.end()
        after[change.newIndex] = this.#begin(options)
        if (!options.disabled) remotesStarted++
      } else {
        after[change.newIndex] = remote
        linksClosed += remote.useOptions(options, change)
      }
    }
    for (const index of added) {
      after[index] = this.#begin(remotes[index]!)
      if (!remotes[index]!.disabled) remotesStarted++
    }
    this.#remotes = after
    return { linksClosed, remotesStarted }
  }

  stop(): void {
    for (const remote of this.#remotes) remote.stop()
  }

  /** @throws TlsFilesError */
  reloadTls(): void {
    for (const remote of this.#remotes) remote.reloadTls()
  }

  report(): LeafRemoteReport[] {
    return this.#remotes.map((remote) => remote.report())
  }
}

/** One remote: how its links are made. */
class DialledRemote {
  readonly #links: LeafLinks
  #options: RemoteOptions
  readonly #remote: LeafRemote
  readonly #tlsNames = new TlsNames()
  /** Made when it is first needed: reading the roots of the system takes a while. */
  #tls: ClientTls | undefined
  /** A hub has asked for TLS: from then on there is TLS on all links of this remote. */
  #needsTls = false
  readonly #byNumber = new Map<number, LeafConnection>()

  constructor(links: LeafLinks, options: RemoteOptions) {
    this.#links = links
    this.#options = options
    const { leafnodes, connectErrorReports, reconnectErrorReports } = links.options
    this.#needsTls = options.tls !== undefined
    for (const { host } of options.urls) this.#tlsNames.see(host)
    this.#remote = new LeafRemote({
      urls: options.urls,
      noRandomize: options.noRandomize,
      ignoresDiscovered: options.ignoreDiscoveredServers,
      reconnectMs: leafnodes.reconnectMs,
      connectErrorReports,
      reconnectErrorReports,
      dial: (address, number, signal) => this.#dial(address, number, signal),
      onMoved: (from, to) => this.#onMoved(from, to),
      nowMs: () => performance.now(),
      random: Math.random,
      log: links.thread.log,
    })
  }

  start(): void {
    this.#remote.start()
    this.#schedule()
  }

  /** What is wrong with the credentials shows at the start, not only when they are refused. */
  checkCredentials(): void {
    const { credentials, account } = this.#options
    const notice = credentials === '' ? undefined : credentialsNotice(credentials, account)
    if (notice !== undefined) this.#links.thread.log[notice.level](notice.text)
  }

  stop(): void {
    this.#remote.stop()
  }

  /** For good, with its links. @returns how many those were */
  end(): number {
    this.#remote.stop()
    const links = [...this.#byNumber.values()]
    for (const link of links) link.inTurn(() => link.connection.close('clientClosed'))
    return links.length
  }

  /** @returns how many links have to be made anew */
  useOptions(
    options: RemoteOptions,
    {
      isCompressionChanged,
      isTlsChanged,
    }: Pick<KeptRemote, 'isCompressionChanged' | 'isTlsChanged'>,
  ): number {
    this.#options = options
    if (isTlsChanged) {
      this.#tls = undefined
      this.#needsTls = options.tls !== undefined
    } else {
      this.renewTls()
    }
    if (!isCompressionChanged) return 0
    const links = [...this.#byNumber.values()].filter(({ hasSession }) => hasSession)
    return links.filter((link) => this.#links.recompress(link, options.compression)).length
  }

  /** The files may be others; the main thread has found them in order. */
  renewTls(): void {
    const fault = faultOf(() => this.#tls?.reload())
    if (fault !== undefined) this.#links.thread.log.error(`TLS stays as it was: ${fault.text}`)
  }

  report(): LeafRemoteReport {
    const { state, failedAttempts, lastError } = this.#remote
    const dueMs = this.#remote.nextDeadlineMs()
    const shown = { idle: 'waiting', dialing: 'dialing', connected: 'connected' } as const
    const isOff = this.#options.disabled || state === 'stopped'
    return {
      urls: this.#remote.urls.list.map(addressText),
      account: this.#options.account,
      state: isOff ? 'disabled' : shown[state],
      link: [...this.#byNumber.values()].at(-1)?.connection.cid ?? 0,
      failedAttempts,
      lastError,
      nextAttemptMs: Number.isFinite(dueMs) ? Math.max(0, dueMs - performance.now()) : -1,
    }
  }

  #schedule(): void {
    const dueMs = this.#remote.nextDeadlineMs()
    if (this.#links.isEnding || !Number.isFinite(dueMs)) return
    this.#links.thread.deadlines.at(dueMs, () => {
      const attempt = this.#remote.onTimer(performance.now())
      if (attempt === undefined) this.#schedule()
      else void attempt.then(() => this.#schedule())
    })
  }

  // ── one attempt ───────────────────────────────────────────────────────────────────────────

  async #dial(address: RemoteAddress, number: number, signal: AbortSignal): Promise<void> {
    const account = await this.#links.security.accountFor(this.#options.account)
    if (account === undefined) {
      const name = this.#options.account
      throw new Error(`Unable to lookup account ${name} for solicited leafnode connection`)
    }
    const cid = await this.#links.security.main.takeConnectionId()
    const isWebsocket = address.scheme === 'ws' || address.scheme === 'wss'
    const isPlain = !isWebsocket && this.#options.proxy === undefined && !this.#isTlsFirst
    let link: LeafConnection | undefined
    const socket = isPlain
      ? await this.#connect(address, signal, () => link)
      : await this.#connectOrTunnel(address, signal)
    // The remote may be gone since the connection was begun.
    if (signal.aborted) {
      socket.destroy()
      throw new Error('the remote is not wanted any more')
    }
    link = this.#links.create(socket, cid, isWebsocket)
    if (link === undefined) {
      socket.destroy()
      throw new Error('shared memory is exhausted')
    }
    this.#links.thread.countConnection()
    this.#byNumber.set(number, link)
    link.bind(account)
    const session = this.#session(link, address, number, this.#links.bindingOf(account))
    if (isPlain) link.connection.attach(socket)
    link.start(session)
    this.#applyLimits(link, account)
    if (!isPlain) await this.#overlay(link, socket, address, isWebsocket)
    link.inTurn(() => session.awaitInfo())
  }

  /** Of the account; the peer is told when it has as many links as it may have. */
  #applyLimits(link: LeafConnection, account: Account): void {
    const { cid, remoteAddress } = link.connection
    const answer = this.#links.security.addDialledLeaf(cid, remoteAddress, account, link)
    if (answer.ok) link.take(answer.grant)
    else link.evict(cid, answer.why)
  }

  get #isTlsFirst(): boolean {
    return this.#options.tls?.handshakeFirst === true
  }

  get #dialTimeoutMs(): number {
    return this.#options.dialTimeoutMs || this.#links.options.leafnodes.dialTimeoutMs
  }

  async #connectOrTunnel(address: RemoteAddress, signal: AbortSignal): Promise<Socket> {
    const { proxy } = this.#options
    if (proxy === undefined) return this.#connect(address, signal)
    const { tunnelThrough } = await loadTransports()
    return tunnelThrough(proxy, address, proxy.timeoutMs || this.#dialTimeoutMs)
  }

  /** @param link its connection reads straight into shared memory; absent: nobody reads yet */
  async #connect(
    address: RemoteAddress,
    signal: AbortSignal,
    link?: () => LeafConnection | undefined,
  ): Promise<Socket> {
    const { thread } = this.#links
    const { host, port } = address
    const place = { host, port, noDelay: true, lookup: lookupShuffled }
    const socket =
      link === undefined
        ? connect(place)
        : connect({
            ...place,
            onread: {
              buffer: () => link()?.connection.readTarget() ?? thread.readView,
              callback: (bytes) => link()?.connection.onRead(bytes) ?? false,
            },
          })
    await connected(socket, address, this.#dialTimeoutMs, signal)
    return socket
  }

  /** TLS before INFO, and WebSocket. */
  async #overlay(
    link: LeafConnection,
    socket: Socket,
    address: RemoteAddress,
    isWebsocket: boolean,
  ): Promise<void> {
    const { connection } = link
    const isSecure = this.#isTlsFirst || (isWebsocket && this.#isTlsFor(address))
    await link.overlay(socket, async () => {
      const over = isSecure ? await this.#shakeHands(link, socket, address) : socket
      if (!isWebsocket) return over
      const { upgradeToWebsocket, setWebsocketCodec } = await loadTransports()
      const { wsCompression, wsNoMasking, firstInfoTimeoutMs } = this.#options
      const terms = await upgradeToWebsocket(over, {
        host: addressText(address),
        path: address.path ?? '',
        compress: wsCompression,
        noMasking: wsNoMasking,
        timeoutMs: firstInfoTimeoutMs,
      }).catch((error: Error) => {
        const text = `Error soliciting websocket connection: ${error.message}`
        throw new LeafTransportError(text, 'readError')
      })
      const { compress, noMasking, head } = terms
      const agreed = { role: 'client', compress, noMasking } as const
      setWebsocketCodec(connection, agreed, this.#links.options.maxPayload)
      if (head.length > 0) over.unshift(head)
      return over
    })
  }

  #isTlsFor({ scheme }: RemoteAddress): boolean {
    return scheme === 'wss' || this.#needsTls
  }

  reloadTls(): void {
    this.#tls?.reload()
  }

  async #shakeHands(link: LeafConnection, raw: Socket, { host }: RemoteAddress) {
    link.debug('Starting TLS leafnode client handshake')
    const { leafnodes } = this.#links.options
    const { createClientTls } = await loadTransports()
    this.#tls ??= createClientTls(this.#options.tls, leafnodes.tls?.pinnedCerts)
    try {
      return await this.#tls.secure(raw, { serverName: this.#tlsNames.nameFor(host) })
    } catch (error) {
      if (error instanceof TlsError && error.kind === 'hostname') this.#tlsNames.onMismatch(host)
      throw error
    }
  }

  /** After the first INFO, if that or the configuration asks for TLS. */
  #startTls(
    link: LeafConnection,
    address: RemoteAddress,
    { tlsRequired }: ServerInfo,
  ): Promise<void> | undefined {
    if (this.#isTlsFirst) return undefined
    const { proxy, tls } = this.#options
    const isMismatch = tlsRequired === true && proxy !== undefined && tls === undefined
    if (tlsRequired === true && !isMismatch) this.#needsTls = true
    if (!this.#needsTls && !isMismatch) return undefined
    return link
      .secure((raw) => {
        if (!isMismatch) return this.#shakeHands(link, raw, address)
        throw new LeafTransportError(PROXY_TLS_MISMATCH, 'tlsHandshakeFailure')
      })
      .then(() => {})
  }

  // ── its link ──────────────────────────────────────────────────────────────────────────────

  #session(
    link: LeafConnection,
    address: RemoteAddress,
    number: number,
    binding: LeafBinding,
  ): SolicitSession {
    const options = this.#options
    const common = this.#links.sessionOptions(
      link,
      options.compression,
      options.isolateLeafnodeInterest,
      binding,
      (end) => {
        this.#links.security.logOutLeaf(link.connection.cid)
        this.#byNumber.delete(number)
        this.#remote.onLinkEnd(number, end)
        this.#schedule()
      },
    )
    return new SolicitSession({
      ...common,
      isHub: options.hub,
      denyImports: options.denyImports,
      denyExports: options.denyExports,
      requestsIsolation: options.requestIsolation,
      firstInfoTimeoutMs: options.firstInfoTimeoutMs,
      credentials: (nonce) => this.#credentials(address, nonce),
      ...(link.isWebsocket
        ? {}
        : { startTls: (info: ServerInfo) => this.#startTls(link, address, info) }),
      onDiscovered: (leafnodeUrls, wsConnectUrls) => {
        const urls = link.isWebsocket ? wsConnectUrls : leafnodeUrls
        this.#remote.onDiscovered(urls)
        this.#seeDiscovered()
      },
      onEstablished: () => this.#remote.onEstablished(number),
      isAvoided: (serverId) => this.#isLeaving(number, serverId),
      onLameDuck: () => {
        this.#remote.onLameDuck(number)
        this.#schedule()
      },
    })
  }

  /** A configured name that turned out to be wrong stays forgotten. */
  #seeDiscovered(): void {
    const configured = this.#options.urls.map(({ host }) => host)
    for (const { host } of this.#remote.urls.list) {
      if (!configured.includes(host)) this.#tlsNames.see(host)
    }
  }

  /** Files are read anew each time, so that they can be replaced while the server runs. */
  #credentials(address: RemoteAddress, nonce: string): LeafCredentials {
    const { credentials, nkey } = this.#options
    const fromUrl = this.#remote.urls.credentials(address)
    const none = { nkey: '', jwt: '', sig: '' }
    if (credentials !== '') {
      const { jwt, keys } = readCredentialsFile(credentials)
      return { ...fromUrl, ...none, jwt, sig: keys.sign(nonce) }
    }
    if (nkey === '') return { ...fromUrl, ...none }
    const keys = NkeyPair.fromSeed(nkey)
    if (keys === undefined) throw new Error('Remote nkey has malformed seed')
    return { ...fromUrl, ...none, nkey: keys.publicKey, sig: keys.sign(nonce) }
  }

  /** Whether another link of this remote leads to the same server. */
  #isLeaving(number: number, serverId: string): boolean {
    for (const [other, link] of this.#byNumber) {
      if (other !== number && link.session.peerFacts.serverId === serverId) return true
    }
    return false
  }

  #onMoved(from: number, to: number): void {
    const successor = this.#byNumber.get(to)
    if (successor === undefined) return
    const old = this.#byNumber.get(from)
    old?.inTurn(() => old.session.retire(successor.session))
  }
}

function loadTransports() {
  return import('./leaf-transports.ts')
}

/** Of several addresses of a host each is tried; the first is left to chance, as in nats-server. */
const lookupShuffled: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const at = Math.floor(Math.random() * (addresses?.length ?? 0))
    const shuffled = [...(addresses ?? []).slice(at), ...(addresses ?? []).slice(0, at)]
    if (error === null && options.all !== true) {
      callback(null, shuffled[0]!.address, shuffled[0]!.family)
    } else {
      callback(error, shuffled)
    }
  })
}

/** As Go puts it. */
function dialErrorText(error: unknown, address: RemoteAddress): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  const { syscall, address: host } = first as NodeJS.ErrnoException & { address?: string }
  if (syscall === 'getaddrinfo') return `lookup ${address.host}: no such host`
  const place = addressText(host === undefined ? address : { ...address, host })
  return `dial tcp ${place}: connect: ${systemErrorReason(first)}`
}

/** Resolves when the connection stands; rejects with the text that the log shows. */
function connected(
  socket: Socket,
  address: RemoteAddress,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (text: string) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      reject(new Error(text))
    }
    const dial = `dial tcp ${addressText(address)}`
    const timer = setTimeout(() => fail(`${dial}: i/o timeout`), timerMs(timeoutMs))
    const onAbort = () => fail(`${dial}: operation was canceled`)
    signal.addEventListener('abort', onAbort, { once: true })
    socket.once('error', (error) => fail(dialErrorText(error, address)))
    socket.once('connect', () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      socket.removeAllListeners('error')
      // Until somebody else listens: what lies over it is loaded late.
      socket.on('error', ignoreError)
      resolve()
    })
  })
}

function ignoreError(): void {}
