import { readFile } from 'node:fs/promises'
import os from 'node:os'
import type { Machine } from '../machine.ts'
import { METRICS, type MetricKey } from '../measurement.ts'
import { mediansOf, ratiosOf, type ScenarioResult, type TargetResult } from '../report.ts'

/** What a reader must know of one run of the bench. */
export interface RunFacts {
  readonly machine: Machine
  /** When it ended, ISO 8601. */
  readonly date: string
  readonly size: string
  readonly rounds: number
  /** As it was called. */
  readonly command: string
  /** What each server says of its version, by its name in the report. */
  readonly versions: Readonly<Record<string, string>>
}

/** One run, or several put together. */
export interface Results {
  readonly runs: readonly RunFacts[]
  readonly scenarios: readonly ScenarioResult[]
}

/** Text of a results file. The medians and ratios in it are for its readers alone. */
export function toJson({ runs, scenarios }: Results): string {
  const [facts] = runs
  const document = {
    ...facts,
    os: os.type(),
    metrics: METRICS,
    scenarios: scenarios.map((result) => ({
      ...result,
      targets: result.targets.map((target) => ({ ...target, medians: mediansOf(target) })),
      ratios: ratiosOf(result),
    })),
  }
  return `${JSON.stringify(document, undefined, 2)}\n`
}

/**
 * Reads files of `--json` and puts them together, see `mergeResults`.
 *
 * @throws Error that names the file when one cannot be read, or is something else
 */
export async function readResults(paths: readonly string[]): Promise<Results> {
  return mergeResults(await Promise.all(paths.map(readOne)))
}

async function readOne(path: string): Promise<Results> {
  let parsed: unknown
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new Error(`results cannot be read: path=${path}`, { cause })
  }
  if (!isDocument(parsed)) throw new Error(`not written by sable bench --json: path=${path}`)
  const { scenarios, machine, date, size, rounds, command = '', versions = {} } = parsed
  const runs = [{ machine, date, size, rounds, command, versions }]
  return { runs, scenarios: scenarios.map(withKnownMetrics) }
}

type Document = RunFacts & Pick<Results, 'scenarios'>

function isDocument(value: unknown): value is Document {
  const { scenarios, machine } = (value ?? {}) as Partial<Document>
  return typeof machine === 'object' && Array.isArray(scenarios) && scenarios.every(isScenario)
}

function isScenario(value: unknown): boolean {
  const { scenario, targets } = (value ?? {}) as Partial<ScenarioResult>
  return typeof scenario === 'string' && Array.isArray(targets) && targets.every(isTarget)
}

function isTarget(value: unknown): boolean {
  const { target, rounds, failures } = (value ?? {}) as Partial<TargetResult>
  return typeof target === 'string' && Array.isArray(rounds) && Array.isArray(failures)
}

/** Metrics of another version of the bench are left out. */
function withKnownMetrics(result: ScenarioResult): ScenarioResult {
  const targets = result.targets.map((target) => ({
    ...target,
    rounds: target.rounds.map((round) => {
      const known = Object.entries(round.metrics ?? {}).filter(
        (entry): entry is [MetricKey, number] => entry[0] in METRICS,
      )
      return { ...round, metrics: Object.fromEntries(known) }
    }),
  }))
  return { ...result, targets }
}

/**
 * Scenarios of all, in order; of a scenario and server that are in several, the rounds are put
 * together.
 */
export function mergeResults(parts: readonly Results[]): Results {
  const scenarios = new Map<string, ScenarioResult>()
  for (const result of parts.flatMap((part) => part.scenarios)) {
    const before = scenarios.get(result.scenario)
    const targets = before === undefined ? result.targets : mergeTargets(before, result)
    scenarios.set(result.scenario, { ...result, targets })
  }
  return { runs: parts.flatMap(({ runs }) => runs), scenarios: [...scenarios.values()] }
}

function mergeTargets(first: ScenarioResult, second: ScenarioResult): readonly TargetResult[] {
  const targets = new Map(first.targets.map((target) => [target.target, target]))
  for (const more of second.targets) {
    const before = targets.get(more.target)
    targets.set(more.target, {
      ...more,
      rounds: [...(before?.rounds ?? []), ...more.rounds],
      failures: [...(before?.failures ?? []), ...more.failures],
    })
  }
  return [...targets.values()]
}

/** Names of all servers, ours first, in the order they were given. */
export function targetNames({ scenarios }: Results): readonly string[] {
  return [...new Set(scenarios.flatMap(({ targets }) => targets.map(({ target }) => target)))]
}
