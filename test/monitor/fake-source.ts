import type { Options } from '../../src/config/option-types.ts'
import { defaultOptions } from '../../src/config/options.ts'
import type { AccountReport, AccountStatReport } from '../../src/monitor/account-report.ts'
import type { LeafLinkReport } from '../../src/monitor/leaf-report.ts'
import type { MonitorContext } from '../../src/monitor/monitor-context.ts'
import type {
  MonitorSource,
  ServerFacts,
  SubscriptionQuery,
} from '../../src/monitor/monitor-source.ts'
import type {
  ConnectionPage,
  ConnectionQuery,
  ConnectionReport,
  SublistReport,
  SubscriptionReport,
  ThreadReport,
} from '../../src/monitor/reports.ts'

const NOTHING = { msgs: 0, bytes: 0 }

export const START_MS = Date.UTC(2026, 0, 2, 3, 4, 5)

const SUBLIST: SublistReport = {
  subscriptions: 7,
  cached: 3,
  inserts: 9,
  removes: 2,
  matches: 8,
  cacheHits: 2,
  fanoutMax: 4,
  fanoutAverage: 1.5,
}

export function connectionReport(changes: Partial<ConnectionReport> = {}): ConnectionReport {
  return {
    cid: 5,
    kind: 'Client',
    type: 'nats',
    ip: '127.0.0.1',
    port: 4000,
    startMs: START_MS,
    lastActivityMs: START_MS,
    stopMs: 0,
    reason: '',
    rttNs: 0,
    pendingBytes: 0,
    in: NOTHING,
    out: NOTHING,
    stalls: 0,
    subscriptions: 0,
    name: '',
    lang: '',
    version: '',
    tls: undefined,
    user: '',
    account: '$G',
    accountTag: '',
    jwt: '',
    issuerKey: '',
    nameTag: '',
    tags: [],
    proxyKey: '',
    ...changes,
  }
}

export function subscriptionReport(changes: Partial<SubscriptionReport> = {}): SubscriptionReport {
  return {
    subject: 'foo',
    queue: '',
    sid: '1',
    msgs: 0,
    max: 0,
    cid: 5,
    account: '',
    accountTag: '',
    ...changes,
  }
}

export function threadReport(changes: Partial<ThreadReport> = {}): ThreadReport {
  const none = { clients: 0, leafs: 0 }
  return {
    thread: 1,
    role: 'protocol',
    connections: none,
    in: NOTHING,
    out: NOTHING,
    clientIn: NOTHING,
    clientOut: NOTHING,
    slowConsumers: none,
    staleConnections: none,
    stalledClients: 0,
    planHits: 0,
    planMisses: 0,
    laneFull: 0,
    outOfMemory: 0,
    accounts: [],
    ...changes,
  } as ThreadReport
}

export function accountStat(changes: Partial<AccountStatReport> = {}): AccountStatReport {
  return {
    account: 'A',
    name: 'A',
    clients: 0,
    leafs: 0,
    totalConnections: 0,
    subscriptions: 0,
    sent: NOTHING,
    received: NOTHING,
    leafsSent: NOTHING,
    leafsReceived: NOTHING,
    slowConsumers: 0,
    ...changes,
  }
}

export function accountReport(changes: Partial<AccountReport> = {}): AccountReport {
  return {
    name: 'A',
    updatedMs: START_MS,
    isSystem: false,
    isExpired: false,
    isComplete: true,
    leafs: 0,
    clients: 0,
    subscriptions: 0,
    mappings: [],
    exports: [],
    imports: [],
    jwt: '',
    issuerKey: '',
    nameTag: '',
    tags: [],
    issues: [],
    revokedUsers: new Map(),
    sublist: SUBLIST,
    responses: new Map(),
    ...changes,
  }
}

function serverFacts(changes: Partial<ServerFacts> = {}): ServerFacts {
  return {
    id: 'NID',
    name: 'one',
    version: '2.15.1',
    gitCommit: '',
    go: 'node',
    protocol: 1,
    host: '0.0.0.0',
    port: 4222,
    ip: '',
    connectUrls: [],
    websocketConnectUrls: [],
    isAuthRequired: false,
    isTlsRequired: false,
    isTlsVerified: false,
    options: defaultOptions(),
    ports: { client: 4222, leaf: 0, websocket: 0 },
    startMs: START_MS,
    configLoadMs: START_MS,
    configDigest: '',
    systemAccount: '$SYS',
    certificateEnds: { client: 0, leaf: 0, websocket: 0 },
    threadCount: 3,
    totalConnections: 0,
    ...changes,
  }
}

/** Answers with what it is given, and remembers what it was asked. */
export class FakeSource implements MonitorSource {
  facts = serverFacts()
  page: ConnectionPage | undefined = { connections: [], total: 0 }
  links: readonly LeafLinkReport[] = []
  listed: readonly SubscriptionReport[] = []
  stats: readonly AccountStatReport[] = []
  reports: readonly AccountReport[] = []
  threadReports: readonly ThreadReport[] = []
  waitingListeners: readonly string[] = []
  connectionQuery: ConnectionQuery | undefined
  subscriptionQuery: SubscriptionQuery | undefined

  set options(changes: Partial<Options>) {
    this.facts = { ...this.facts, options: { ...this.facts.options, ...changes } }
  }

  server(): ServerFacts {
    return this.facts
  }

  usage() {
    return { rssBytes: 1000, cpuPercent: 12.5 }
  }

  async threads() {
    return this.threadReports
  }

  async connections(query: ConnectionQuery) {
    this.connectionQuery = query
    return this.page
  }

  async leafs() {
    return { links: this.links, remotes: [] }
  }

  subscriptionCount() {
    return SUBLIST.subscriptions
  }

  async sublist() {
    return SUBLIST
  }

  async subscriptions(query: SubscriptionQuery) {
    this.subscriptionQuery = query
    return { subscriptions: this.listed, total: this.listed.length }
  }

  async accounts() {
    return this.reports.map(({ name }) => name)
  }

  async accountStats() {
    return this.stats
  }

  async account(name: string) {
    return this.reports.find((each) => each.name === name)
  }

  async pinnedAccountFails() {
    return 4
  }

  notReady() {
    return this.waitingListeners
  }
}

export interface FakeContext extends MonitorContext {
  readonly source: FakeSource
  readonly warnings: string[]
}

export function fakeContext(): FakeContext {
  const warnings: string[] = []
  return {
    source: new FakeSource(),
    httpRequests: new Map(),
    warnings,
    warn: (text) => warnings.push(text),
  }
}
