import { setTimeout as delay } from 'node:timers/promises'
import { Crowd } from '../crowd.ts'
import { DriverGroup } from '../driver-group.ts'
import type { PingPhase, TakePings } from '../drivers/tasks.ts'
import type { Measurement } from '../measurement.ts'
import type { ReloadScenario } from '../scenarios/types.ts'
import { type StartedServer, startServer } from '../server-process.ts'
import { asUser, type UsersChange, usersConfig } from '../settings.ts'
import { median } from '../statistics.ts'
import type { RunContext } from './context.ts'

const NS_PER_MS = 1e6
/** Connections of the PINGs, each of another user. */
const PINGERS = 8
const PING_INTERVAL_MS = 1
const ANSWER_MS_MAX = 30_000

/**
 * What one reload after the other makes of the first configuration: a user more, another
 * permission, another limit, the user gone again, and all as it was. Nobody must be disconnected.
 */
const CHANGES: readonly UsersChange[] = [
  { users: 101 },
  { users: 101, firstMayPublish: 'more.>' },
  { users: 101, firstMayPublish: 'more.>', maxPayload: 2 * 1024 * 1024 },
  { firstMayPublish: 'more.>', maxPayload: 2 * 1024 * 1024 },
  {},
]

/** PINGs at a steady pace: a while without a reload, then with one, in turn. */
export async function runReload(
  scenario: ReloadScenario,
  command: readonly string[],
  context: RunContext,
): Promise<Measurement> {
  const count = context.connections ?? scenario.connections[context.size]
  const server = await startServer(command, usersConfig())
  let crowd: Crowd | undefined
  try {
    crowd = await Crowd.open(count, (index) => asUser(server.endpoint, index))
    await delay(scenario.settleMs[context.size])
    const measurement = await Promise.race([measure(scenario, server, context), crowd.failure])
    await Promise.race([crowd.prove(), crowd.failure])
    return measurement
  } finally {
    crowd?.close()
    await server.stop()
  }
}

async function measure(
  scenario: ReloadScenario,
  server: StartedServer,
  context: RunContext,
): Promise<Measurement> {
  const watchMs = scenario.watchMs[context.size]
  const endpoints = Array.from({ length: PINGERS }, (_, user) => asUser(server.endpoint, user))
  const group = await DriverGroup.open<TakePings, PingPhase>(context.pool, [
    { kind: 'ping', kernel: context.kernel, endpoints, intervalMs: PING_INTERVAL_MS },
  ])
  try {
    const take = async (): Promise<PingPhase> => {
      const [phase] = await group.run('take', ANSWER_MS_MAX, () => 'not every PING is answered')
      return phase!
    }
    const quiet: PingPhase[] = []
    const busy: PingPhase[] = []
    const reloadsMs: number[] = []
    await delay(watchMs)
    await take()
    for (let reload = 0; reload < scenario.reloads[context.size]; reload++) {
      await delay(watchMs)
      quiet.push(await take())
      const watched = delay(watchMs)
      reloadsMs.push(await server.reload(usersConfig(CHANGES[reload % CHANGES.length])))
      await watched
      busy.push(await take())
    }
    return { metrics: { reloadMs: median(reloadsMs), ...longest(quiet, busy) } }
  } finally {
    await group.end()
  }
}

function longest(quiet: readonly PingPhase[], busy: readonly PingPhase[]): Measurement['metrics'] {
  const worstMs = (phases: readonly PingPhase[]): number[] =>
    phases.map(({ worstNs }) => worstNs / NS_PER_MS)
  return {
    reloadWorstMs: Math.max(...worstMs(busy)),
    reloadTypicalMs: median(worstMs(busy)),
    quietWorstMs: Math.max(...worstMs(quiet)),
    quietTypicalMs: median(worstMs(quiet)),
    generatorPauseMs: Math.max(...busy.map(({ worstPauseNs }) => worstPauseNs)) / NS_PER_MS,
  }
}
