import { after, afterEach, before, describe, type TestContext, test } from 'node:test'
import { CLASSIC, type ConnectOptions, type TestConnection } from '../support/client-libraries.ts'
import { withLog } from '../support/failure-text.ts'
import { NotHonouredError, notHonouredReason } from '../support/not-yet-honoured.ts'
import {
  checkName,
  listFrom,
  peers,
  program,
  type ServerProgram,
  skipReason,
} from '../support/peers.ts'
import { type ServerOptions, type ServerProcess, startServer } from '../support/server-process.ts'
import { crossInterest } from './cross.ts'

const TEST_MS_MAX = 60_000
/** The tests mostly wait for reconnects, so a few pairs can share the machine. */
const PAIRS_AT_A_TIME = 3

export interface Pair {
  readonly hub: ServerProgram
  readonly leaf: ServerProgram
}

/** Between the oldest and the newest release; what holds at both ends of that line holds for it. */
const MIDDLE_RELEASE = 'nats-server-2.10'

/**
 * Which programs take the two ends: all pairs with Sable on at least one, or those in LEAF_PAIRS.
 *
 * LEAF_PAIRS="nats-server/nats-server,sable/nats-server-2.9" (hub/leaf) proves the tests on the
 * real servers, or narrows a run; LEAF_PAIRS=all has the middle release in every suite.
 */
function pairs(releases: Releases): readonly Pair[] {
  const listed = listFrom('LEAF_PAIRS')
  const isAll = listed.includes('all') || releases === 'every release'
  if (listed.length > 0 && !listed.includes('all')) {
    return listed.map((pair) => {
      const [hub = '', leaf = ''] = pair.split('/')
      return { hub: program(checkName(hub)), leaf: program(checkName(leaf)) }
    })
  }
  const ends = peers().filter(({ name }) => isAll || name !== MIDDLE_RELEASE)
  return ends.flatMap((hub) =>
    ends
      .filter((leaf) => hub.name === 'sable' || leaf.name === 'sable')
      .map((leaf) => ({ hub, leaf })),
  )
}

export interface HubOptions {
  readonly name?: string
  readonly port?: number
  readonly leafPort?: number
  /** Text inside `leafnodes { }`. */
  readonly leafnodes?: string
  /** Text at the top level. */
  readonly top?: string
  /** Further flags, such as -DV. */
  readonly flags?: readonly string[]
}

export interface LeafOptions {
  readonly name?: string
  readonly port?: number
  /** `user:password` or a token, for the URL of the remote. */
  readonly credentials?: string
  /** In place of 127.0.0.1, for the URL of the remote. */
  readonly host?: string
  readonly scheme?: string
  /** Text inside the remote. */
  readonly remote?: string
  /** Text inside `leafnodes { }`, such as a listener for leafs of the leaf. */
  readonly leafnodes?: string
  readonly top?: string
  readonly flags?: readonly string[]
}

/** Servers and clients of one test; all are ended after it. */
export interface Bench {
  readonly pair: Pair
  startHub(options?: HubOptions, program?: ServerProgram): Promise<ServerProcess>
  /** Starts a leaf that dials the given leaf port. */
  startLeaf(
    hubLeafPort: number,
    options?: LeafOptions,
    program?: ServerProgram,
  ): Promise<ServerProcess>
  connect(server: ServerProcess, options?: ConnectOptions): Promise<TestConnection>
}

/** A hub and a leaf that are connected. */
export interface LinkedBench extends Bench {
  readonly hub: ServerProcess
  readonly leaf: ServerProcess
}

class Workshop implements Bench {
  readonly pair: Pair
  readonly #servers: ServerProcess[] = []
  readonly #connections: TestConnection[] = []

  constructor(pair: Pair) {
    this.pair = pair
  }

  get servers(): readonly ServerProcess[] {
    return this.#servers
  }

  async startHub(options: HubOptions = {}, hub = this.pair.hub): Promise<ServerProcess> {
    const config = `
      server_name: ${options.name ?? 'hub'}
      leafnodes { host: 127.0.0.1, port: ${options.leafPort ?? -1}
        ${options.leafnodes ?? ''}
      }
      ${options.top ?? ''}
    `
    const { port = -1, flags = [] } = options
    return this.#start(hub, { config, port, flags, leafListener: true })
  }

  async startLeaf(
    hubLeafPort: number,
    options: LeafOptions = {},
    leaf = this.pair.leaf,
  ): Promise<ServerProcess> {
    const { port = -1, flags = [], scheme = 'nats-leaf', host = '127.0.0.1' } = options
    const at = options.credentials === undefined ? '' : `${options.credentials}@`
    const config = `
      server_name: ${options.name ?? 'leaf'}
      leafnodes {
        remotes: [ { url: "${scheme}://${at}${host}:${hubLeafPort}"
          ${options.remote ?? ''}
        } ]
        ${options.leafnodes ?? ''}
      }
      ${options.top ?? ''}
    `
    const leafListener = options.leafnodes?.includes('port:') === true
    return this.#start(leaf, { config, port, flags, leafListener })
  }

  async connect(server: ServerProcess, options: ConnectOptions = {}): Promise<TestConnection> {
    const connection = await CLASSIC.connect({
      servers: server.url,
      reconnectTimeWait: 50,
      maxReconnectAttempts: -1,
      ...options,
    })
    this.#connections.push(connection)
    return connection
  }

  async endClients(): Promise<void> {
    await Promise.all(this.#connections.splice(0).map((connection) => connection.close()))
  }

  async endAll(): Promise<void> {
    await this.endClients()
    await Promise.all(this.#servers.splice(0).map((server) => server.stop()))
  }

  async #start(serverProgram: ServerProgram, options: ServerOptions): Promise<ServerProcess> {
    const reason = notHonouredReason(serverProgram, options.config)
    if (reason !== false) throw new NotHonouredError(reason)
    const server = await startServer(serverProgram, options)
    this.#servers.push(server)
    return server
  }
}

type Releases = 'every release' | 'oldest and newest'

export type Check<B> = (
  name: string,
  body: (bench: B) => Promise<void>,
  /** A reason not to run the test with this pair, or false. */
  skip?: (pair: Pair) => string | false,
) => void

/** Defines tests that start the servers they need, for every pair without the middle release. */
export function eachPair(title: string, define: (check: Check<Bench>) => void): void {
  forPairs(title, pairs('oldest and newest'), define)
}

/** As eachPair, with the middle release: for where links differ from release to release. */
export function eachPairOfEveryRelease(title: string, define: (check: Check<Bench>) => void): void {
  forPairs(title, pairs('every release'), define)
}

function forPairs(
  title: string,
  ends: readonly Pair[],
  define: (check: Check<Bench>) => void,
): void {
  describe(title, { concurrency: PAIRS_AT_A_TIME }, () => {
    for (const pair of ends) {
      describe(describePair(pair), suiteOptions(pair), () => {
        const workshop = new Workshop(pair)
        afterEach(() => workshop.endAll())
        define((name, body, skip) => {
          const options = { timeout: TEST_MS_MAX, skip: skip?.(pair) ?? false }
          test(name, options, (t) => run(workshop, () => body(workshop), t))
        })
      })
    }
  })
}

/** Defines tests that share one connected hub and leaf, for every pair. */
export function eachLinkedPair(title: string, define: (check: Check<LinkedBench>) => void): void {
  describe(title, { concurrency: PAIRS_AT_A_TIME }, () => {
    for (const pair of pairs('every release')) {
      describe(describePair(pair), suiteOptions(pair), () => {
        const workshop = new Workshop(pair)
        let hub: ServerProcess
        let leaf: ServerProcess
        before(async () => {
          await run(workshop, async () => {
            hub = await workshop.startHub()
            leaf = await workshop.startLeaf(hub.leafPort)
            await crossInterest(await workshop.connect(hub), await workshop.connect(leaf))
            await workshop.endClients()
          })
        })
        afterEach(() => workshop.endClients())
        after(() => workshop.endAll())
        define((name, body, skip) => {
          const options = { timeout: TEST_MS_MAX, skip: skip?.(pair) ?? false }
          test(name, options, (t) => run(workshop, () => body(linkedBench(workshop, hub, leaf)), t))
        })
      })
    }
  })
}

function linkedBench(workshop: Workshop, hub: ServerProcess, leaf: ServerProcess): LinkedBench {
  return {
    pair: workshop.pair,
    hub,
    leaf,
    startHub: (...args) => workshop.startHub(...args),
    startLeaf: (...args) => workshop.startLeaf(...args),
    connect: (...args) => workshop.connect(...args),
  }
}

function suiteOptions({ hub, leaf }: Pair) {
  return { skip: skipReason(hub, leaf), concurrency: 1 }
}

async function run(
  workshop: Workshop,
  body: () => Promise<void>,
  test?: TestContext,
): Promise<void> {
  try {
    await body()
  } catch (error) {
    // Only the body knows what it starts Sable with.
    if (error instanceof NotHonouredError && test !== undefined) return test.skip(error.message)
    throw withLog(error, workshop.servers)
  }
}

function describePair({ hub, leaf }: Pair): string {
  return `hub ${hub.name}, leaf ${leaf.name}`
}
