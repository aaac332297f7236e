import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import type { ServerProgram } from './peers.ts'
import { until, within } from './wait.ts'

/** Longest time from spawn to ports file; programs that start servers give up after as long. */
const READY_MS = 5000
const STOP_MS = 10_000
/** Log text kept for failure reports. */
const LOG_CHARS_MAX = 1024 * 1024
const LOG_TAIL_LINES = 25
const LEAF_LISTENER_LINE = /Listening for leafnode connections on \S+:(\d+)/

export interface ServerOptions {
  /** Text of the configuration file; without it the server gets flags only. */
  readonly config?: string
  /** Further flags, after `-a 127.0.0.1 -p <port> --ports_file_dir …`. */
  readonly flags?: readonly string[]
  /**
   * True when the configuration has a leaf listener: the server is ready only when its port is
   * known.
   */
  readonly leafListener?: boolean
  /** Client port; -1 (the default) lets the server choose, a number repeats one after a restart. */
  readonly port?: number
}

/** Addresses from the ports file; listeners that are off are absent. */
interface PortsFile {
  readonly nats?: readonly string[]
  readonly leafnodes?: readonly string[]
  readonly monitoring?: readonly string[]
  readonly websocket?: readonly string[]
}

const running = new Set<ServerProcess>()

/**
 * A started server. Dispose of it (`await using`) or call stop(); the end of this process kills the
 * rest.
 */
export class ServerProcess implements AsyncDisposable {
  readonly program: ServerProgram
  readonly folder: string
  readonly pid: number
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  #logText = ''
  #ports: PortsFile = {}

  constructor(program: ServerProgram, options: ServerOptions) {
    this.program = program
    this.folder = mkdtempSync(join(tmpdir(), 'server-test-'))
    const args = ['-a', '127.0.0.1', '-p', String(options.port ?? -1)]
    args.push('--ports_file_dir', this.folder)
    if (options.config !== undefined) {
      const configPath = join(this.folder, 'server.conf')
      writeFileSync(configPath, options.config)
      args.push('-c', configPath)
    }
    args.push(...(options.flags ?? []))
    // argv0 because nats-server names its ports file after the name it was called by. The folder of
    // this Node comes first in PATH, so that a script with "env node" runs on the version under
    // test.
    const path = `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`
    this.#child = spawn(program.path, args, {
      argv0: 'nats-server',
      cwd: this.folder,
      env: { ...process.env, PATH: path },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.pid = this.#child.pid ?? 0
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8')
      stream?.on('data', (text: string) => {
        this.#logText = (this.#logText + text).slice(-LOG_CHARS_MAX)
      })
    }
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', () => resolve())
      this.#child.once('error', (error) => {
        this.#logText += `\n${String(error)}`
        resolve()
      })
    })
    running.add(this)
  }

  get hasExited(): boolean {
    return this.pid === 0 || this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Exit code, or null while it runs or when a signal ended it. */
  get exitCode(): number | null {
    return this.#child.exitCode
  }

  /** What the program wrote to stdout and stderr so far. */
  get log(): string {
    return this.#logText
  }

  /** Last lines of the log with a heading, to be appended to failure texts. */
  get logTail(): string {
    const lines = this.#logText.trimEnd().split('\n').slice(-LOG_TAIL_LINES)
    const heading = `--- last log lines of ${this.program.name}, pid ${this.pid} ---`
    return [heading, ...lines, '---'].join('\n')
  }

  get port(): number {
    return portOf(this.#ports.nats, 'nats')
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`
  }

  /** From the ports file or, because nats-server does not tell it there, from the log. */
  get leafPort(): number {
    const port = this.#findLeafPort()
    if (port === undefined) throw new Error(`${this.program.name} has named no leaf port`)
    return port
  }

  get websocketPort(): number {
    return portOf(this.#ports.websocket, 'websocket')
  }

  get monitorPort(): number {
    return portOf(this.#ports.monitoring, 'monitoring')
  }

  /**
   * Resolves when the ports file is there; throws when the program ends first or takes too long.
   */
  async ready(needsLeafPort = false): Promise<void> {
    const portsPath = join(this.folder, `nats-server_${this.pid}.ports`)
    this.#ports = await until(
      () => `ports file ${portsPath}\n${this.logTail}`,
      () => (this.hasExited ? {} : readPorts(portsPath)),
      READY_MS,
      5,
    )
    if (needsLeafPort && !this.hasExited) {
      const isKnown = (): boolean => this.hasExited || this.#findLeafPort() !== undefined
      await until(() => `the leaf port\n${this.logTail}`, isKnown, READY_MS, 5)
    }
    if (this.hasExited) {
      throw new Error(
        `${this.program.name} ended at start, exit code ${this.exitCode}\n${this.logTail}`,
      )
    }
  }

  #findLeafPort(): number | undefined {
    if (this.#ports.leafnodes !== undefined) return portOf(this.#ports.leafnodes, 'leafnodes')
    const line = LEAF_LISTENER_LINE.exec(this.#logText)
    return line === null ? undefined : Number(line[1])
  }

  signal(name: NodeJS.Signals): void {
    if (!this.hasExited) process.kill(this.pid, name)
  }

  /** Resolves when the process has ended by itself or by a signal sent before. */
  async exited(deadlineMs: number = STOP_MS): Promise<void> {
    await within(() => `the end of the server\n${this.logTail}`, this.#exited, deadlineMs)
  }

  /** Ends the process (TERM, then KILL) and removes its folder. May be called twice. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!running.delete(this)) return
    try {
      this.signal(signal)
      await this.exited()
    } finally {
      this.kill()
      rmSync(this.folder, { recursive: true, force: true })
    }
  }

  /** Ends the process at once, without waiting. */
  kill(): void {
    this.signal('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** Starts a server on 127.0.0.1 and waits until it listens. */
export async function startServer(
  program: ServerProgram,
  options: ServerOptions = {},
): Promise<ServerProcess> {
  if (program.missing !== null) throw new Error(program.missing)
  const server = new ServerProcess(program, options)
  try {
    await server.ready(options.leafListener)
    return server
  } catch (error) {
    server.kill()
    await server.stop()
    throw error
  }
}

function readPorts(path: string): PortsFile | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as PortsFile
  } catch {
    return undefined // not there, or not complete yet
  }
}

function portOf(urls: readonly string[] | undefined, key: string): number {
  const url = urls?.[0]
  if (url === undefined) throw new Error(`no "${key}" in the ports file`)
  return Number(new URL(url.replace(/^[a-z]+:/, 'http:')).port)
}

/** A test process must leave no server behind, however it ends. */
function killAll(): void {
  for (const server of running) {
    server.kill()
    rmSync(server.folder, { recursive: true, force: true })
  }
}

process.once('exit', killAll)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    killAll()
    process.kill(process.pid, signal) // the handler is gone now, so this ends us as it should
  })
}
