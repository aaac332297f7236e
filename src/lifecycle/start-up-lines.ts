import { PLAINTEXT_PASSWORD_WARNING } from '../auth/authenticator.ts'
import type { LogLevel } from '../base/log-line.ts'
import { NATS_VERSION, SABLE_VERSION } from '../base/version.ts'

/** A line without its time. */
export interface StartUpLine {
  readonly level: LogLevel
  readonly text: string
}

export interface StartUpFacts {
  readonly serverName: string
  readonly serverId: string
  /** Empty when the server is in no cluster. */
  readonly clusterName: string
  /** Empty when all options came from flags. */
  readonly configPath: string
  /** `sha256:…` of the configuration. */
  readonly configDigest: string
  readonly hasPlaintextPassword: boolean
  readonly maxPayloadBytes: number
}

/** Source: nats-server's warning for max_payload. */
const MAX_PAYLOAD_ADVISED_BYTES = 8 * 1024 * 1024

/**
 * What the log says first, before any listener opens. The lines and their order are nats-server's;
 * `Sable:` is our own, and `Node.js:` stands where it names its Go version.
 */
export function startUpLines(facts: StartUpFacts): StartUpLine[] {
  const lines: StartUpLine[] = [
    info('Starting nats-server'),
    info(`  Version:  ${NATS_VERSION}`),
    info(`  Sable:    ${SABLE_VERSION}`),
    info('  Git:      [not set]'),
    { level: 'debug', text: `  Node.js:  ${process.version}` },
  ]
  if (facts.clusterName !== '') lines.push(info(`  Cluster:  ${facts.clusterName}`))
  lines.push(info(`  Name:     ${facts.serverName}`), info(`  ID:       ${facts.serverId}`))
  if (facts.hasPlaintextPassword) lines.push(warn(PLAINTEXT_PASSWORD_WARNING))
  if (facts.configPath !== '') {
    lines.push(info(`Using configuration file: ${facts.configPath} (${facts.configDigest})`))
  }
  if (facts.maxPayloadBytes > MAX_PAYLOAD_ADVISED_BYTES) {
    const advice = 'are generally discouraged and could lead to poor performance'
    lines.push(warn(`Maximum payloads over 8.00 MB ${advice}`))
  }
  return lines
}

function info(text: string): StartUpLine {
  return { level: 'info', text }
}

function warn(text: string): StartUpLine {
  return { level: 'warn', text }
}
