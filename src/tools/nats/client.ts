/** The connection of a tool: the official client, set to what the tools promise of nats.go. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { checkServerIdentity } from 'node:tls'
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  type NatsConnection,
  type TlsOptions,
  wsconnect,
} from '@nats-io/transport-node'
import {
  closeReason,
  connectFailure,
  END_OF_STREAM,
  nameFailure,
  STALE_CONNECTION,
  serverError,
} from './client-errors.ts'
import { credentialsAuthenticator, readText, seedAuthenticator } from './credentials.ts'
import {
  hostAndPort,
  isWebSocket,
  parseServerUrls,
  redactedUrl,
  type ServerUrl,
} from './server-urls.ts'
import { ToolError } from './tool-error.ts'

/** Time for one attempt to connect, handshakes included. */
const CONNECT_MS_MAX = 2000

/** Values of the flags that say where and as whom to connect; an empty text is a flag not given. */
export interface ClientFlags {
  readonly s: string
  readonly creds: string
  readonly nkey: string
  readonly tlscert?: string
  readonly tlskey?: string
  readonly tlscacert?: string
}

export interface ClientSettings {
  readonly name: string
  readonly reconnectWaitMs: number
  /** For each server, after a connection was lost. */
  readonly reconnectsMax: number
}

/** What a tool does about the life of its connection; each may be left out. */
export interface ClientEvents {
  /** `reason` as after "Disconnected due to". */
  onDisconnect?(reason: string): void
  /** `url` without token or password. */
  onReconnect?(url: string): void
  /** -ERR of the server that leaves the connection as it is, or about who we are. */
  onError?(text: string, clientId: number): void
  /** The connection is given up; not called after close() and drain(). */
  onGivenUp?(reason: string): void
}

/** Made by `connectClient`. */
export class Client {
  readonly connection: NatsConnection
  /** What went wrong last on a connection that lives on, or null. */
  lastError: string | null = null
  readonly #servers: ServerBook
  readonly #events: ClientEvents
  #clientId = 0
  #isConnected = true
  #isClosing = false
  #disconnectReason = END_OF_STREAM
  #givenUpReason: string | null = null
  /** Servers that did not accept who we are when they were last tried. */
  readonly #refusedBy = new Set<string>()

  constructor(connection: NatsConnection, servers: ServerBook, events: ClientEvents) {
    this.connection = connection
    this.#servers = servers
    this.#events = events
    this.#clientId = connection.info?.client_id ?? 0
    void this.#watch()
    void connection.closed().then((error) => {
      if (this.#isClosing) return
      const reason = this.#givenUpReason ?? closeReason(error ?? undefined)
      this.#events.onGivenUp?.(reason)
    })
  }

  /** Waits until the server has seen all that was sent. @throws ToolError in place of lastError */
  async flushed(): Promise<void> {
    try {
      await this.connection.flush()
    } catch {
      // Lost meanwhile; that is told as an event, or is the last error.
    }
    await this.heard()
    if (this.lastError !== null) throw new ToolError(this.lastError)
  }

  /** Waits until what the server has said so far has become events and lastError. */
  async heard(): Promise<void> {
    // It is on its way to #watch() through resolved promises.
    await new Promise((resolve) => setImmediate(resolve))
  }

  async close(): Promise<void> {
    this.#isClosing = true
    await this.connection.close()
  }

  /** Lets go of the subscriptions, sends what is pending, closes. Without a connection: closes. */
  async drain(): Promise<void> {
    this.#isClosing = true
    if (!this.#isConnected) return
    const closed = this.connection.closed()
    await Promise.race([this.connection.drain(), closed])
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      switch (status.type) {
        case 'staleConnection':
          this.#disconnectReason = STALE_CONNECTION
          break
        case 'disconnect':
          this.#isConnected = false
          this.#events.onDisconnect?.(this.#disconnectReason)
          this.#disconnectReason = END_OF_STREAM
          break
        case 'reconnect':
          this.#isConnected = true
          this.#refusedBy.clear()
          this.#clientId = this.connection.info?.client_id ?? 0
          this.#events.onReconnect?.(redactedUrl(this.#servers.dialed))
          break
        case 'error':
          this.#onServerError(status.error)
          break
      }
    }
  }

  #onServerError(error: Error): void {
    const { kind, text } = serverError(error)
    if (kind === 'disconnect') {
      this.#disconnectReason = text
      return
    }
    this.lastError = text
    if (kind === 'final') this.#giveUp(text)
    else this.#events.onError?.(text, this.#clientId)
    if (kind === 'authorization' && !this.#isConnected) {
      // The second time nothing has changed: asking on would only fill the log of the server.
      const server = hostAndPort(this.#servers.dialed)
      if (this.#refusedBy.has(server)) this.#giveUp(`nats: ${error.message}`)
      this.#refusedBy.add(server)
    }
  }

  #giveUp(reason: string): void {
    this.#givenUpReason = reason
    void this.connection.close()
  }
}

/** The servers by address, with the one that was dialed last. */
class ServerBook {
  dialed: ServerUrl
  /** Whether it has said who it is and was told who we are. */
  hasAnswered = false
  readonly #known: Map<string, ServerUrl>

  constructor(urls: readonly ServerUrl[]) {
    this.dialed = urls[0]!
    this.#known = new Map(urls.map((url) => [hostAndPort(url), url]))
  }

  /** A server that others told of takes who we are from the one dialed before. */
  onDial({ hostname, port }: { readonly hostname: string; readonly port: number }): void {
    this.hasAnswered = false
    const key = hostAndPort({ hostname, port })
    this.dialed = this.#known.get(key) ?? { ...this.dialed, hostname, port }
  }
}

/** @throws ToolError if no server accepts the connection, or flags or files are wrong */
export async function connectClient(
  flags: ClientFlags,
  settings: ClientSettings,
  events: ClientEvents = {},
): Promise<Client> {
  if (flags.creds !== '' && flags.nkey !== '') throw new ToolError('specify -seed or -creds')
  const tls = tlsFromFiles(flags)
  const authenticator = authenticatorFrom(flags)
  const urls = parseServerUrls(flags.s, tls !== null)
  const servers = new ServerBook(urls)
  const isSecure = tls !== null || urls.some(({ scheme }) => scheme === 'tls')
  const options: ConnectionOptions = {
    servers: urls.map((url) =>
      isWebSocket(url) ? `${url.scheme}://${hostAndPort(url)}` : hostAndPort(url),
    ),
    name: settings.name,
    timeout: CONNECT_MS_MAX,
    reconnectTimeWait: settings.reconnectWaitMs,
    maxReconnectAttempts: settings.reconnectsMax,
    noAsyncTraces: true,
    // The library counts refusals of all servers together, and those of the first connection.
    ignoreAuthErrorAbort: true,
    authenticator: authenticatorFor(servers, authenticator),
    // The one place that tells which server is next, for the first connection too.
    reconnectToServer: (candidates) => {
      const next = candidates[0]
      if (next !== undefined) servers.onDial(next)
      return null
    },
  }
  if (isSecure && !isWebSocket(urls[0]!)) options.tls = tlsOptions(servers, tls ?? {})
  try {
    const connection = await (isWebSocket(urls[0]!) ? wsconnect(options) : connect(options))
    return new Client(connection, servers, events)
  } catch (error) {
    throw new ToolError(connectFailure(error, servers.dialed, servers.hasAnswered))
  }
}

/** The same rules as in nats.go: who the URL names goes before an nkey, a JWT is sent as well. */
function authenticatorFor(servers: ServerBook, own: OwnAuthenticator): Authenticator {
  return (nonce) => {
    servers.hasAnswered = true
    const { userInfo } = servers.dialed
    const jwt = own.kind === 'credentials' ? own.authenticate(nonce) : undefined
    if (userInfo !== null) {
      const named =
        'token' in userInfo
          ? { auth_token: userInfo.token }
          : { user: userInfo.user, pass: userInfo.password }
      return { ...jwt, ...named }
    }
    if (own.kind !== 'seed') return jwt
    if (nonce === undefined) throw new ToolError('nats: nkeys not supported by the server')
    return own.authenticate(nonce)
  }
}

type OwnAuthenticator =
  | { readonly kind: 'none' }
  | { readonly kind: 'credentials' | 'seed'; readonly authenticate: Authenticator }

function authenticatorFrom({ creds, nkey }: ClientFlags): OwnAuthenticator {
  if (creds !== '') return { kind: 'credentials', authenticate: credentialsAuthenticator(creds) }
  if (nkey !== '') return { kind: 'seed', authenticate: seedAuthenticator(nkey) }
  return { kind: 'none' }
}

/** Certificates and key of the flags, or null without such flags. @throws ToolError */
function tlsFromFiles({ tlscert = '', tlskey = '', tlscacert = '' }: ClientFlags): {
  readonly cert?: string
  readonly key?: string
  readonly ca?: string
} | null {
  const pair = tlscert !== '' && tlskey !== '' ? clientCertificate(tlscert, tlskey) : null
  if (tlscacert === '') return pair
  const ca = readText(tlscacert, 'nats: error loading or parsing rootCA file: ')
  if (!isCertificate(ca)) {
    throw new ToolError(`nats: failed to parse root certificate from ${JSON.stringify(tlscacert)}`)
  }
  return { ...pair, ca }
}

function clientCertificate(certFile: string, keyFile: string) {
  const start = 'nats: error loading client certificate: '
  const cert = readText(certFile, start)
  const key = readText(keyFile, start)
  if (!isCertificate(cert)) {
    throw new ToolError(`${start}tls: failed to find any PEM data in certificate input`)
  }
  let isPair: boolean
  try {
    isPair = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch {
    throw new ToolError(`${start}tls: failed to parse private key`)
  }
  if (!isPair) throw new ToolError(`${start}tls: private key does not match public key`)
  return { cert, key }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== null
  } catch {
    return false
  }
}

/**
 * The library has no host name to check the certificate of a server against that was given by its
 * address; we know it.
 */
function tlsOptions(servers: ServerBook, files: TlsOptions): TlsOptions {
  const check: typeof checkServerIdentity = (host, certificate) => {
    const { hostname } = servers.dialed
    const error = checkServerIdentity(host === 'localhost' ? hostname : host, certificate)
    return error === undefined ? undefined : new ToolError(nameFailure(hostname, certificate))
  }
  return Object.assign({}, files, { checkServerIdentity: check })
}
