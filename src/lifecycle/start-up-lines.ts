import { PLAINTEXT_PASSWORD_WARNING } from '../auth/authority-settings.ts'
import type { LogLevel } from '../base/log-line.ts'
import { NATS_VERSION, SABLE_VERSION } from '../base/version.ts'
import { goQuote } from '../protocol/go-quote.ts'
import type { JwtText } from '../protocol/jwt-text.ts'

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
  /** Empty outside operator mode. */
  readonly operators: readonly OperatorFacts[]
  /** Of the configuration or of the operator, not the default one. */
  readonly hasSystemAccount: boolean
  /** Those the configuration names. */
  readonly featureFlags: readonly string[]
  /** 0: not asked for. */
  readonly profPort: number
}

/** What an operator's JWT says of itself. */
export type OperatorFacts = Pick<JwtText, 'audience' | 'name' | 'issuedAt' | 'expires'>

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
  lines.push(...featureFlagLines(facts))
  if (facts.profPort !== 0) {
    lines.push(warn(`Profiling port ${facts.profPort} is not opened: only Go has such profiles`))
  }
  if (facts.hasPlaintextPassword) lines.push(warn(PLAINTEXT_PASSWORD_WARNING))
  if (facts.configPath !== '') {
    lines.push(info(`Using configuration file: ${facts.configPath} (${facts.configDigest})`))
  }
  lines.push(...operatorLines(facts))
  if (facts.maxPayloadBytes > MAX_PAYLOAD_ADVISED_BYTES) {
    const advice = 'are generally discouraged and could lead to poor performance'
    lines.push(warn(`Maximum payloads over 8.00 MB ${advice}`))
  }
  return lines
}

/** All those nats-server has concern JetStream. */
function featureFlagLines({ featureFlags }: StartUpFacts): readonly StartUpLine[] {
  if (featureFlags.length === 0) return []
  const names = [...featureFlags].sort().join(', ')
  return [
    info('  Feature flags:'),
    info('    Configured:    none'),
    info(`    Unsupported:   ${names}`),
  ]
}

function operatorLines({ operators, hasSystemAccount }: StartUpFacts): readonly StartUpLine[] {
  if (operators.length === 0) return []
  const lines = operators.flatMap(({ audience, name, issuedAt, expires }) => [
    info(`  System  : ${goQuote(audience)}`),
    info(`  Operator: ${goQuote(name)}`),
    info(`  Issued  : ${timeText(issuedAt)}`),
    info(`  Expires : ${expires === 0 ? 'Never' : timeText(expires)}`),
  ])
  const advice = hasSystemAccount ? [] : [warn('Trusted Operators should utilize a System Account')]
  return [info('Trusted Operators'), ...lines, ...advice]
}

/** A Unix time in s as Go prints it, in UTC wherever the machine is; some are beyond all dates. */
function timeText(seconds: number): string {
  const time = new Date(seconds * 1_000)
  if (Number.isNaN(time.getTime())) return String(seconds)
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`
}

function info(text: string): StartUpLine {
  return { level: 'info', text }
}

function warn(text: string): StartUpLine {
  return { level: 'warn', text }
}
