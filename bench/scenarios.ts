import { type DistinctSubjects, PAYLOAD_BYTES_CHECKED } from './publish-block.ts'
import { IMPORT_PREFIX, type SettingName } from './settings.ts'

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

/** Requesters with many requests under way each, and one responder. */
export interface RequestsScenario extends ScenarioBase {
  readonly kind: 'requests'
  readonly setting?: SettingName
  readonly requesters: number
  readonly payloadBytes: number
  /** `messages` are requests of each requester. */
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
  | LoginsScenario
  | IdleScenario
  | MonitoredScenario
  | ConnzScenario
  | ReloadScenario
  | StartupScenario
  | LeafInterestScenario
  | LeafFleetScenario

/** A phase bounded by a count of messages still ends after this long. */
export const PHASE_MS_MAX = 60_000

/**
 * Frame bytes that may be published and not yet received: a quarter of the 64 MiB at which
 * nats-server closes a slow consumer, and below the three quarters from which it stalls publishers.
 */
export const WINDOW_BYTES = 16 * 1024 * 1024

/** Fixed counts, so that the hash of a smoke run is always the same. */
const SMOKE_LOAD: LoadAmounts = {
  warmup: { messages: 1_000, durationMs: PHASE_MS_MAX },
  measured: { messages: 10_000, durationMs: PHASE_MS_MAX },
}

const FULL_LOAD: LoadAmounts = {
  warmup: { durationMs: 500 },
  measured: { durationMs: 2_000 },
}

const SMOKE_REQUESTS: LoadAmounts = {
  warmup: { messages: 20, durationMs: PHASE_MS_MAX },
  measured: { messages: 100, durationMs: PHASE_MS_MAX },
}

export const SCENARIOS: readonly Scenario[] = [
  throughput('pub', 'one publisher, nobody listens, 16 B', 1, 0, PAYLOAD_BYTES_CHECKED),
  throughput('1:1-16', 'one publisher, one subscriber, 16 B', 1, 1, 16),
  throughput('1:1-128', 'one publisher, one subscriber, 128 B', 1, 1, 128),
  throughput('1:1-1024', 'one publisher, one subscriber, 1 KiB', 1, 1, 1024),
  throughput('1:1-8192', 'one publisher, one subscriber, 8 KiB', 1, 1, 8192),
  throughput('fan-out', 'one publisher, ten subscribers, 16 B', 1, 10, 16),
  {
    ...throughput('fan-out-1000', 'one publisher, 1000 subscribers, 128 B', 1, 1000, 128),
    subscribers: { smoke: 50, full: 1000 },
  },
  subjects('subjects-1k', '1000 subjects in turn', { count: 1_000, pick: 'in-turn' }),
  subjects('subjects-100k', '100,000 subjects in turn', { count: 100_000, pick: 'in-turn' }),
  subjects('subjects-zipf', '100,000 subjects by Zipf, s=1', { count: 100_000, pick: 'zipf' }),
  {
    ...throughput('queue-8', 'one publisher, a queue group of eight, 16 B', 1, 8, 16),
    audience: 'queue',
  },
  throughput('4:4', 'four publishers, each to its own subscriber, 16 B', 4, 1, 16),
  { ...throughput('tls-16', 'over TLS, one publisher, one subscriber, 16 B', 1, 1, 16), tls: true },
  {
    ...throughput('tls-1024', 'over TLS, one publisher, one subscriber, 1 KiB', 1, 1, 1024),
    tls: true,
  },
  {
    kind: 'latency',
    name: 'request-reply',
    workload: 'one requester, one responder, 16 B: closed loop, then paced at a fixed rate',
    payloadBytes: 16,
    rate: { smoke: 500, full: 500 },
    amounts: { smoke: SMOKE_REQUESTS, full: FULL_LOAD },
  },
  {
    kind: 'latency',
    name: 'tls-request',
    workload: 'over TLS, one requester, one responder, 16 B: as request-reply',
    tls: true,
    payloadBytes: 16,
    rate: { smoke: 500, full: 500 },
    amounts: { smoke: SMOKE_REQUESTS, full: FULL_LOAD },
  },
  {
    kind: 'idle',
    name: 'idle',
    workload: 'connections with one subscription each: memory of the server for each of them',
    connections: { smoke: 100, full: 2_000 },
    settleMs: { smoke: 50, full: 1_000 },
  },
  {
    kind: 'monitored',
    name: 'monitored',
    workload: 'as 1:1-16, beside 5,000 idle connections; and with the monitor scraped each second',
    connections: { smoke: 50, full: 5_000 },
    settleMs: { smoke: 0, full: 3_000 },
    payloadBytes: 16,
    pairs: { smoke: 1, full: 4 },
    amounts: { smoke: SMOKE_LOAD, full: FULL_LOAD },
  },
  {
    kind: 'connz',
    name: 'connz',
    workload: 'pages of /connz, by three orders, of 10,000 connections with a subscription each',
    connections: { smoke: 50, full: 10_000 },
    settleMs: { smoke: 0, full: 3_000 },
    pages: { smoke: 2, full: 20 },
  },
  {
    kind: 'reload',
    name: 'reload',
    workload: 'PINGs while users, permissions, and a limit are reloaded under 5,000 clients',
    connections: { smoke: 50, full: 5_000 },
    settleMs: { smoke: 0, full: 3_000 },
    reloads: { smoke: 2, full: 5 },
    watchMs: { smoke: 20, full: 500 },
  },
  {
    kind: 'startup',
    name: 'startup',
    workload: 'process start to the first byte of INFO',
    starts: { smoke: 1, full: 5 },
  },
  {
    ...throughput(
      'users',
      'as 1:1-16, two of 100 users with permissions; and without users',
      1,
      1,
      16,
    ),
    setting: 'users',
    besidePlain: true,
  },
  {
    ...throughput('stream-import', 'as 1:1-16, to another account by a stream import', 1, 1, 16),
    setting: 'stream-import',
  },
  {
    ...throughput('stream-import-prefix', 'as stream-import, under another subject', 1, 1, 16),
    setting: 'stream-import-prefix',
    subscribePrefix: `${IMPORT_PREFIX}.`,
  },
  requests('requests', 'eight requesters with many requests under way, one responder, 16 B'),
  {
    ...requests('service-import', 'as requests, the responder in another account: service import'),
    setting: 'service-import',
  },
  {
    kind: 'latency',
    name: 'service-import-request',
    workload: 'as request-reply, the responder in another account',
    setting: 'service-import',
    payloadBytes: 16,
    rate: { smoke: 500, full: 500 },
    amounts: { smoke: SMOKE_REQUESTS, full: FULL_LOAD },
  },
  {
    kind: 'logins',
    name: 'logins',
    workload: 'paced requests, alone, then with 200 bcrypt logins (cost 11) under way',
    setting: 'logins',
    logins: { smoke: 2, full: 200 },
    payloadBytes: 16,
    rate: { smoke: 500, full: 500 },
    amounts: { smoke: SMOKE_REQUESTS, full: FULL_LOAD },
  },
  leafThroughput(16),
  leafThroughput(128),
  leafThroughput(1024),
  leafThroughput(8192),
  leafThroughput(16, { compression: 'off' }),
  leafThroughput(1024, { compression: 'off' }),
  leafThroughput(16, { publishersOn: 'hub' }),
  leafThroughput(1024, { publishersOn: 'hub' }),
  {
    kind: 'latency',
    name: 'leaf-request',
    workload: 'requester on the leaf, responder on the hub, 16 B: as request-reply',
    link: { publishersOn: 'leaf', compression: 'default' },
    payloadBytes: 16,
    rate: { smoke: 500, full: 500 },
    amounts: { smoke: SMOKE_REQUESTS, full: FULL_LOAD },
  },
  {
    kind: 'leaf-interest',
    name: 'leaf-interest',
    workload: 'distinct subscriptions on a leaf: time from link up until the hub has them, memory',
    subscriptions: { smoke: 1_000, full: 100_000 },
    settleMs: { smoke: 50, full: 1_000 },
  },
  {
    kind: 'leaf-fleet',
    name: 'leaf-fleet',
    workload: 'many leafs on one hub: processor time when idle, time for news to reach all of them',
    links: { smoke: 20, full: 500 },
    settleMs: { smoke: 50, full: 3_000 },
    idleMs: { smoke: 100, full: 5_000 },
    announcements: { smoke: 2, full: 10 },
  },
]

/**
 * The scenario of a name, or those of a family (`1:1` is all of `1:1-16`, `1:1-128` …); empty for
 * an unknown name.
 */
export function findScenarios(name: string): readonly Scenario[] {
  const named = SCENARIOS.filter((scenario) => scenario.name === name)
  return named.length > 0
    ? named
    : SCENARIOS.filter((scenario) => scenario.name.startsWith(`${name}-`))
}

/** One publisher and one subscriber with a leaf link between them. */
function leafThroughput(payloadBytes: number, unusual: Partial<LeafLink> = {}): ThroughputScenario {
  const link: LeafLink = { publishersOn: 'leaf', compression: 'default', ...unusual }
  const way = link.publishersOn === 'leaf' ? 'leaf to hub' : 'hub to leaf'
  const family = link.publishersOn === 'leaf' ? 'leaf' : 'leaf-down'
  const isOff = link.compression === 'off'
  const size = payloadBytes < 1024 ? `${payloadBytes} B` : `${payloadBytes / 1024} KiB`
  const workload = `${way}, one publisher, one subscriber, ${size}`
  return {
    ...throughput(
      `${family}${isOff ? '-off' : ''}-${payloadBytes}`,
      isOff ? `${workload}, compression off` : workload,
      1,
      1,
      payloadBytes,
    ),
    link,
  }
}

function subjects(name: string, words: string, subjects: DistinctSubjects): ThroughputScenario {
  const workload = `one publisher to ${words}, one subscriber of all by a wildcard, 16 B`
  return { ...throughput(name, workload, 1, 1, 16), subjects }
}

function requests(name: string, workload: string): RequestsScenario {
  const amounts = { smoke: SMOKE_LOAD, full: FULL_LOAD }
  return { kind: 'requests', name, workload, requesters: 8, payloadBytes: 16, amounts }
}

function throughput(
  name: string,
  workload: string,
  publishers: number,
  subscribers: number,
  payloadBytes: number,
): ThroughputScenario {
  const amounts = { smoke: SMOKE_LOAD, full: FULL_LOAD }
  return {
    kind: 'throughput',
    name,
    workload,
    publishers,
    subscribers: { smoke: subscribers, full: subscribers },
    payloadBytes,
    amounts,
  }
}
