import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { interpretCommandLine } from '../../src/config/command-line.ts'
import { ACCOUNT_RULES } from '../../src/router/account-rules.ts'
import { program } from '../support/peers.ts'

/** The real program beside ours, for tests that put the same to both; NATS_SERVER names it. */
const { path, missing } = program('nats-server')

/** For tests that cannot do without the real program. */
export const needsServer = missing === null ? {} : { skip: missing }

const environment = {
  SABLE_INT: '5',
  SABLE_TEXT: '"5"',
  SABLE_LOOP: '$SABLE_LOOP',
  SABLE_BAD: '[',
}

export interface Answer {
  readonly code: number | null
  readonly stdout: string
  /** Sorted: nats-server goes through a file in random order. */
  readonly stderr: readonly string[]
}

function answer(code: number | null, stdout: string, stderr: string): Answer {
  return { code, stdout: stdout.startsWith('\nUsage:') ? 'usage' : stdout, stderr: lines(stderr) }
}

function lines(text: string): string[] {
  return (
    text
      .replace(/^nats-server: /, '')
      .split('\n')
      // Follows an error inside the authorization block, and is an accident of nats-server's.
      .filter((line) => !line.includes('runtime error: invalid memory address'))
      .sort()
  )
}

/** @param endMs when a server that runs is ended */
export function theirs(argv: readonly string[], endMs = 10_000): Answer {
  const { status, stdout, stderr } = spawnSync(path, argv, {
    encoding: 'utf8',
    env: environment,
    timeout: endMs,
  })
  return answer(status, stdout.replace(/v2\.\d+\.\d+/, 'v2'), stderr)
}

export function ours(argv: readonly string[]): Answer {
  const result = interpretCommandLine(argv, environment, ACCOUNT_RULES)
  if (result.kind !== 'exit') return answer(null, `${result.kind}s`, '')
  return answer(result.code, result.stdout.replace(/v2\.\d+\.\d+/, 'v2'), result.stderr)
}

/** What both say of the file with `-t`. */
export function compareFiles(file: string): void {
  const argv = ['-t', '-c', file]
  assert.deepEqual(ours(argv), theirs(argv), readFileSync(file, 'utf8'))
}
