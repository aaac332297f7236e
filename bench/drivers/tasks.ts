import type { MessagePort } from 'node:worker_threads'
import type { BlockLimits, Publication } from '../publish-block.ts'
import type { Wire } from '../wire.ts'
import type { FlowLayout } from './flow-control.ts'

/** The server under load. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly user?: string
  readonly password?: string
  readonly token?: string
  /** TLS after INFO; the server's certificate is believed. */
  readonly tls?: boolean
  /** WebSocket from the first byte on. */
  readonly isWebsocket?: boolean
  /** None: NATS. */
  readonly wire?: Wire
}

interface TaskBase {
  readonly kernel: WebAssembly.Module
  /** Phase commands come in here, results leave here. */
  readonly port: MessagePort
}

/** One subscription on a connection of its own. */
export interface SubscriberPlan {
  /** Its number in the flow layout. */
  readonly subscriber: number
  /** Index of the receiver that it is, or is one of. */
  readonly receiver: number
  readonly subject: string
  readonly queue?: string
}

/** Where clients connect; one server unless there is a link between publishers and subscribers. */
export interface Places {
  /** Publishers and requesters. */
  readonly publishAt: Endpoint
  /** Subscribers and responders. */
  readonly subscribeAt: Endpoint
}

export interface ThroughputTask extends TaskBase, Places {
  readonly kind: 'throughput'
  /** All of the run, by number of their streams. */
  readonly publications: readonly Publication[]
  /** Which of them this driver publishes. */
  readonly streams: readonly number[]
  readonly subscribers: readonly SubscriberPlan[]
  /** Counts shared by all drivers of the run, see `flow-control.ts`. */
  readonly counts: SharedArrayBuffer
  readonly layout: FlowLayout
  readonly blocks: BlockLimits
  readonly windowBytes: number
}

export interface LatencyTask extends TaskBase, Places {
  readonly kind: 'latency'
  readonly payloadBytes: number
}

export interface RequestsTask extends TaskBase, Places {
  readonly kind: 'requests'
  readonly requesters: number
  /** Each of them answers each request. */
  readonly responders: number
  readonly payloadBytes: number
}

export interface ClientsTask extends TaskBase, Places {
  readonly kind: 'clients'
  readonly clients: number
  readonly payloadBytes: number
}

export interface IdleTask extends TaskBase {
  readonly kind: 'idle'
  readonly endpoint: Endpoint
  readonly connections: number
}

export interface SubscriptionsTask extends TaskBase {
  readonly kind: 'subscriptions'
  readonly endpoint: Endpoint
  readonly count: number
  readonly isSame: boolean
}

/** `subscribe`: all of them; `prove`: publish to them, and count what arrives. */
export type SubscriptionsCommand = 'subscribe' | 'prove'

export interface SubscriptionsPhase {
  readonly messages: number
  readonly elapsedNs: number
  /** Processor time of the driver's thread. */
  readonly cpuNs: number
}

export interface PingTask extends TaskBase {
  readonly kind: 'ping'
  /** One connection each. */
  readonly endpoints: readonly Endpoint[]
  /** Between two PINGs of all connections together. */
  readonly intervalMs: number
}

export type DriverTask =
  | ThroughputTask
  | LatencyTask
  | RequestsTask
  | ClientsTask
  | IdleTask
  | SubscriptionsTask
  | PingTask

/** Ends a phase by whichever of the two comes first. */
export interface PhaseLimit {
  readonly messages?: number
  readonly durationMs: number
}

export interface ThroughputCommand extends PhaseLimit {
  /** Counted from 1. */
  readonly phase: number
  /** Computing them takes a while, so ask in a phase of its own that publishes nothing. */
  readonly wantsHashes: boolean
}

export interface ThroughputPhase {
  readonly published: number
  readonly received: number
  /** Since the start of the run. */
  readonly mismatches: number
  /** Of this driver, clock of `monotonicNs`. */
  readonly startNs: number
  readonly endNs: number
  /** Processor time of the driver's thread; near the elapsed time, the generator was the limit. */
  readonly cpuNs: number
  /**
   * Of all messages since the start of the run, by subscriber. What all subscribers of a receiver
   * have adds up, modulo 2^64, to what one of them expects.
   */
  readonly hashes: readonly {
    readonly receiver: number
    readonly actual: bigint
    readonly expected: bigint | undefined
  }[]
}

export interface LatencyCommand extends PhaseLimit {
  /** Requests a second; none: the next request leaves as soon as the reply is there. */
  readonly rate?: number
}

export interface LatencyPhase {
  readonly requests: number
  readonly elapsedNs: number
  readonly p50Ns: number
  readonly p90Ns: number
  readonly p99Ns: number
  readonly p999Ns: number
  readonly maxNs: number
  readonly meanNs: number
}

export interface ClientsPhase extends LatencyPhase {
  /** How late the generator came to send, which is in the times above; 0 without a rate. */
  readonly lateP99Ns: number
  /** Processor time of the driver's thread. */
  readonly cpuNs: number
}

export interface RequestsPhase {
  readonly requests: number
  readonly elapsedNs: number
  /** Processor time of the driver's thread. */
  readonly cpuNs: number
}

/**
 * `open`: connect so many more and subscribe; `deliver`: publish to each and count what arrives.
 */
export interface IdleCommand {
  readonly action: 'open' | 'deliver'
  readonly connections: number
}

/** Asks for what was seen since the last time; PINGs are sent all the time. */
export type TakePings = 'take'

export interface PingPhase {
  readonly pings: number
  /** Of a round trip. */
  readonly worstNs: number
  /** How late the generator itself came to send, at the worst: so much may be its own. */
  readonly worstPauseNs: number
}

export interface IdlePhase {
  readonly connections: number
  readonly received: number
}
