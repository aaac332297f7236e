import type { ClosedState } from './closed-states.ts'
import { goQuote } from './go-quote.ts'

/**
 * One entry for each thing a peer can be told is wrong, for all three audiences: `code` for our
 * log, `wire` for the peer, `closedState` for the monitor. Clients compare the wire texts, some of
 * them letter by letter.
 *
 * wire: the text between the quotes of -ERR; null = nothing is sent. Where a text goes on with
 * names, `wire` is its fixed beginning (enough to recognise it in a line received) and a function
 * below builds the whole.
 */
export type Violation = {
  readonly code: string
  readonly wire: string | null
  readonly closedState: ClosedState | null
  readonly closes: boolean
}

function closing<W extends string | null, S extends ClosedState>(
  code: string,
  wire: W,
  closedState: S,
) {
  return { code, wire, closedState, closes: true } as const
}

function warning<W extends string>(code: string, wire: W) {
  return { code, wire, closedState: null, closes: false } as const
}

export const VIOLATIONS = {
  // Found by the parser.
  unknownProtocolOperation: closing(
    'BRK_UNKNOWN_OPERATION',
    'Unknown Protocol Operation',
    'protocolViolation',
  ),
  controlLineExceeded: closing(
    'BRK_CONTROL_LINE',
    'maximum control line exceeded',
    'maxControlLineExceeded',
  ),
  maxPayload: closing('BRK_MAX_PAYLOAD', 'Maximum Payload Violation', 'maxPayloadExceeded'),
  badArguments: closing('BRK_BAD_ARGUMENTS', null, 'protocolViolation'),
  headersNotSupported: closing('BRK_HEADERS_NOT_SUPPORTED', null, 'protocolViolation'),
  peerError: closing('BRK_PEER_ERROR', null, 'parseError'),

  // CONNECT, authentication, limits of an account.
  authorization: closing('BRK_AUTHORIZATION', 'Authorization Violation', 'authenticationFailure'),
  proxyNotTrusted: closing('BRK_PROXY_NOT_TRUSTED', 'Authorization Violation', 'proxyNotTrusted'),
  proxyRequired: closing('BRK_PROXY_REQUIRED', 'Authorization Violation', 'proxyRequired'),
  authenticationTimeout: closing(
    'BRK_AUTHENTICATION_TIMEOUT',
    'Authentication Timeout',
    'authenticationTimeout',
  ),
  userExpired: closing('BRK_USER_EXPIRED', 'User Authentication Expired', 'authenticationExpired'),
  accountExpired: closing(
    'BRK_ACCOUNT_EXPIRED',
    'Account Authentication Expired',
    'authenticationExpired',
  ),
  userRevoked: closing('BRK_USER_REVOKED', 'User Authentication Revoked', 'credentialsRevoked'),
  /** The user is gone, or in another account, since the configuration was reloaded. */
  userMoved: closing('BRK_USER_MOVED', null, 'clientClosed'),
  /** The key that signed for the user is no longer one of the account's. */
  signerGone: closing('BRK_SIGNER_GONE', null, 'authenticationFailure'),
  accountRegistration: warning('BRK_ACCOUNT_REGISTRATION', 'Failed Account Registration'),
  maxConnections: closing(
    'BRK_MAX_CONNECTIONS',
    'maximum connections exceeded',
    'maxConnectionsExceeded',
  ),
  maxAccountConnections: closing(
    'BRK_MAX_ACCOUNT_CONNECTIONS',
    'maximum account active connections exceeded',
    'maxAccountConnectionsExceeded',
  ),
  clientProtocol: closing(
    'BRK_CLIENT_PROTOCOL',
    'invalid client protocol',
    'badClientProtocolVersion',
  ),
  noRespondersRequiresHeaders: closing(
    'BRK_NO_RESPONDERS_REQUIRES_HEADERS',
    'no responders requires headers support',
    'noRespondersRequiresHeaders',
  ),
  tlsRequired: closing(
    'BRK_TLS_REQUIRED',
    'Secure Connection - TLS Required',
    'tlsHandshakeFailure',
  ),
  tlsThrottled: closing(
    'BRK_TLS_THROTTLED',
    'Connection throttling is active. Please try again later.',
    'maxConnectionsExceeded',
  ),
  connectedToRoutePort: closing(
    'BRK_ROUTE_PORT',
    'attempted to connect to route port',
    'incorrectPort',
  ),
  connectedToLeafNodePort: closing(
    'BRK_LEAF_NODE_PORT',
    'attempted to connect to leaf node port',
    'incorrectPort',
  ),
  connectedToGatewayPort: closing(
    'BRK_GATEWAY_PORT',
    'attempted to connect to gateway port',
    'incorrectPort',
  ),
  connectedToWrongPort: closing(
    'BRK_WRONG_PORT',
    'attempted to connect to wrong port',
    'incorrectPort',
  ),

  // Life of a connection.
  staleConnection: closing('BRK_STALE_CONNECTION', 'Stale Connection', 'staleConnection'),
  pendingBytes: closing('BRK_SLOW_CONSUMER_PENDING', null, 'slowConsumerPendingBytes'),
  writeDeadline: closing('BRK_SLOW_CONSUMER_DEADLINE', null, 'slowConsumerWriteDeadline'),
  kicked: closing('BRK_KICKED', null, 'kicked'),
  /**
   * Sent when limits were lowered below the number in use; a SUB too many is only maxSubscriptions.
   */
  maxSubscriptionsLowered: closing(
    'BRK_MAX_SUBSCRIPTIONS_LOWERED',
    'maximum subscriptions exceeded',
    'maxSubscriptionsExceeded',
  ),

  // Refused, but the connection goes on.
  maxSubscriptions: warning('BRK_MAX_SUBSCRIPTIONS', 'maximum subscriptions exceeded'),
  badSubject: warning('BRK_BAD_SUBJECT', 'Invalid Subject'),
  badPublishSubject: warning('BRK_BAD_PUBLISH_SUBJECT', 'Invalid Publish Subject'),
  publishPermission: warning('BRK_PUBLISH_PERMISSION', 'Permissions Violation for Publish to'),
  replyPermission: warning(
    'BRK_REPLY_PERMISSION',
    'Permissions Violation for Publish with Reply of',
  ),
  subscriptionPermission: warning(
    'BRK_SUBSCRIPTION_PERMISSION',
    'Permissions Violation for Subscription to',
  ),

  // Leaf nodes.
  leafPublishPermission: closing(
    'BRK_LEAF_PUBLISH_PERMISSION',
    'Permissions Violation for Publish to',
    'protocolViolation',
  ),
  leafSubscriptionPermission: closing(
    'BRK_LEAF_SUBSCRIPTION_PERMISSION',
    'Permissions Violation for Subscription to',
    'protocolViolation',
  ),
  leafNotConnected: closing(
    'BRK_LEAF_NOT_CONNECTED',
    'Authorization Violation',
    'protocolViolation',
  ),
  leafBadSubject: warning('BRK_LEAF_BAD_SUBJECT', 'Invalid Subscription'),
  leafLoop: closing('BRK_LEAF_LOOP', 'Loop detected for leafnode account=', 'protocolViolation'),
  leafSameClusterName: closing(
    'BRK_LEAF_SAME_CLUSTER',
    'remote leafnode has same cluster name',
    'clusterNamesIdentical',
  ),
  leafClusterNameSpaces: closing(
    'BRK_LEAF_CLUSTER_SPACES',
    'cluster name cannot contain spaces',
    'protocolViolation',
  ),
  leafClusterNameReserved: closing(
    'BRK_LEAF_CLUSTER_RESERVED',
    'cluster name is reserved',
    'protocolViolation',
  ),
  leafMinimumVersion: closing(
    'BRK_LEAF_MINIMUM_VERSION',
    'connection rejected since minimum version required is',
    'minimumVersionRequired',
  ),
  /** Sent to the older of two links from the same remote. */
  leafDuplicate: closing(
    'BRK_LEAF_DUPLICATE',
    'Duplicate Remote LeafNode Connection',
    'duplicateRemoteLeafnode',
  ),
  leafGateway: closing('BRK_LEAF_GATEWAY', 'Rejecting connection from gateway', 'wrongGateway'),
  leafHandshakeStale: closing(
    'BRK_LEAF_HANDSHAKE_STALE',
    'Stale Leaf Node Connection - Closing',
    'staleConnection',
  ),
} as const satisfies Record<string, Violation>

export type ViolationName = keyof typeof VIOLATIONS

/** Names from the wire: bytes where they may be no text at all. */
export type Name = string | Uint8Array

export function publishPermissionText(subject: Name): string {
  return `${VIOLATIONS.publishPermission.wire} ${goQuote(subject)}`
}

export function replyPermissionText(reply: Name): string {
  return `${VIOLATIONS.replyPermission.wire} ${goQuote(reply)}`
}

export function subscriptionPermissionText(subject: Name, queue?: Name): string {
  const text = `${VIOLATIONS.subscriptionPermission.wire} ${goQuote(subject)}`
  return queue === undefined ? text : `${text} using queue ${goQuote(queue)}`
}

/** For a subscription that was there and is taken away by a reload or new claims. */
export function subscriptionRemovedText(subject: Name, sid: Name, queue?: Name): string {
  return `${subscriptionPermissionText(subject, queue)} (sid ${goQuote(sid)})`
}

export function tooManyTokensText(subject: Name): string {
  return `${VIOLATIONS.subscriptionPermission.wire} ${goQuote(subject)}, too many tokens`
}

/** @param delay as a Go duration, by default `30s` */
export function leafLoopText(account: Name, delay = '30s'): string {
  const loop = `${VIOLATIONS.leafLoop.wire}${goQuote(account)}`
  return `${loop}. Delaying attempt to reconnect for ${delay}`
}

export function leafMinimumVersionText(version: string): string {
  return `${VIOLATIONS.leafMinimumVersion.wire} ${goQuote(version)}`
}

export function leafGatewayText(gateway: string): string {
  return `${VIOLATIONS.leafGateway.wire} ${goQuote(gateway)} on the leafnode port`
}

/** The whole line for a text of this file. */
export function errorLine(text: string): string {
  return `-ERR '${text}'\r\n`
}
