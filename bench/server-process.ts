import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Endpoint } from './drivers/tasks.ts'
import { ServerLog } from './server-log.ts'
import { within } from './within.ts'

const START_MS_MAX = 15_000
const STOP_MS_MAX = 5_000
const READY_POLL_MS = 1
const CONFIG_FILE = 'bench.conf'
const RELOAD_MS_MAX = 30_000
const RELOADED = /Reloaded server configuration/
const NOT_RELOADED = /Failed to reload server configuration/

/** A server to load: one that we started, or one that was running. */
export interface Server {
  readonly endpoint: Endpoint
  /** The process whose processor time and memory count; undefined when not known. */
  readonly pid: number | undefined
  stop(): Promise<void>
}

/** A server that we started. */
export interface StartedServer extends Server {
  /** Of its monitoring port; undefined when the command asks for none. */
  readonly monitorUrl: string | undefined
  /** Undefined when the configuration asks for none. */
  readonly websocketPort: number | undefined
  /**
   * Replaces the configuration file and has it read again.
   *
   * @returns milliseconds from the signal until the server said that it is done
   * @throws Error when the server refuses it, or says nothing for RELOAD_MS_MAX
   */
  reload(config: string): Promise<number>
}

/** Text of a configuration file, or what makes it and puts further files into the folder. */
type Config = string | ((directory: string) => Promise<string>)

/** Started and not yet stopped, with the folder of their files. */
const running = new Map<ChildProcess, string>()

/** For when the benchmark itself is ended: leaves neither processes nor files behind. */
export function killRunningServers(): void {
  for (const [child, directory] of running) {
    child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
}

/**
 * Starts a server on a random loopback port and waits until it has written its ports file.
 *
 * @param command program and arguments; the listen options are added
 * @param config a configuration file, which is added too
 * @throws Error with the end of the server's log when it ends early or takes longer than
 * START_MS_MAX
 */
export async function startServer(
  command: readonly string[],
  config?: Config,
): Promise<StartedServer> {
  const directory = await makeFolder()
  const listen = ['-a', '127.0.0.1', '-p', '-1', '--ports_file_dir', directory]
  const configPath = join(directory, CONFIG_FILE)
  const configure = config === undefined ? [] : ['-c', configPath]
  if (config !== undefined) {
    const text = typeof config === 'string' ? config : await config(directory)
    await writeFile(configPath, text)
  }
  const program = launch(command, [...listen, ...configure], directory)
  const found = await program.until(() => readPortsFile(directory), 'no ports file')
  const { port, ...others } = found
  const reload = async (text: string): Promise<number> => {
    await writeFile(configPath, text)
    return reloadProcess(found.pid, program.log)
  }
  const { stop } = program
  return { endpoint: { host: '127.0.0.1', port }, ...others, reload, stop }
}

/** Where a server may leave its files; goes with it. */
export function makeFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'sable-bench-'))
}

interface Program {
  readonly log: ServerLog
  readonly pid: number | undefined
  /**
   * Looks again and again until `look` finds something.
   *
   * @throws Error with the end of the log when the program ends or START_MS_MAX is over; stops it
   */
  until<T>(look: () => Promise<T | undefined>, missing: string): Promise<T>
  stop(): Promise<void>
}

/** Starts a program that has a folder of its own, and listens to what it says. */
export function launch(
  command: readonly string[],
  more: readonly string[],
  directory: string,
): Program {
  const [path, ...args] = command
  const child = spawn(path!, [...args, ...more], { stdio: ['ignore', 'ignore', 'pipe'] })
  running.set(child, directory)
  const log = new ServerLog()
  child.stderr.setEncoding('utf8').on('data', (text: string) => log.add(text))
  let ended: string | undefined
  child.once('error', (error) => {
    ended = error.message
  })
  const exit = new Promise<void>((resolve) => {
    child.once('close', (code, signal) => {
      ended ??= `code=${code} signal=${signal}`
      running.delete(child)
      resolve()
    })
  })
  const stop = async (): Promise<void> => {
    await endProcess(child, exit)
    await rm(directory, { recursive: true, force: true })
  }
  const until: Program['until'] = async (look, missing) => {
    const deadlineMs = performance.now() + START_MS_MAX
    while (ended === undefined && performance.now() < deadlineMs) {
      const found = await look()
      if (found !== undefined) return found
      await delay(READY_POLL_MS)
    }
    await stop()
    throw new Error(
      `server did not start: command=${command.join(' ')} ${ended ?? missing}\n${log.tail}`,
    )
  }
  return { log, pid: child.pid, until, stop }
}

/** Time from process start to the first byte of INFO, in milliseconds. */
export async function measureStartMs(command: readonly string[]): Promise<number> {
  const startMs = performance.now()
  const server = await startServer(command)
  try {
    await firstByte(server.endpoint)
    return performance.now() - startMs
  } finally {
    await server.stop()
  }
}

function firstByte(endpoint: Endpoint): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(endpoint.port, endpoint.host)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('server closed the connection before INFO')))
    socket.once('data', () => {
      resolve()
      socket.destroy()
    })
  })
}

async function reloadProcess(pid: number, log: ServerLog): Promise<number> {
  const answer = Promise.race([log.next(RELOADED), log.next(NOT_RELOADED)])
  const startMs = performance.now()
  process.kill(pid, 'SIGHUP')
  const line = await within(RELOAD_MS_MAX, answer, () => `no reload: ${log.tail}`)
  if (NOT_RELOADED.test(line)) throw new Error(line)
  return performance.now() - startMs
}

interface PortsFile {
  readonly port: number
  readonly pid: number
  readonly monitorUrl: string | undefined
  readonly websocketPort: number | undefined
}

/**
 * `<program>_<pid>.ports`; the pid in it is the server's own, also behind a launcher that does not
 * exec.
 */
async function readPortsFile(directory: string): Promise<PortsFile | undefined> {
  const name = (await readdir(directory)).find((entry) => entry.endsWith('.ports'))
  const pid = name?.match(/_(\d+)\.ports$/)?.[1]
  if (name === undefined || pid === undefined) return undefined
  try {
    const ports = JSON.parse(await readFile(join(directory, name), 'utf8')) as {
      nats?: string[]
      monitoring?: string[]
      websocket?: string[]
    }
    const url = ports.nats?.[0]
    if (url === undefined) return undefined
    const monitorUrl = ports.monitoring?.[0]
    const websocketUrl = ports.websocket?.[0]
    const websocketPort = websocketUrl === undefined ? undefined : portOf(websocketUrl)
    return { port: portOf(url), pid: Number(pid), monitorUrl, websocketPort }
  } catch {
    return undefined // seen before it was written whole; the next look finds the rest
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}

async function endProcess(child: ChildProcess, exit: Promise<void>): Promise<void> {
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
  await exit
  clearTimeout(timer)
}
