import type { CompressionOptions } from '../../config/option-types.ts'
import type { ClosedState } from '../../protocol/closed-states.ts'
import type { ServerInfo } from '../../protocol/info.ts'
import type { LeafInterest } from './leaf-interest.ts'
import type { LeafInterestSink, LeafLink, LeafLog, LeafServer, LeafTimes } from './leaf-types.ts'

/** The local account a link belongs to, and the links of that account. */
export type LeafBinding = {
  readonly account: string
  readonly interest: LeafInterest
}

export type LeafSessionOptions = {
  readonly link: LeafLink
  readonly server: LeafServer
  /** Of a link that was dialled to us: until its user is known. */
  readonly binding: LeafBinding
  readonly sink: LeafInterestSink
  readonly log: LeafLog
  readonly times: LeafTimes
  readonly compression: CompressionOptions
  /** INFO of this server's leaf listener; see leafBaseInfo. */
  readonly baseInfo: ServerInfo
  /** Id of the connection. */
  readonly clientId: number
  /** Where the peer is, for messages. */
  readonly peerAddress: string
  /** Subjects and groups one peer may announce; Infinity = no limit. */
  readonly subscriptionsMax: number
  /** This server keeps the interest of its other leaf links from this one. */
  readonly isIsolated: boolean
  /** Monotonic milliseconds. */
  readonly nowMs: () => number
  /** In [0, 1). */
  readonly random: () => number
  /** Called once, last. */
  readonly onEnd: (end: LeafEnd) => void
  /** Called once, when both sides know each other and this side has told its interest. */
  readonly onEstablished?: (() => void) | undefined
}

/** How a link ended, for who dials again. */
export type LeafEnd = {
  readonly reason: ClosedState
  /** What the peer, or this side, said last; '' = nothing. */
  readonly lastError: string
  /** Wait before dialling again, on top of the usual delay. */
  readonly penaltyMs: number
  /** The peer did not let this server in. */
  readonly isRefused: boolean
}

export type LeafPeerFacts = {
  readonly name: string
  readonly serverId: string
  readonly cluster: string
  readonly remoteAccount: string
  readonly domain: string
  /** As CONNECT tells it; '' for servers that were dialled. */
  readonly version: string
  readonly headers: boolean
  readonly protocol: number
}

export const UNKNOWN_PEER: LeafPeerFacts = {
  name: '',
  serverId: '',
  cluster: '',
  remoteAccount: '',
  domain: '',
  version: '',
  headers: false,
  protocol: 0,
}
