/**
 * Sees to it that no commit makes a message much dearer: fixed work for this broker and for that of
 * an earlier commit, in turns, and a comparison of the processor time of both.
 *
 *   npm run guard                      exit code 1 when a scenario costs over 15 % more
 *   GUARD_BASE=<rev> npm run guard     compares with that commit
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBaseCommit } from './base-commit.ts'
import { buildCommit } from './previous-build.ts'
import { type BenchResults, describeVerdict, judge, type Verdict } from './verdict.ts'

/**
 * Fixed work of each publisher: about half a second of the server's processor time, which the
 * system counts in hundredths.
 */
const WORK: Readonly<Record<string, number>> = {
  pub: 40_000_000,
  '1:1-16': 15_000_000,
  '1:1-1024': 800_000,
  'fan-out': 3_000_000,
  requests: 100_000,
  'leaf-16': 2_000_000,
}
const ROUNDS = 2
/** Of a scenario that seems worse: noise must not fail a commit. */
const ROUNDS_TO_CONFIRM = 6

const ROOT = join(import.meta.dirname, '..', '..')

async function guard(): Promise<boolean> {
  const base = findBaseCommit(ROOT)
  if (base === undefined) {
    console.log('no earlier commit in this clone: nothing to compare with')
    return true
  }
  console.log(`compared with ${base.commit.slice(0, 10)} (${base.why})`)
  await using previous = await buildCommit(ROOT, base.commit)
  const first = compare(previous.program, Object.keys(WORK), ROUNDS)
  const suspects = first.filter(({ isWorse }) => isWorse).map(({ scenario }) => scenario)
  if (suspects.length === 0) return true
  console.log(`once more, in ${ROUNDS_TO_CONFIRM} rounds: ${suspects.join(', ')}`)
  return compare(previous.program, suspects, ROUNDS_TO_CONFIRM).every(({ isWorse }) => !isWorse)
}

function compare(previous: string, scenarios: readonly string[], rounds: number): Verdict[] {
  const folder = mkdtempSync(join(tmpdir(), 'sable-guard-results-'))
  try {
    return scenarios.flatMap((scenario) => {
      const verdicts = judge(measure(previous, scenario, rounds, join(folder, 'results.json')))
      for (const verdict of verdicts) console.log(describeVerdict(verdict))
      return verdicts
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function measure(previous: string, scenario: string, rounds: number, file: string): BenchResults {
  const args = ['bench', '--scenario', scenario, '--messages', String(WORK[scenario])]
  execFileSync(
    join(ROOT, 'bin', 'sable'),
    [...args, '--rounds', String(rounds), '--vs', previous, '--json', file],
    { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] },
  )
  return JSON.parse(readFileSync(file, 'utf8')) as BenchResults
}

process.exitCode = (await guard()) ? 0 : 1
