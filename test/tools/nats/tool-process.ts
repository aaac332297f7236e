import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../support/peers.ts'
import { until, within } from '../../support/wait.ts'

export const TOOL_NAMES = ['nats-sub', 'nats-pub', 'nats-req', 'nats-rply'] as const
export type ToolName = (typeof TOOL_NAMES)[number]

/** Longer than every time limit inside of a tool that ends by itself. */
const END_MS_MAX = 20_000

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export function toolPath(name: ToolName): string {
  return join(ROOT, 'bin', name)
}

/**
 * The programs of nats.go that the tools follow, or null. NATS_EXAMPLES names the folder:
 *
 *   GOBIN=<folder> go install github.com/nats-io/nats.go/examples/nats-{sub,pub,req,rply}@latest
 */
export function examplePath(name: ToolName): string | null {
  const folder = process.env['NATS_EXAMPLES'] ?? ''
  const path = join(folder, name)
  return folder !== '' && existsSync(path) ? path : null
}

/** Runs a tool that is to end by itself, while this process does nothing else. */
export function runTool(path: string, args: readonly string[]): Ended {
  const { status, stdout, stderr } = spawnSync(path, args, {
    encoding: 'utf8',
    timeout: END_MS_MAX,
    killSignal: 'SIGKILL',
  })
  return { code: status, stdout, stderr }
}

const running = new Set<ToolProcess>()

/**
 * A started tool, or another program that writes lines to stderr. Dispose of it with `await using`;
 * the end of this process ends the rest.
 */
export class ToolProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #ended: Promise<Ended>
  #chunks: Buffer[] = []
  #stdout = ''

  constructor(path: string, args: readonly string[]) {
    this.#child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#stdout += chunk.toString()
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#chunks.push(chunk))
    running.add(this)
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject)
      this.#child.once('close', (code) => {
        running.delete(this)
        resolve({ code, stdout: this.#stdout, stderr: this.stderr })
      })
    })
  }

  get stderrBytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get stderr(): string {
    return this.stderrBytes.toString()
  }

  get lines(): readonly string[] {
    return this.stderr.split('\n').slice(0, -1)
  }

  /** Waits until a line is exactly `line`, or matches it. */
  async sawLine(line: string | RegExp): Promise<void> {
    const isSeen = () =>
      this.lines.some((seen) => (typeof line === 'string' ? seen === line : line.test(seen)))
    await until(() => `the line ${line} in:\n${this.stderr}`, isSeen)
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  async ended(): Promise<Ended> {
    return within(() => `the end of a tool that wrote:\n${this.stderr}`, this.#ended, END_MS_MAX)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.signal('SIGKILL')
    await this.#ended
  }
}

process.once('exit', () => {
  for (const tool of running) tool.signal('SIGKILL')
})
