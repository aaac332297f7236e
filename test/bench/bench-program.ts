import { spawn } from 'node:child_process'
import { once } from 'node:events'

const CLI = new URL('../../bench/cli.ts', import.meta.url).href
const RUN = `import { runBench } from ${JSON.stringify(CLI)}
process.exitCode = await runBench(process.argv.slice(1))`

interface BenchRun {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** `sable bench` from the sources, in a process of its own, to its end. */
export async function runBenchProgram(...argv: string[]): Promise<BenchRun> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', RUN, '--', ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [code] = (await once(child, 'close')) as [number]
  return { code, stdout, stderr }
}
