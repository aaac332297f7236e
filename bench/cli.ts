import { type BenchOptions, parseBenchArguments, type Target } from './arguments.ts'
import { createDriverPool } from './driver-group.ts'
import { helpText } from './help.ts'
import { loadKernelModule } from './kernel/receive-kernel.ts'
import { type PairCommands, startLeafPair } from './leaf-pair.ts'
import { describeMachine, warnOfLoad } from './machine.ts'
import { METRICS, type Measurement, type MetricKey } from './measurement.ts'
import { readResults } from './outputs/results.ts'
import { type OutputPaths, writeOutputs } from './outputs/write.ts'
import { startRedis } from './redis/redis-server.ts'
import type { ScenarioResult } from './report.ts'
import { runClients, runLoad } from './runs/clients.ts'
import { runConnz } from './runs/connz.ts'
import type { RunContext } from './runs/context.ts'
import { runIdle } from './runs/idle.ts'
import { runLatency } from './runs/latency.ts'
import { runLeafFleet } from './runs/leaf-fleet.ts'
import { runLeafInterest } from './runs/leaf-interest.ts'
import { runMonitored } from './runs/monitored.ts'
import { runReload } from './runs/reload.ts'
import { runRequests } from './runs/requests.ts'
import { runResident } from './runs/resident.ts'
import { runSlowConsumer } from './runs/slow-consumer.ts'
import { runSoak } from './runs/soak.ts'
import { runStartup } from './runs/startup.ts'
import { runLogins, runStorm } from './runs/storm.ts'
import { runSubscriptions } from './runs/subscriptions.ts'
import { runThroughput } from './runs/throughput.ts'
import { runWorkers } from './runs/workers.ts'
import type { Scenario } from './scenarios/types.ts'
import { killRunningServers, type Server, startServer } from './server-process.ts'
import { startSetting } from './settings.ts'
import { type Site, siteOfServer } from './site.ts'
import { ratio } from './statistics.ts'
import { startTlsServer } from './tls-server.ts'
import { versionsOf } from './versions.ts'
import { startWebsocketServer } from './websocket-server.ts'
import { canRun, type Wire } from './wire.ts'

const EXIT_OK = 0
const EXIT_FAILED = 1
const EXIT_USAGE = 2
const EXIT_INTERRUPTED = 130

/** Two drivers only help where server and generator do not want the same processors. */
const PROCESSORS_FOR_TWO_DRIVERS = 4

/** Of a scenario that a server is not made for, or must be started for. */
const NOT_STARTED: Measurement = { metrics: {} }

const NO_SPECIALS = { link: undefined, tls: undefined, websocket: undefined, setting: undefined }

/**
 * `sable bench`: writes the table to standard output and progress to standard error.
 *
 * @returns exit code: 0, 1 when a run failed (lost messages, a server that broke off), 2 for usage
 */
export async function runBench(argv: readonly string[]): Promise<number> {
  const parsed = parseBenchArguments(argv)
  if (parsed.kind === 'help') {
    process.stdout.write(helpText())
    return EXIT_OK
  }
  if (parsed.kind === 'refused') {
    process.stderr.write(`sable bench: ${parsed.reason}\nTry 'sable bench --help'.\n`)
    return EXIT_USAGE
  }
  if (parsed.kind === 'report') return report(parsed.paths, parsed.outputs)
  const onSignal = (): void => {
    killRunningServers()
    process.exit(EXIT_INTERRUPTED)
  }
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal).once('exit', killRunningServers)
  try {
    return await runAll(parsed.options, commandLine(argv))
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal).off('exit', killRunningServers)
  }
}

/** Shows what was measured before. */
async function report(paths: readonly string[], outputs: OutputPaths): Promise<number> {
  try {
    await writeOutputs(await readResults(paths), outputs)
    return EXIT_OK
  } catch (error) {
    process.stderr.write(`sable bench: ${error instanceof Error ? error.message : error}\n`)
    return EXIT_FAILED
  }
}

async function runAll(options: BenchOptions, command: string): Promise<number> {
  const machine = describeMachine()
  const warning = warnOfLoad(machine)
  if (warning !== undefined) process.stderr.write(`${warning}\n`)
  const drivers = options.drivers ?? (machine.processors >= PROCESSORS_FOR_TWO_DRIVERS ? 2 : 1)
  const kernel = await loadKernelModule()
  const pool = createDriverPool(drivers)
  const results: ScenarioResult[] = []
  try {
    const { size, amount, rate, connections, links, subscriptions } = options
    const load = { amount, rate, connections, links, subscriptions }
    const reference = referenceOf(options.targets)
    const context: RunContext = {
      ...{ pool, kernel, size, drivers, ...load },
      openReference: async () => siteOfServer(await openTarget(reference)),
      maxima: new Map(),
    }
    for (const scenario of options.scenarios) {
      results.push(await runScenario(scenario, options, context))
    }
  } finally {
    await pool.destroy()
  }
  const { size, rounds, outputs, targets } = options
  const date = new Date().toISOString()
  const versions = await versionsOf(targets)
  const facts = { machine, date, size, rounds, command, versions }
  await writeOutputs({ runs: [facts], scenarios: results }, outputs)
  const hasFailed = results.some(({ targets }) => targets.some((target) => target.failures.length))
  return hasFailed ? EXIT_FAILED : EXIT_OK
}

/**
 * Rounds of all targets in turn, A B A B: what the machine does meanwhile then meets them alike.
 */
async function runScenario(
  scenario: Scenario,
  options: BenchOptions,
  context: RunContext,
): Promise<ScenarioResult> {
  const targets = options.targets.map(({ name }) => ({
    target: name,
    rounds: [] as Measurement[],
    failures: [] as string[],
  }))
  for (let round = 1; round <= options.rounds; round++) {
    for (const [index, target] of options.targets.entries()) {
      const label = `${scenario.name} round ${round}/${options.rounds} ${target.name}`
      try {
        const measurement = await runOnce(scenario, target, options.hub, context)
        targets[index]!.rounds.push(measurement)
        process.stderr.write(`${label}: ${summarize(measurement)}\n`)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        targets[index]!.failures.push(reason)
        process.stderr.write(`${label}: FAILED ${reason}\n`)
      }
    }
  }
  return { scenario: scenario.name, workload: scenario.workload, targets }
}

async function runOnce(
  scenario: Scenario,
  target: Target,
  hub: readonly string[] | undefined,
  context: RunContext,
): Promise<Measurement> {
  if (!canRun(wireOf(target), scenario)) return NOT_STARTED
  const command = 'command' in target ? target.command : undefined
  const pair = command && { hub: hub ?? command, leaf: command }
  switch (scenario.kind) {
    case 'startup':
      return command ? runStartup(scenario, command, context) : NOT_STARTED
    case 'resident':
      return command ? runResident(scenario, command, context) : NOT_STARTED
    case 'monitored':
      return command ? runMonitored(scenario, command, context) : NOT_STARTED
    case 'connz':
      return command ? runConnz(scenario, command, context) : NOT_STARTED
    case 'reload':
      return command ? runReload(scenario, command, context) : NOT_STARTED
    case 'leaf-interest':
      return pair ? runLeafInterest(scenario, pair, context) : NOT_STARTED
    case 'leaf-fleet':
      return pair ? runLeafFleet(scenario, pair.hub, context) : NOT_STARTED
    case 'workers':
      return command ? runWorkers(scenario, command, context) : NOT_STARTED
    case 'subscriptions':
      return during(await openTarget(target), (server) =>
        runSubscriptions(scenario, server, context),
      )
    case 'idle':
      return during(await openTarget(target), (server) => runIdle(scenario, server, context))
  }
  const measured = await runAtSite(scenario, target, pair, context)
  if (measured === undefined) return NOT_STARTED
  if (scenario.kind !== 'throughput' || !scenario.besidePlain) return measured
  const { setting, ...plain } = scenario
  const beside = await runAtSite(plain, target, pair, context)
  return withPlain(measured, beside)
}

type SiteScenario = Extract<
  Scenario,
  {
    readonly kind:
      | 'throughput'
      | 'latency'
      | 'requests'
      | 'clients'
      | 'load'
      | 'logins'
      | 'storm'
      | 'slow-consumer'
      | 'soak'
  }
>

/** Undefined: the scenario needs servers started for it. */
async function runAtSite(
  scenario: SiteScenario,
  target: Target,
  pair: PairCommands | undefined,
  context: RunContext,
): Promise<Measurement | undefined> {
  const site = await openSite(scenario, target, pair)
  if (site === undefined) return undefined
  return during(site, () => {
    switch (scenario.kind) {
      case 'throughput':
        return runThroughput(scenario, site, context)
      case 'latency':
        return runLatency(scenario, site, context)
      case 'requests':
        return runRequests(scenario, site, context)
      case 'clients':
        return runClients(scenario, site, context)
      case 'load':
        return runLoad(scenario, site, context)
      case 'logins':
        return runLogins(scenario, site, context)
      case 'storm':
        return runStorm(scenario, site, context)
      case 'slow-consumer':
        return runSlowConsumer(scenario, site, context)
      case 'soak':
        return runSoak(scenario, site, context)
    }
  })
}

function withPlain(measured: Measurement, plain: Measurement | undefined): Measurement {
  const { publishedPerSecond } = measured.metrics
  const ofPlainRate = ratio('higher', publishedPerSecond, plain?.metrics.publishedPerSecond)
  return { ...measured, metrics: { ...measured.metrics, ofPlainRate } }
}

async function during<T extends { stop(): Promise<void> }>(
  opened: T,
  run: (opened: T) => Promise<Measurement>,
): Promise<Measurement> {
  try {
    return await run(opened)
  } finally {
    await opened.stop()
  }
}

async function openSite(
  scenario: SiteScenario,
  target: Target,
  pair: PairCommands | undefined,
): Promise<Site | undefined> {
  const { link, tls, websocket, setting } = { ...NO_SPECIALS, ...scenario }
  const command = 'command' in target ? target.command : undefined
  if (tls) return command && siteOfServer(await startTlsServer(command))
  if (websocket) return command && siteOfServer(await startWebsocketServer(command))
  if (setting !== undefined) return command && startSetting(command, setting)
  if (link === undefined) return siteOfServer(await openTarget(target))
  return pair && startLeafPair(pair, link)
}

async function openTarget(target: Target): Promise<Server> {
  if ('command' in target) {
    const wire = wireOf(target)
    if (wire === 'redis') return startRedis(target.command)
    const server = await startServer(target.command)
    return { ...server, endpoint: { ...server.endpoint, wire } }
  }
  return { endpoint: target.endpoint, pid: target.pid, stop: async () => {} }
}

/** As it can be given to a shell, without the credentials of a URL. */
function commandLine(argv: readonly string[]): string {
  const words = argv.map((word) => word.replace(/\/\/.*@/, '//'))
  const quoted = words.map((word) => (/^[\w./:,=@-]+$/.test(word) ? word : `'${word}'`))
  return ['sable bench', ...quoted].join(' ')
}

/** What ours is compared with first; ours, when it is with nothing that speaks NATS. */
function referenceOf(targets: readonly Target[]): Target {
  const [ours, ...theirs] = targets
  return theirs.find((target) => wireOf(target) === 'nats') ?? ours!
}

function wireOf(target: Target): Wire {
  return ('command' in target ? target.wire : undefined) ?? 'nats'
}

function summarize({ metrics, generatorBusy, hash }: Measurement): string {
  const figures = (Object.keys(metrics) as MetricKey[]).map((key) => {
    const value = metrics[key]?.toFixed(METRICS[key].digits) ?? 'n/a'
    return `${METRICS[key].label} ${value}`
  })
  if (generatorBusy !== undefined) figures.push(`generator ${(generatorBusy * 100).toFixed(0)} %`)
  if (hash !== undefined) figures.push(`hash ${hash}`)
  return figures.join(', ')
}
