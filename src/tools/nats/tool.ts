/** What the four tools have in common. */
import type { ClientEvents, ClientSettings } from './client.ts'
import type { Flags } from './flags.ts'
import type { LineLog } from './line-log.ts'
import { DEFAULT_URL } from './server-urls.ts'

/** A tool: how it is called, and what it does with what it was called with. */
export interface Tool<Of extends Flags = Flags> {
  /** What follows the name in the first line of the usage text. */
  readonly synopsis: string
  readonly flags: Of
  /** How many arguments it takes after the flags. */
  readonly argumentsMin: number
  readonly argumentsMax: number
}

/** Flags of all tools. */
export const COMMON_FLAGS = {
  s: { fallback: DEFAULT_URL, help: 'The nats server URLs (separated by comma)' },
  creds: { fallback: '', help: 'User Credentials File' },
  nkey: { fallback: '', help: 'NKey Seed File' },
  h: { fallback: false, help: 'Show help message' },
} as const satisfies Flags

/** Flags of those that also take certificates. */
export const TLS_FLAGS = {
  tlscert: { fallback: '', help: 'TLS client certificate file' },
  tlskey: { fallback: '', help: 'Private key file for client certificate' },
  tlscacert: { fallback: '', help: 'CA certificate to verify peer against' },
} as const satisfies Flags

/** Tools that end by themselves connect again as nats.go does when it is told nothing. */
export const SHORT_LIVED = { reconnectWaitMs: 2000, reconnectsMax: 60 } as const

const RECONNECT_MINUTES = 10
/** Tools that wait for messages look for the server for ten minutes, once a second. */
export const LONG_LIVED = {
  reconnectWaitMs: 1000,
  reconnectsMax: RECONNECT_MINUTES * 60,
} as const satisfies Omit<ClientSettings, 'name'>

/**
 * The lines that tools which wait for messages write about their connection.
 *
 * @param beforeReason what stands between "Disconnected due to:" and the reason
 * @param giveUp ends the tool
 */
export function connectionLines(
  log: LineLog,
  beforeReason: '' | ' ',
  giveUp: () => void,
): ClientEvents {
  return {
    onDisconnect: (reason) => {
      const plan = `will attempt reconnects for ${RECONNECT_MINUTES}m`
      log.line(`Disconnected due to:${beforeReason}${reason}, ${plan}`)
    },
    onReconnect: (url) => log.line(`Reconnected [${url}]`),
    ...errorLines(log),
    onGivenUp: (reason) => {
      log.line(`Exiting: ${reason}`)
      giveUp()
    },
  }
}

/** A line, without a time, for each error that the server reports and that ends nothing. */
export function errorLines(log: LineLog): ClientEvents {
  return { onError: (text, clientId) => log.text(`${text} on connection [${clientId}]\n`) }
}
