import { DriverGroup } from '../driver-group.ts'
import type { ClientsPhase, LatencyCommand } from '../drivers/tasks.ts'
import type { Measurement } from '../measurement.ts'
import { startCpuMeter } from '../process-usage.ts'
import { REQUESTS } from '../scenarios/amounts.ts'
import type { ClientsScenario, LoadScenario } from '../scenarios/types.ts'
import type { Site } from '../site.ts'
import { amountsOf, type RunContext } from './context.ts'

const NS_PER_US = 1_000
const NS_PER_S = 1e9
/** Time on top of a phase's own length before it counts as stuck. */
const GRACE_MS = 10_000

type Shape = Pick<ClientsScenario, 'clients' | 'payloadBytes'>
type Group = DriverGroup<LatencyCommand, ClientsPhase>

/** Each client sends its next request when it has the answer to the last. */
export async function runClients(
  scenario: ClientsScenario,
  site: Site,
  context: RunContext,
): Promise<Measurement> {
  const { warmup, measured } = amountsOf(context, scenario.amounts)
  return withClients(scenario, site, context, async (group) => {
    await run(group, warmup)
    const { phase, cpuNs } = await meter(group, site, measured)
    return {
      metrics: {
        requestsPerSecond: perSecond(phase),
        closedP50Us: phase.p50Ns / NS_PER_US,
        closedP99Us: phase.p99Ns / NS_PER_US,
        cpuNsPerRequest: cpuNs === undefined ? undefined : cpuNs / phase.requests,
      },
      messages: phase.requests,
      generatorBusy: phase.cpuNs / phase.elapsedNs,
      latency: { closed: phase },
    }
  })
}

/**
 * Requests at fixed times, by --rate or a share of what the server of reference answers to the same
 * clients when each waits for its answers.
 */
export async function runLoad(
  scenario: LoadScenario,
  site: Site,
  context: RunContext,
): Promise<Measurement> {
  const { warmup, measured } = amountsOf(context, scenario.amounts)
  const rate = context.rate ?? (await shareOf(scenario, context))
  return withClients(scenario, site, context, async (group) => {
    await run(group, { ...warmup, rate })
    const { phase, cpuNs } = await meter(group, site, { ...measured, rate })
    return {
      metrics: {
        offeredPerSecond: rate,
        loadP50Us: phase.p50Ns / NS_PER_US,
        loadP99Us: phase.p99Ns / NS_PER_US,
        loadP999Us: phase.p999Ns / NS_PER_US,
        generatorLateUs: phase.lateP99Ns / NS_PER_US,
        cpuNsPerRequest: cpuNs === undefined ? undefined : cpuNs / phase.requests,
      },
      messages: phase.requests,
      latency: { paced: phase },
    }
  })
}

async function shareOf(scenario: LoadScenario, context: RunContext): Promise<number> {
  if (context.size === 'smoke') return scenario.smokeRate
  const kind = `clients=${scenario.clients} payload=${scenario.payloadBytes}`
  const known = context.maxima.get(kind)
  const most = known ?? (await measureMost(scenario, context))
  context.maxima.set(kind, most)
  return most * scenario.share
}

async function measureMost(shape: Shape, context: RunContext): Promise<number> {
  const site = await context.openReference()
  try {
    return await withClients(shape, site, context, async (group) => {
      await run(group, REQUESTS.full.warmup)
      return perSecond(await run(group, REQUESTS.full.measured))
    })
  } finally {
    await site.stop()
  }
}

async function withClients<T>(
  { clients, payloadBytes }: Shape,
  { publishAt, subscribeAt, settle }: Site,
  { pool, kernel }: RunContext,
  use: (group: Group) => Promise<T>,
): Promise<T> {
  const task = { kind: 'clients', publishAt, subscribeAt, kernel, clients, payloadBytes } as const
  const group: Group = await DriverGroup.open(pool, [task])
  try {
    await settle()
    return await use(group)
  } finally {
    await group.end()
  }
}

async function meter(
  group: Group,
  site: Site,
  command: LatencyCommand,
): Promise<{ phase: ClientsPhase; cpuNs: number | undefined }> {
  const cpu = await startCpuMeter(site.pids)
  const phase = await run(group, command)
  return { phase, cpuNs: await cpu.readNs() }
}

async function run(group: Group, command: LatencyCommand): Promise<ClientsPhase> {
  const timeoutMs = command.durationMs + GRACE_MS
  const [phase] = await group.run(command, timeoutMs, () => `no end after ${timeoutMs} ms`)
  return phase!
}

function perSecond({ requests, elapsedNs }: ClientsPhase): number {
  return (requests * NS_PER_S) / elapsedNs
}
