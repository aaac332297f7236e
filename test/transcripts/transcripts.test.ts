/**
 * The broker answers raw byte scripts as nats-server does.
 *
 *   node --test test/transcripts/transcripts.test.ts   Sable against the recorded answers
 *   NATS_SERVER=… node --test …                        and the real server against them too
 *   TEST_SERVERS=nats-server NATS_SERVER=… node --test …  the real server only
 *   TRANSCRIPT='max_payload' node --test …             scripts whose name contains the text
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { notHonouredReason } from '../support/not-yet-honoured.ts'
import type { ServerProgram } from '../support/peers.ts'
import { listFrom, program, programsUnderTest, skipReason } from '../support/peers.ts'
import { readAnswers } from './answers.ts'
import { ScriptServer } from './place.ts'
import { type Answers, canonical, cutPositions, runTranscript } from './run.ts'
import type { Transcript } from './script.ts'
import { byConfig, TRANSCRIPTS } from './scripts/all.ts'

const SERVERS_AT_A_TIME = 4
/**
 * Scripts of one server run one after the other, so the many of the default configuration are dealt
 * out.
 */
const SCRIPTS_PER_SERVER = 40
const SCRIPT_MS_MAX = 60_000

const { recordedFrom, answers } = readAnswers()
const nameFilter = process.env['TRANSCRIPT'] ?? ''

test('each script has recorded answers, and each recorded answer a script', () => {
  assert.deepEqual(TRANSCRIPTS.map(({ name }) => name).sort(), Object.keys(answers).sort())
})

for (const target of targets()) {
  describe(`${target.name}: raw byte scripts`, { concurrency: SERVERS_AT_A_TIME }, () => {
    for (const [config, scripts] of batches()) {
      const skip = notHonouredReason(target, config)
      describe(label(config), { concurrency: 1, skip }, () => {
        let server: ScriptServer
        before(async () => {
          server = await ScriptServer.start(target, config)
        })
        after(() => server?.stop())
        for (const script of scripts) {
          test(script.name, { timeout: SCRIPT_MS_MAX }, () => check(script, server))
        }
      })
    }
  })
}

/** The programs under test, and the real server where it is the version the answers are from. */
function targets(): readonly ServerProgram[] {
  const underTest = programsUnderTest()
  const real = program('nats-server')
  if (listFrom('TEST_SERVERS').length > 0 || underTest.includes(real)) return underTest
  const skip = skipReason(real) || versionMismatch(real)
  if (skip) {
    test('nats-server gives the recorded answers itself', { skip }, () => {})
    return underTest
  }
  return [...underTest, real]
}

function versionMismatch(real: ServerProgram): string | false {
  if (real.missing !== null) return false
  const version = execFileSync(real.path, ['--version'], { encoding: 'utf8' }).trim()
  return version === recordedFrom
    ? false
    : `answers are from "${recordedFrom}", this is "${version}"`
}

function batches(): [string, readonly Transcript[]][] {
  const found: [string, readonly Transcript[]][] = []
  for (const [config, all] of byConfig()) {
    const scripts = all.filter(({ name }) => name.includes(nameFilter))
    for (let start = 0; start < scripts.length; start += SCRIPTS_PER_SERVER) {
      found.push([config, scripts.slice(start, start + SCRIPTS_PER_SERVER)])
    }
  }
  return found
}

function label(config: string): string {
  const text = config.replace(/\s+/g, ' ').trim()
  if (text === '') return 'default configuration'
  return text.length > 60 ? `${text.slice(0, 60)} …` : text
}

async function check(script: Transcript, server: ScriptServer): Promise<void> {
  const expected = answers[script.name]
  assert.ok(expected, `no recorded answers for "${script.name}": run test/transcripts/record.ts`)
  await compare(script, server, expected)
  if (script.splitsEverywhere !== true) return
  for (const cutAt of cutPositions(script)) await compare(script, server, expected, cutAt)
}

async function compare(
  script: Transcript,
  server: ScriptServer,
  expected: Answers,
  cutAt?: number,
): Promise<void> {
  let seen: Answers
  try {
    seen = canonical(script, await runTranscript(script, server, expected, cutAt))
  } catch (error) {
    throw new Error(`${String(error)}\n${server.logTail}`)
  }
  const where = cutAt === undefined ? '' : `, first bytes cut at ${cutAt}`
  try {
    assert.deepEqual(seen, expected)
  } catch {
    const heading = `answers differ from those of ${recordedFrom}${where}`
    const difference = showDifference(script, expected, seen)
    assert.fail([heading, difference, server.logTail].join('\n'))
  }
}

/** Steps and answers side by side, as far as the first take that differs. */
function showDifference(script: Transcript, expected: Answers, seen: Answers): string {
  const shown: string[] = []
  let takeIndex = 0
  for (const step of script.steps) {
    if (step.kind === 'send') shown.push(`  ${step.on} sends ${quote(step.bytes)}`)
    if (step.kind === 'open' || step.kind === 'close') shown.push(`  ${step.on} ${step.kind}s`)
    if (step.kind !== 'take') continue
    const wanted = expected[takeIndex] ?? []
    const got = seen[takeIndex] ?? []
    takeIndex += 1
    if (JSON.stringify(wanted) === JSON.stringify(got)) continue
    const frameIndex = wanted.findIndex((frame, index) => frame !== got[index])
    const at = frameIndex < 0 ? wanted.length : frameIndex
    shown.push(`  ${step.on}: frame ${at} differs (${wanted.length} expected, ${got.length} came)`)
    shown.push(`    expected ${quote(wanted[at] ?? '<nothing>')}`)
    shown.push(`    came     ${quote(got[at] ?? '<nothing>')}`)
    return shown.join('\n')
  }
  const rest = { expected: expected.slice(takeIndex), came: seen.slice(takeIndex) }
  return [...shown, `  after the last step: ${quote(JSON.stringify(rest))}`].join('\n')
}

function quote(text: string): string {
  const quoted = JSON.stringify(text)
  return quoted.length > 400 ? `${quoted.slice(0, 300)} … ${quoted.slice(-90)}` : quoted
}
