import type { DistinctSubjects } from '../publish-block.ts'
import type { SettingName } from '../settings.ts'

/** How much of a scenario is run: `smoke` proves that it works, `full` measures. */
export type Size = 'smoke' | 'full'

/** One phase ends with whichever comes first. */
export interface Amount {
  readonly messages?: number
  readonly durationMs: number
}

export interface LoadAmounts {
  readonly warmup: Amount
  readonly measured: Amount
}

interface ScenarioBase {
  readonly name: string
  /** Workload in words, for --help and the report. */
  readonly workload: string
}

/**
 * The scenario runs over a leaf link between two servers.
 *
 * Compression: `default` leaves it to the programs, of which current ones choose by the link's
 * round trip (none on a loopback that is not overloaded); `off` is said at both ends. The payloads'
 * filler compresses far better than real ones would, so a link that does compress looks too good.
 */
export interface LeafLink {
  readonly publishersOn: 'leaf' | 'hub'
  readonly compression: 'default' | 'off'
}

/** Publishers at full speed, each with a subject of its own. */
export interface ThroughputScenario extends ScenarioBase {
  readonly kind: 'throughput'
  /** None: everybody is on one server. */
  readonly link?: LeafLink
  /** All connections are over TLS. */
  readonly tls?: true
  /** All connections are WebSockets. */
  readonly websocket?: true
  /** The server has users or accounts; none: everybody is let in and may do anything. */
  readonly setting?: SettingName
  /** Each round has a second run without the setting; their ratio is given. */
  readonly besidePlain?: true
  /** Stands before the subjects that are subscribed to, not before those published to. */
  readonly subscribePrefix?: string
  readonly publishers: number
  /** Of each publisher, or of all together. */
  readonly subscribers: Readonly<Record<Size, number>>
  /**
   * `own`: each publisher has its own subscribers; `all`: each subscriber gets what all publish, by
   * a wildcard; `queue`: they are one queue group. None: `own`.
   */
  readonly audience?: 'own' | 'all' | 'queue'
  /** Everybody's; none: each publisher has one of its own. */
  readonly subject?: string
  /** Name of the queue group; none: the benchmark's own. */
  readonly queue?: string
  /** A publisher's, all of which its subscribers get by a wildcard; none: one subject. */
  readonly subjects?: DistinctSubjects
  readonly payloadBytes: number
  /** Of the header block; none: messages have no headers. */
  readonly headerBytes?: number
  readonly amounts: Readonly<Record<Size, LoadAmounts>>
}

export interface LatencyScenario extends ScenarioBase {
  readonly kind: 'latency'
  readonly link?: LeafLink
  readonly tls?: true
  readonly setting?: SettingName
  readonly payloadBytes: number
  /** Requests a second of the paced part. */
  readonly rate: Readonly<Record<Size, number>>
  readonly amounts: Readonly<Record<Size, LoadAmounts>>
}

/** Requesters with many requests under way each. */
export interface RequestsScenario extends ScenarioBase {
  readonly kind: 'requests'
  readonly setting?: SettingName
  readonly requesters: number
  /** Each answers each request; none: there is one, and rates are of requests. */
  readonly responders?: Readonly<Record<Size, number>>
  readonly payloadBytes: number
  /** `messages` are requests of each requester. */
  readonly amounts: Readonly<Record<Size, LoadAmounts>>
}

/** Several clients that send requests, each when it has the answer to its last. */
export interface ClientsScenario extends ScenarioBase {
  readonly kind: 'clients'
  readonly clients: number
  readonly payloadBytes: number
  /** `messages` are requests of each client. */
  readonly amounts: Readonly<Record<Size, LoadAmounts>>
}

/** The same clients, but requests are due at fixed times, whether or not there are answers. */
export interface LoadScenario extends ScenarioBase {
  readonly kind: 'load'
  readonly clients: number
  readonly payloadBytes: number
  /** Of the most that the server of reference answers in a second; up to 1. */
  readonly share: number
  /** Instead of a share, requests a second. */
  readonly smokeRate: number
  readonly amounts: Readonly<Record<Size, LoadAmounts>>
}

/** One requester paced, first alone, then while many clients log in. */
export interface LoginsScenario extends ScenarioBase {
  readonly kind: 'logins'
  readonly setting: SettingName
  /** Under way at a time. */
  readonly logins: Readonly<Record<Size, number>>
  readonly payloadBytes: number
  readonly rate: Readonly<Record<Size, number>>
  readonly amounts: Readonly<Record<Size, LoadAmounts>>
}

/** As with logins, while clients connect and leave, or subscribe and end that. */
export interface StormScenario extends ScenarioBase {
  readonly kind: 'storm'
  readonly storm: 'connections' | 'subscriptions'
  readonly clients: Readonly<Record<Size, number>>
  readonly payloadBytes: number
  readonly rate: Readonly<Record<Size, number>>
  readonly amounts: Readonly<Record<Size, LoadAmounts>>
}

/** Fast subscribers, without and with one that reads nothing. */
export interface SlowConsumerScenario extends Omit<ThroughputScenario, 'kind'> {
  readonly kind: 'slow-consumer'
}

/** A load on a server with a given number of threads. */
export interface WorkersScenario extends Omit<ThroughputScenario, 'kind'> {
  readonly kind: 'workers'
  readonly workers: Readonly<Record<Size, number>>
}

/** Requests at a fixed rate for long, and the server's memory meanwhile. */
export interface SoakScenario extends ScenarioBase {
  readonly kind: 'soak'
  readonly clients: number
  readonly payloadBytes: number
  readonly rate: Readonly<Record<Size, number>>
  readonly amounts: Readonly<Record<Size, LoadAmounts>>
}

/** Many subscriptions of one connection. */
export interface SubscriptionsScenario extends ScenarioBase {
  readonly kind: 'subscriptions'
  /** All to one subject. */
  readonly isSame: boolean
  readonly subscriptions: Readonly<Record<Size, number>>
  /** As in IdleScenario. */
  readonly settleMs: Readonly<Record<Size, number>>
}

export interface IdleScenario extends ScenarioBase {
  readonly kind: 'idle'
  readonly connections: Readonly<Record<Size, number>>
  /** Waited before each look at the server's memory, so that what a handshake left is tidied up. */
  readonly settleMs: Readonly<Record<Size, number>>
}

/** Throughput beside many idle connections, without and with somebody who asks the monitor. */
export interface MonitoredScenario extends ScenarioBase {
  readonly kind: 'monitored'
  readonly connections: Readonly<Record<Size, number>>
  readonly settleMs: Readonly<Record<Size, number>>
  readonly payloadBytes: number
  /** Of a phase without and a phase with, on the same connections to the same server. */
  readonly pairs: Readonly<Record<Size, number>>
  /** Of each phase. */
  readonly amounts: Readonly<Record<Size, LoadAmounts>>
}

/** Pages of /connz, of a server with many connections. */
export interface ConnzScenario extends ScenarioBase {
  readonly kind: 'connz'
  readonly connections: Readonly<Record<Size, number>>
  readonly settleMs: Readonly<Record<Size, number>>
  /** In each order of the rows. */
  readonly pages: Readonly<Record<Size, number>>
}

/** PINGs while the configuration is reloaded, and while it is not. */
export interface ReloadScenario extends ScenarioBase {
  readonly kind: 'reload'
  readonly connections: Readonly<Record<Size, number>>
  readonly settleMs: Readonly<Record<Size, number>>
  readonly reloads: Readonly<Record<Size, number>>
  /** Watched from each reload on; as long before it without one. */
  readonly watchMs: Readonly<Record<Size, number>>
}

export interface StartupScenario extends ScenarioBase {
  readonly kind: 'startup'
  readonly starts: Readonly<Record<Size, number>>
}

/** A server of several threads that nobody has connected to. */
export interface ResidentScenario extends ScenarioBase {
  readonly kind: 'resident'
  readonly workers: number
  /** As in IdleScenario. */
  readonly settleMs: Readonly<Record<Size, number>>
}

/** A leaf with many subscriptions is linked to a hub that knows none of them. */
export interface LeafInterestScenario extends ScenarioBase {
  readonly kind: 'leaf-interest'
  readonly subscriptions: Readonly<Record<Size, number>>
  /** As in IdleScenario. */
  readonly settleMs: Readonly<Record<Size, number>>
}

/** One hub with many leafs, played by the generator. */
export interface LeafFleetScenario extends ScenarioBase {
  readonly kind: 'leaf-fleet'
  readonly links: Readonly<Record<Size, number>>
  /** Waited after the last handshake: servers send a first PING a second later. */
  readonly settleMs: Readonly<Record<Size, number>>
  /** How long the hub is watched doing nothing. */
  readonly idleMs: Readonly<Record<Size, number>>
  /** Subscriptions announced one after the other, each by another leaf. */
  readonly announcements: Readonly<Record<Size, number>>
}

export type Scenario =
  | ThroughputScenario
  | LatencyScenario
  | RequestsScenario
  | ClientsScenario
  | LoadScenario
  | LoginsScenario
  | StormScenario
  | SlowConsumerScenario
  | WorkersScenario
  | SoakScenario
  | SubscriptionsScenario
  | IdleScenario
  | MonitoredScenario
  | ConnzScenario
  | ReloadScenario
  | StartupScenario
  | ResidentScenario
  | LeafInterestScenario
  | LeafFleetScenario
