import { setTimeout as delay } from 'node:timers/promises'
import type { Measurement } from '../measurement.ts'
import { residentBytes } from '../process-usage.ts'
import type { ResidentScenario } from '../scenarios/types.ts'
import type { RunContext } from './context.ts'
import { startWithWorkers } from './start-with-workers.ts'

const MIB = 1024 * 1024

/** Memory of a server that nobody has connected to. */
export async function runResident(
  scenario: ResidentScenario,
  command: readonly string[],
  context: RunContext,
): Promise<Measurement> {
  const server = await startWithWorkers(command, scenario.workers)
  try {
    await delay(scenario.settleMs[context.size])
    const bytes = server.pid === undefined ? undefined : await residentBytes(server.pid)
    return { metrics: { residentMib: bytes === undefined ? undefined : bytes / MIB } }
  } finally {
    await server.stop()
  }
}
