/**
 * Records the answers of a real nats-server to all scripts into answers.json.
 *
 *   NATS_SERVER=/path/to/nats-server node test/transcripts/record.ts
 *   npx biome format --write test/transcripts/answers.json
 *
 * TRANSCRIPT='max_payload' records only scripts whose name contains the text, and keeps the answers
 * to the others.
 *
 * Each script runs twice; a difference between the two runs is a script that depends on chance, and
 * is refused.
 */

import { deepStrictEqual } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { program } from '../support/peers.ts'
import { readAnswers, writeAnswers } from './answers.ts'
import { type Place, ScriptServer } from './place.ts'
import { type Answers, canonical, runTranscript } from './run.ts'
import type { Transcript } from './script.ts'
import { byConfig, TRANSCRIPTS } from './scripts/all.ts'

const SERVERS_AT_A_TIME = 4
const SCRIPTS_PER_SERVER = 30

const real = program('nats-server')
if (real.missing !== null) throw new Error(real.missing)
const recordedFrom = execFileSync(real.path, ['--version'], { encoding: 'utf8' }).trim()
const recorded = new Map<string, Answers>()
const problems: string[] = []

const nameFilter = process.env['TRANSCRIPT'] ?? ''
const kept = nameFilter === '' ? {} : readAnswers().answers
for (const { name } of TRANSCRIPTS) {
  const answers = kept[name]
  if (!name.includes(nameFilter) && answers !== undefined) recorded.set(name, answers)
}
const wanted = [...byConfig()].map(
  ([config, scripts]) => [config, scripts.filter(({ name }) => name.includes(nameFilter))] as const,
)
const groups = wanted.filter(([, scripts]) => scripts.length > 0)
// The default configuration has by far the most scripts: several servers share them.
const jobs = groups.flatMap(([config, scripts]) =>
  Array.from({ length: Math.ceil(scripts.length / SCRIPTS_PER_SERVER) }, (_, index) => ({
    config,
    scripts: scripts.slice(index * SCRIPTS_PER_SERVER, (index + 1) * SCRIPTS_PER_SERVER),
  })),
)

async function work(): Promise<void> {
  for (let job = jobs.pop(); job !== undefined; job = jobs.pop()) {
    await using server = await ScriptServer.start(real, job.config)
    // One that has a server for itself may leave it in a state in which it cannot run again.
    await using second =
      job.scripts.length === 1 ? await ScriptServer.start(real, job.config) : null
    for (const script of job.scripts) await record(script, server, second ?? server)
  }
}

async function record(script: Transcript, ...places: readonly [Place, Place]): Promise<void> {
  if (recorded.has(script.name)) problems.push(`${script.name}: the name is not unique`)
  const first = canonical(script, await runTranscript(script, places[0]))
  const second = canonical(script, await runTranscript(script, places[1]))
  try {
    deepStrictEqual(second, first)
  } catch (error) {
    problems.push(`${script.name}: two runs differ\n${String(error)}`)
  }
  if (first.flat().some((frame) => frame.startsWith('surplus '))) {
    problems.push(`${script.name}: a take is missing: ${JSON.stringify(first)}`)
  }
  recorded.set(script.name, first)
}

await Promise.all(Array.from({ length: SERVERS_AT_A_TIME }, work))
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
const names = [...recorded.keys()].sort()
const answers = Object.fromEntries(names.map((name) => [name, recorded.get(name) ?? []]))
if (problems.length === 0) writeAnswers({ recordedFrom, answers })
console.log(`${recorded.size} scripts, ${problems.length} problems, ${recordedFrom}`)
