import type { Measurement } from '../measurement.ts'
import type { StartupScenario } from '../scenarios/types.ts'
import { measureStartMs } from '../server-process.ts'
import { median } from '../statistics.ts'
import type { RunContext } from './context.ts'

/** Median of several starts. */
export async function runStartup(
  scenario: StartupScenario,
  command: readonly string[],
  context: RunContext,
): Promise<Measurement> {
  const startsMs: number[] = []
  for (let start = 0; start < scenario.starts[context.size]; start++) {
    startsMs.push(await measureStartMs(command))
  }
  return { metrics: { startupMs: median(startsMs) } }
}
