import type { AccountReport, AccountStatReport } from '../../monitor/account-report.ts'
import type { LeafReport } from '../../monitor/leaf-report.ts'
import type {
  MonitorSource,
  ProcessUsage,
  ServerFacts,
  SubscriptionPage,
  SubscriptionQuery,
} from '../../monitor/monitor-source.ts'
import { ProcessMeter } from '../../monitor/process-meter.ts'
import { addKinds, addTraffic, NO_TRAFFIC } from '../../monitor/report-sums.ts'
import type {
  AccountTraffic,
  ConnectionPage,
  ConnectionQuery,
  SublistReport,
  ThreadReport,
} from '../../monitor/reports.ts'
import type { Supervisor } from '../threads/supervisor.ts'
import { ConnectionSearch } from './connection-search.ts'
import type { KnownAccount, OpenTraffic } from './report-messages.ts'
import { connectionSums, planAndLaneCounts } from './thread-sums.ts'
import { TrafficTable } from './traffic-table.ts'

const NO_LEAFS: LeafReport = { links: [], remotes: [] }
const NO_SUBSCRIPTIONS: SubscriptionPage = { subscriptions: [], total: 0 }
const NOTHING_OPEN: OpenTraffic = {
  accounts: [],
  connections: { clients: 0, leafs: 0 },
  connectionsOf: [],
  stallCount: 0,
}

export interface BrokerMonitorOptions {
  readonly supervisor: Supervisor
  readonly server: () => ServerFacts
  readonly notReady: () => readonly string[]
}

/** How often publishers were stalled on a thread, and on those that had its number before. */
interface Stalls {
  before: number
  now: number
}

/** What monitors show of a running broker. On the main thread, which asks all others. */
export class BrokerMonitor implements MonitorSource {
  readonly #options: BrokerMonitorOptions
  readonly #search: ConnectionSearch
  readonly #meter = new ProcessMeter()
  readonly #stalls: Stalls[] = []
  /** By whoever came first in this turn of the event loop. */
  #asked: Promise<readonly ThreadReport[]> | undefined

  constructor(options: BrokerMonitorOptions) {
    this.#options = options
    const { supervisor } = options
    this.#search = new ConnectionSearch(supervisor, supervisor.closed)
  }

  server(): ServerFacts {
    return this.#options.server()
  }

  notReady(): readonly string[] {
    return this.#options.notReady()
  }

  usage(): ProcessUsage {
    return this.#meter.usage()
  }

  async pinnedAccountFails(): Promise<number> {
    const { supervisor } = this.#options
    return (await supervisor.ask(this.#router, 'pinnedAccountFails', undefined)) ?? 0
  }

  // ── threads ───────────────────────────────────────────────────────────────────────────────

  /** A scrape of /metrics wants it for several endpoints: threads are asked once in a turn. */
  threads(): Promise<readonly ThreadReport[]> {
    if (this.#asked === undefined) {
      this.#asked = this.#askThreads()
      setImmediate(() => {
        this.#asked = undefined
      })
    }
    return this.#asked
  }

  #askThreads(): Promise<readonly ThreadReport[]> {
    const { supervisor } = this.#options
    const threads = Array.from({ length: supervisor.threadCount }, (_, thread) => thread)
    return Promise.all(
      threads.map(async (thread) => {
        const open = await supervisor.ask(thread, 'openTraffic', undefined)
        // At once: what this answer has as open may be told as closed by the next message.
        return this.#report(thread, open)
      }),
    )
  }

  /** @param open undefined = the thread is being replaced */
  #report(thread: number, open: OpenTraffic | undefined): ThreadReport {
    const { supervisor } = this.#options
    const { kernel } = supervisor
    const { layout } = kernel
    const { accounts, connections, connectionsOf, stallCount } = open ?? NOTHING_OPEN
    const table = new TrafficTable()
    table.addAll(supervisor.closed.trafficOf(thread))
    table.addAll(accounts)
    return {
      thread,
      role: thread === layout.ROUTER_THREAD ? 'routing' : 'protocol',
      ...connectionSums(table, connections, new Map(connectionsOf)),
      stalledClients: this.#stalled(thread, stallCount),
      ...planAndLaneCounts(kernel, thread),
    }
  }

  /** A successor counts from 0. */
  #stalled(thread: number, count: number): number {
    this.#stalls[thread] ??= { before: 0, now: 0 }
    const stalls = this.#stalls[thread]
    if (count < stalls.now) stalls.before += stalls.now
    stalls.now = count
    return stalls.before + stalls.now
  }

  // ── connections ───────────────────────────────────────────────────────────────────────────

  async connections(query: ConnectionQuery): Promise<ConnectionPage | undefined> {
    const { account } = query
    if (account !== '' && !(await this.accounts()).includes(account)) return undefined
    return this.#search.page(query)
  }

  async leafs(withSubscriptions: boolean): Promise<LeafReport> {
    return (await this.#options.supervisor.leafReport(withSubscriptions)) ?? NO_LEAFS
  }

  // ── subscriptions ─────────────────────────────────────────────────────────────────────────

  subscriptionCount(): number {
    return this.#entries(undefined).subscriptions
  }

  async sublist(account: string): Promise<SublistReport> {
    const { supervisor } = this.#options
    const number = account === '' ? undefined : supervisor.accountNames.indexOf(account)
    const [caches, threads] = await Promise.all([
      supervisor.askAll('planCache', { account: number }),
      this.threads(),
    ])
    const { cached, fanoutTotal, fanoutMax } = caches.reduce<{
      cached: number
      fanoutTotal: number
      fanoutMax: number
    }>(
      (sum, one) => ({
        cached: sum.cached + (one?.cached ?? 0),
        fanoutTotal: sum.fanoutTotal + (one?.fanoutTotal ?? 0),
        fanoutMax: Math.max(sum.fanoutMax, one?.fanoutMax ?? 0),
      }),
      { cached: 0, fanoutTotal: 0, fanoutMax: 0 },
    )
    return {
      ...this.#entries(number),
      ...matchesOf(threads, account),
      cached,
      fanoutMax,
      fanoutAverage: cached === 0 ? 0 : fanoutTotal / cached,
    }
  }

  /** Of one account, or of all; -1 = there is no such account. */
  #entries(
    number: number | undefined,
  ): Pick<SublistReport, 'subscriptions' | 'inserts' | 'removes'> {
    const { supervisor } = this.#options
    const { kernel } = supervisor
    const { layout, words, longs } = kernel
    const sum = { subscriptions: 0, inserts: 0, removes: 0 }
    const numbers = number === undefined ? supervisor.accountNames.keys() : [number]
    for (const one of numbers) {
      if (one < 0) continue
      const record = (words[layout.HEADER_ACCOUNTS >> 2]! >>> 0) + one * layout.ACCOUNT_BYTES
      sum.subscriptions += words[(record + layout.ACCOUNT_ENTRIES) >>> 2]! >>> 0
      sum.inserts += Number(longs[(record + layout.ACCOUNT_INSERTS) / 8]!)
      sum.removes += Number(longs[(record + layout.ACCOUNT_REMOVES) / 8]!)
    }
    return sum
  }

  async subscriptions(query: SubscriptionQuery): Promise<SubscriptionPage> {
    const { supervisor } = this.#options
    return (await supervisor.ask(this.#router, 'subscriptions', query)) ?? NO_SUBSCRIPTIONS
  }

  get #router(): number {
    return this.#options.supervisor.kernel.layout.ROUTER_THREAD
  }

  // ── accounts ──────────────────────────────────────────────────────────────────────────────

  async accounts(): Promise<readonly string[]> {
    return (await this.#accounts()).map(({ name }) => name)
  }

  async #accounts(): Promise<readonly KnownAccount[]> {
    const { supervisor } = this.#options
    const answer = await supervisor.ask(this.#router, 'accounts', undefined)
    // Which of them mean something only the routing worker knows; it will be back soon.
    return answer ?? supervisor.accountNames.map((name, number) => ({ name, number, tag: name }))
  }

  async accountStats(): Promise<readonly AccountStatReport[]> {
    const [accounts, threads] = await Promise.all([this.#accounts(), this.threads()])
    const traffic = trafficByAccount(threads)
    return accounts.map(({ name, tag, number }) => {
      const { connections, ...sums } = traffic.get(name) ?? noTraffic(name)
      return {
        ...sums,
        account: name,
        name: tag,
        clients: connections.clients,
        leafs: connections.leafs,
        totalConnections: connections.clients + connections.leafs,
        subscriptions: this.#entries(number).subscriptions,
      }
    })
  }

  async account(name: string): Promise<AccountReport | undefined> {
    const { supervisor } = this.#options
    const account = supervisor.accountNames.indexOf(name)
    const [report, threads, sublist, responses] = await Promise.all([
      supervisor.ask(this.#router, 'account', { name }),
      this.threads(),
      this.sublist(name),
      supervisor.askAll('responses', { account }),
    ])
    if (report === undefined) return undefined
    const { connections } = trafficByAccount(threads).get(name) ?? noTraffic(name)
    const { subscriptions } = sublist
    return {
      ...report,
      ...connections,
      subscriptions,
      sublist,
      responses: new Map(responses.flatMap((some) => some ?? [])),
    }
  }
}

function noTraffic(account: string): AccountTraffic {
  return {
    account,
    received: NO_TRAFFIC,
    sent: NO_TRAFFIC,
    leafsReceived: NO_TRAFFIC,
    leafsSent: NO_TRAFFIC,
    slowConsumers: 0,
    totalConnections: 0,
    connections: { clients: 0, leafs: 0 },
  }
}

function trafficByAccount(threads: readonly ThreadReport[]): Map<string, AccountTraffic> {
  const byAccount = new Map<string, AccountTraffic>()
  for (const more of threads.flatMap(({ accounts }) => accounts)) {
    const sum = byAccount.get(more.account) ?? noTraffic(more.account)
    byAccount.set(more.account, {
      account: more.account,
      received: addTraffic(sum.received, more.received),
      sent: addTraffic(sum.sent, more.sent),
      leafsReceived: addTraffic(sum.leafsReceived, more.leafsReceived),
      leafsSent: addTraffic(sum.leafsSent, more.leafsSent),
      slowConsumers: sum.slowConsumers + more.slowConsumers,
      totalConnections: sum.totalConnections + more.totalConnections,
      connections: addKinds(sum.connections, more.connections),
    })
  }
  return byAccount
}

/**
 * Every message that comes in is looked up once, and plans are counted by thread, not by account:
 * an account's part of what was found in the cache is taken to be that of all.
 */
function matchesOf(
  threads: readonly ThreadReport[],
  account: string,
): Pick<SublistReport, 'matches' | 'cacheHits'> {
  const hits = threads.reduce((sum, { planHits }) => sum + planHits, 0)
  const misses = threads.reduce((sum, { planMisses }) => sum + planMisses, 0)
  const all = hits + misses
  if (account === '' || all === 0) return { matches: all, cacheHits: hits }
  const matches = trafficByAccount(threads).get(account)?.received.msgs ?? 0
  return { matches, cacheHits: Math.round((matches * hits) / all) }
}
