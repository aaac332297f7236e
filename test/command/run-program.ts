import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe } from 'node:test'
import { programsUnderTest, type ServerProgram, skipReason } from '../support/peers.ts'

const END_MS_MAX = 20_000

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program that is to end by itself. */
export function runToEnd(
  path: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Ended {
  const { status, stdout, stderr } = spawnSync(path, args, {
    ...options,
    encoding: 'utf8',
    timeout: END_MS_MAX,
    killSignal: 'SIGKILL',
  })
  return { code: status, stdout, stderr }
}

/** Defines tests for each program under test; `folder` is removed after them. */
export function eachProgram(
  title: string,
  define: (program: ServerProgram, folder: string) => void,
): void {
  for (const program of programsUnderTest()) {
    describe(`${title}, ${program.name}`, { skip: skipReason(program) }, () => {
      const folder = mkdtempSync(join(tmpdir(), 'command-'))
      after(() => rmSync(folder, { recursive: true }))
      define(program, folder)
    })
  }
}
