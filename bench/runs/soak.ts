import { setTimeout as delay } from 'node:timers/promises'
import type { Measurement } from '../measurement.ts'
import { residentBytes } from '../process-usage.ts'
import type { LoadScenario, SoakScenario } from '../scenarios/types.ts'
import type { Site } from '../site.ts'
import { runLoad } from './clients.ts'
import type { RunContext } from './context.ts'

const KIB = 1024
const MIB = KIB * KIB
const LOOKS = 20
const MS_PER_HOUR = 3_600_000

/** A load at a fixed rate, and the server's memory meanwhile. */
export async function runSoak(
  scenario: SoakScenario,
  site: Site,
  context: RunContext,
): Promise<Measurement> {
  const rate = context.rate ?? scenario.rate[context.size]
  const { durationMs } = context.amount ?? scenario.amounts[context.size].measured
  const over = new AbortController()
  const memory = watch(site.pids[0], durationMs / LOOKS, over.signal)
  const load: LoadScenario = { ...scenario, kind: 'load', share: 1, smokeRate: rate }
  const measured = await runLoad(load, site, { ...context, rate }).finally(() => over.abort())
  const looks = await memory
  // The first look is before the load: what is loaded and compiled for it is no growth.
  const [first, last] = [looks[Math.min(1, looks.length - 1)], looks.at(-1)]
  const isKnown = first !== undefined && last !== undefined
  const hours = isKnown ? (last.atMs - first.atMs) / MS_PER_HOUR : 0
  return {
    ...measured,
    metrics: {
      ...measured.metrics,
      residentFirstMib: first && first.bytes / MIB,
      residentLastMib: last && last.bytes / MIB,
      residentMaxMib: isKnown ? Math.max(...looks.map(({ bytes }) => bytes)) / MIB : undefined,
      growthMibPerHour: isKnown && hours > 0 ? (last.bytes - first.bytes) / MIB / hours : undefined,
    },
  }
}

interface Look {
  readonly atMs: number
  readonly bytes: number
}

async function watch(
  pid: number | undefined,
  intervalMs: number,
  over: AbortSignal,
): Promise<readonly Look[]> {
  const looks: Look[] = []
  const look = async (): Promise<void> => {
    const bytes = pid === undefined ? undefined : await residentBytes(pid)
    if (bytes !== undefined) looks.push({ atMs: performance.now(), bytes })
  }
  while (!over.aborted) {
    await look()
    await delay(intervalMs, undefined, { signal: over }).catch(() => {}) // over: the last look
  }
  await look()
  return looks
}
