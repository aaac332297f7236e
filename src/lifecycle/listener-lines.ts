import { systemErrorReason } from '../base/errors.ts'
import { joinHostPort } from './ports-file.ts'
import type { StartUpLine } from './start-up-lines.ts'

/** Host as configured (not the address it stands for), port as bound. */
interface ListenerPlace {
  readonly host: string
  readonly port: number
}

export type ClientTlsWord = 'off' | 'available' | 'required' | 'handshakeFirst'

export type OpenedListener = ListenerPlace &
  (
    | {
        readonly kind: 'client'
        /** Connections may begin with a PROXY header. */
        readonly isProxied: boolean
        readonly tls: ClientTlsWord
      }
    | { readonly kind: 'monitor' | 'websocket'; readonly isTls: boolean }
    | {
        readonly kind: 'leaf'
        /** `host:port`, '' = the address listened on. */
        readonly advertise: string
        /** Some remote, or the listener, does not verify its peers. */
        readonly isInsecure: boolean
      }
    | { readonly kind: 'route' }
  )

/**
 * What the log says of a listener that is up; launchers wait for some of these. Texts:
 * nats-server's.
 */
export function listenerLines(listener: OpenedListener): StartUpLine[] {
  const { host, port } = listener
  const place = joinHostPort(host, port)
  switch (listener.kind) {
    case 'client':
      return [
        { level: 'info', text: `Listening for client connections on ${place}` },
        ...(listener.isProxied ? [PROXIED_LINE] : []),
        ...clientTlsLines(listener.tls),
      ]
    case 'monitor':
      return [
        {
          level: 'info',
          text: `Starting ${listener.isTls ? 'https' : 'http'} monitor on ${place}`,
        },
      ]
    case 'websocket': {
      // No brackets around an IPv6 host here: nats-server's way.
      const url = `${listener.isTls ? 'wss' : 'ws'}://${host}:${port}`
      const opened = { level: 'info', text: `Listening for websocket clients on ${url}` } as const
      const text = 'Websocket not configured with TLS. DO NOT USE IN PRODUCTION!'
      return listener.isTls ? [opened] : [opened, { level: 'warn', text }]
    }
    case 'leaf':
      return leafLines(place, listener)
    case 'route':
      return [{ level: 'info', text: `Listening for route connections on ${place}` }]
  }
}

const LEAF_INSECURE_WARNING =
  'TLS certificate chain and hostname of solicited leafnodes will not be verified. DO NOT USE IN PRODUCTION!'

function leafLines(
  place: string,
  { advertise, isInsecure }: { readonly advertise: string; readonly isInsecure: boolean },
): StartUpLine[] {
  const lines: StartUpLine[] = [
    { level: 'info', text: `Listening for leafnode connections on ${place}` },
  ]
  if (advertise !== '') {
    lines.push({ level: 'info', text: `Advertise address for leafnode is set to ${advertise}` })
  }
  if (isInsecure) lines.push({ level: 'warn', text: LEAF_INSECURE_WARNING })
  return lines
}

const PROXIED_LINE = {
  level: 'info',
  text: 'PROXY protocol enabled for client connections',
} as const

function clientTlsLines(tls: ClientTlsWord): StartUpLine[] {
  if (tls === 'off') return []
  const word = tls === 'available' ? 'available' : 'required'
  const lines: StartUpLine[] = [{ level: 'info', text: `TLS ${word} for client connections` }]
  if (tls === 'handshakeFirst') {
    const text = 'Clients that are not using "TLS Handshake First" option will fail to connect'
    lines.push({ level: 'warn', text })
  }
  return lines
}

/**
 * The fatal line for a listener that cannot be opened, after which the process ends with exit code
 * 1.
 *
 * @param port as asked for, 0 for a random one
 */
export function listenFailureText(
  kind: 'client' | 'monitor' | 'websocket' | 'leaf',
  host: string,
  port: number,
  error: unknown,
): string {
  const place = joinHostPort(host, port)
  const reason = `listen tcp ${place}: bind: ${systemErrorReason(error)}`
  switch (kind) {
    case 'client':
      return `Error listening on port: ${place}, "${reason}"`
    case 'monitor':
      return `Can't start monitoring: can't listen to the monitor port: ${reason}`
    case 'websocket':
      return `Unable to listen for websocket connections: ${reason}`
    case 'leaf':
      return `Error listening on leafnode port: ${port} - ${reason}`
  }
}
