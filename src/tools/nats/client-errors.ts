/**
 * Failures in the words of nats.go, the client behind the programs whose command lines and output
 * the tools share: scripts look for these texts.
 */
import { isIP } from 'node:net'
import type { PeerCertificate } from 'node:tls'
import { errors } from '@nats-io/transport-node'
import { ToolError } from './tool-error.ts'

const NO_SERVERS = 'nats: no servers available for connection'
export const STALE_CONNECTION = 'nats: stale connection'
/** What a disconnect is put down to when the server gave no reason. */
export const END_OF_STREAM = 'EOF'

/** Reasons of OpenSSL to refuse a server's certificate that nobody trusted vouches for. */
const UNKNOWN_AUTHORITY = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])
const TLS_CODE = /^(ERR_TLS_|ERR_SSL_|CERT_|EPROTO)/

/** What a -ERR of the server means for the connection. */
export type ServerError =
  /** The connection lives on; `text` is what its last error is now. */
  | { readonly kind: 'transient'; readonly text: string }
  /** The server is about to close the connection, and connecting again may help. */
  | { readonly kind: 'disconnect'; readonly text: string }
  /** Who we say we are is not, or no longer, accepted. */
  | { readonly kind: 'authorization'; readonly text: string }
  /** Connecting again would not help. */
  | { readonly kind: 'final'; readonly text: string }

/** -ERR texts after which the client connects again. */
const DISCONNECTS: Readonly<Record<string, string>> = {
  'stale connection': STALE_CONNECTION,
  'maximum connections exceeded': 'nats: server maximum connections exceeded',
  'maximum account active connections exceeded':
    'nats: maximum account active connections exceeded',
}

export function serverError(error: Error): ServerError {
  const { message } = error
  const lower = message.toLowerCase()
  if (error instanceof errors.PermissionViolationError) {
    return { kind: 'transient', text: permissionText(message) }
  }
  if (lower.startsWith('maximum subscriptions exceeded')) {
    return { kind: 'transient', text: 'nats: server maximum subscriptions exceeded' }
  }
  const disconnect = DISCONNECTS[lower]
  if (disconnect !== undefined) return { kind: 'disconnect', text: disconnect }
  if (isAuthorizationError(error)) return { kind: 'authorization', text: `nats: ${lower}` }
  return { kind: 'final', text: `nats: ${message}` }
}

/**
 * Why no connection could be made to `server`, the last one tried.
 *
 * @param hasAnswered whether it was a NATS server that was told who we are
 */
export function connectFailure(
  error: unknown,
  server: { readonly hostname: string; readonly port: number },
  hasAnswered: boolean,
): string {
  if (error instanceof ToolError) return error.message
  const { message, code } = failureOf(error)
  const at = `${server.hostname}:${server.port}`
  if (isRefused(error)) return NO_SERVERS
  if (error instanceof errors.TimeoutError || code === 'ETIMEDOUT') {
    // The library does not tell a connection that was closed now from one that is silent.
    if (hasAnswered) return `nats: ${at} did not accept the connection; its log may say why`
    return `dial tcp ${at}: i/o timeout`
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `dial tcp: lookup ${server.hostname}: no such host`
  }
  if (message.includes("server does not support 'tls'")) {
    return 'nats: secure connection not available'
  }
  if (message === 'unexpected response from server') {
    return 'nats: protocol exception, INFO not received'
  }
  const tls = tlsFailure(code, message)
  if (tls !== null) return `nats: tls error: ${tls}`
  if (message === '' || message.includes('undefined error')) return END_OF_STREAM
  if (code === 'ECONNRESET') return `read tcp ${at}: connection reset by peer`
  return `nats: ${message}`
}

/** Why a connection that was there once is given up. */
export function closeReason(error: Error | undefined): string {
  if (error === undefined) return '<nil>'
  if (error instanceof ToolError) return error.message
  return isAuthorizationError(error) ? `nats: ${error.message}` : NO_SERVERS
}

/** Why a request failed. */
export function requestFailure(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (cause instanceof errors.TimeoutError) return 'nats: timeout'
  if (cause instanceof errors.NoRespondersError) return 'nats: no responders available for request'
  if (cause instanceof errors.PermissionViolationError) return permissionText(cause.message)
  return useFailure(cause)
}

/** Why the client library refused a call. */
export function useFailure(error: unknown): string {
  if (error instanceof ToolError) return error.message
  if (error instanceof errors.InvalidSubjectError) return 'nats: invalid subject'
  if (error instanceof errors.ClosedConnectionError) return 'nats: connection closed'
  const { message } = failureOf(error)
  if (message.includes('max_payload')) return 'nats: maximum payload exceeded'
  if (message.startsWith('connection ')) return 'nats: connection closed'
  return `nats: ${message}`
}

/** Why a certificate that is sound is not that of `hostname`. */
export function nameFailure(hostname: string, { subjectaltname = '' }: PeerCertificate): string {
  const start = 'nats: tls error: tls: failed to verify certificate: x509:'
  const namesOf = (kind: 'DNS' | 'IP Address') =>
    [...subjectaltname.matchAll(RegExp(`${kind}:([^,]+)`, 'g'))].map(([, name]) => name).join(', ')
  if (isIP(hostname) !== 0) {
    const addresses = namesOf('IP Address')
    return addresses === ''
      ? `${start} cannot validate certificate for ${hostname} because it doesn't contain any IP SANs`
      : `${start} certificate is valid for ${addresses}, not ${hostname}`
  }
  const names = namesOf('DNS')
  return names === ''
    ? `${start} certificate is not valid for any names, but wanted to match ${hostname}`
    : `${start} certificate is valid for ${names}, not ${hostname}`
}

function permissionText(message: string): string {
  return `nats: permissions violation: ${message}`
}

function isAuthorizationError(error: Error): boolean {
  return (
    error instanceof errors.AuthorizationError ||
    error instanceof errors.UserAuthenticationExpiredError
  )
}

/** A connection nobody accepts is not worth a text of its own, as in nats.go. */
function isRefused(error: unknown): boolean {
  const { message, code } = failureOf(error)
  return code === 'ECONNREFUSED' || message === 'connection refused'
}

function tlsFailure(code: string, message: string): string | null {
  const untrusted = 'tls: failed to verify certificate: x509:'
  if (UNKNOWN_AUTHORITY.has(code)) return `${untrusted} certificate signed by unknown authority`
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return `${untrusted} certificate has expired or is not yet valid`
  }
  return TLS_CODE.test(code) ? message : null
}

function failureOf(error: unknown): { readonly message: string; readonly code: string } {
  if (!(error instanceof Error)) return { message: '', code: '' }
  const own = (error as NodeJS.ErrnoException).code
  const caused = (error.cause as NodeJS.ErrnoException | undefined)?.code
  return { message: error.message, code: own ?? caused ?? '' }
}
