/** Runs `sable <tool>` from the sources, and the programs of NATS that the tools follow. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ToolOutput } from '../../src/tools/tool-output.ts'
import { ROOT } from '../support/peers.ts'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const END_MS_MAX = 60_000

export function runProgram(
  path: string,
  args: readonly string[],
  { input = '', env = {} }: { readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Ended {
  const { status, stdout, stderr } = spawnSync(path, args, {
    encoding: 'utf8',
    input,
    env: { ...process.env, ...env },
    timeout: END_MS_MAX,
    killSignal: 'SIGKILL',
  })
  return { code: status, stdout, stderr }
}

export function sable(args: readonly string[], input = ''): Ended {
  return runProgram(process.execPath, [join(ROOT, 'src', 'tools', 'sable.ts'), ...args], { input })
}

/** Runs a tool in this process. */
export function inProcess(run: (output: ToolOutput) => number): Ended {
  const texts = { stdout: '', stderr: '' }
  const stream = (name: keyof typeof texts) => ({
    write: (text: string) => {
      texts[name] += text
    },
  })
  const code = run({ stdout: stream('stdout'), stderr: stream('stderr') })
  return { code, ...texts }
}

/** The program a variable names: NK that of the nkeys library, NSC that for JWTs; '' = not here. */
export function programOf(variable: 'NK' | 'NSC'): string {
  const path = process.env[variable] ?? ''
  return existsSync(path) ? path : ''
}

export function skipWithout(variable: 'NK' | 'NSC'): string | false {
  return programOf(variable) === '' ? `${variable} names no program` : false
}

/** A folder that is gone when the test is over. */
export class ToolFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'sable-tool-test-'))

  file(name: string): string {
    return join(this.path, name)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
