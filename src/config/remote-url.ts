import { parseGoUrl } from './go-url.ts'

/** Where a leafnode remote dials, and with which credentials. */
export interface RemoteUrl {
  /** Lower case; empty when the address named none. */
  readonly scheme: string
  readonly host: string
  readonly port: number
  /** Still escaped, from its slash on; empty when there is none. Only WebSocket asks for it. */
  readonly path: string
  readonly user?: string
  readonly pass?: string
  /** User information without a password is a token. */
  readonly token?: string
}

const LEAFNODE_PORT = 7422 // nats-server DEFAULT_LEAFNODE_PORT

/**
 * Parses the address of a remote by the rules of Go's net/url, as nats-server does. Undefined when
 * it is no URL.
 *
 * Go takes some things for URLs that name no host (`localhost:7422`, `/path`); dialling them
 * reaches the machine itself, so host is then `localhost`.
 */
export function parseRemoteUrl(text: string): RemoteUrl | undefined {
  const parsed = parseGoUrl(text.trim())
  if ('error' in parsed) return undefined
  const { scheme, host, port, userInfo } = parsed
  const path = parsed.path.startsWith('/') ? parsed.path : ''
  const url = { scheme, host: host || 'localhost', port: port ?? LEAFNODE_PORT, path }
  if (userInfo === undefined) return url
  const { user, pass } = userInfo
  if (pass !== undefined) return { ...url, user, pass }
  return user === '' ? url : { ...url, token: user }
}

/** Schemes are free and say nothing, except that those which begin with `ws` mean WebSocket. */
export function isWebsocketUrl({ scheme }: Pick<RemoteUrl, 'scheme'>): boolean {
  return scheme.startsWith('ws')
}

/** WebSocket over TLS, whatever the `tls` block says. */
export function isSecureWebsocketUrl({ scheme }: Pick<RemoteUrl, 'scheme'>): boolean {
  return scheme.startsWith('wss')
}

const HIDDEN = 'xxxxx'

/** For messages: passwords and tokens are masked. */
export function redactUrl(text: string): string {
  return text.replace(
    /^([^/]*\/\/)([^/?#:]*)(:?)[^/?#]*@/,
    (_, start: string, user: string, colon: string) =>
      colon === '' ? `${start}${HIDDEN}@` : `${start}${user}:${HIDDEN}@`,
  )
}

/** The URL as text, with its port. */
export function remoteUrlText(url: RemoteUrl, { isRedacted }: { isRedacted: boolean }): string {
  const { scheme, host, port, path, user, pass, token } = url
  const secret = (text: string) => (isRedacted ? HIDDEN : escapeUserInfo(text))
  let userInfo = ''
  if (user !== undefined) userInfo = `${escapeUserInfo(user)}:${secret(pass ?? '')}@`
  else if (token !== undefined) userInfo = `${secret(token)}@`
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  return `${scheme === '' ? '' : `${scheme}:`}//${userInfo}${address}${path}`
}

function escapeUserInfo(text: string): string {
  return encodeURIComponent(text)
    .replace(/%(?:24|26|2B|2C|3B|3D)/g, decodeURIComponent)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}
