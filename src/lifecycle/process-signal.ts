import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { systemErrorReason } from '../base/errors.ts'
import { goQuote } from '../protocol/go-quote.ts'

const SIGNALS: ReadonlyMap<string, NodeJS.Signals> = new Map([
  ['stop', 'SIGKILL'],
  ['quit', 'SIGINT'],
  ['term', 'SIGTERM'],
  ['reopen', 'SIGUSR1'],
  ['reload', 'SIGHUP'],
  ['ldm', 'SIGUSR2'],
])

const PROCESS_NAME = 'nats-server'

const UNRESOLVED = 'unable to resolve pid, try providing one'

/** The operating system, for tests to stand in for. */
export interface ProcessTable {
  readonly ownPid: number
  /** Ids of the processes with that name, one a line; undefined: there is no way to find out. */
  readonly find: (name: string) => string | undefined
  /** @throws what the operating system says */
  readonly kill: (pid: number, signal: NodeJS.Signals) => void
}

/**
 * Does what `--signal` asks for: `reload`, `reload=<pid or file with it>`, `reload=*` for all
 * processes, `reload=12*` for those whose id begins so. Without an id there must be just one
 * process. Returns the text of what went wrong, nats-server's, or undefined.
 */
export function sendSignal(
  parameter: string,
  table: ProcessTable = systemTable(),
): string | undefined {
  const [command = '', place = '', ...others] = parameter.split('=')
  if (others.length > 0) return `invalid signal parameters: [${others.join(' ')}]`
  const given = contentOf(place)
  const isPattern = given.endsWith('*')
  const start = isPattern ? given.slice(0, -1) : given
  if (start !== '' && !isPid(start)) return `invalid pid: ${start}`
  const pids = start === '' || isPattern ? findPids(table) : [Number(start)]
  if (pids === undefined) return UNRESOLVED
  if (pids.length > 1 && !isPattern) {
    return `multiple ${PROCESS_NAME} processes running:${pids.map((pid) => `\n${pid}`).join('')}`
  }
  if (pids.length === 0) return `no ${PROCESS_NAME} processes running`
  const signal = SIGNALS.get(command)
  if (signal === undefined) return `unknown signal ${goQuote(command)}`
  const failures = pids
    .filter((pid) => !isPattern || String(pid).startsWith(start))
    .map((pid) => killed(table, pid, command, signal))
  return failures.join('') || undefined
}

const PID_MAX = 2 ** 31 - 1

/**
 * nats-server also takes 0 and negative numbers, and passes them on to kill(2), for which they mean
 * whole groups of processes; -1 would end a user's session. Nobody can want that here.
 */
function isPid(text: string): boolean {
  return /^\+?\d+$/.test(text) && Number(text) > 0 && Number(text) <= PID_MAX
}

/** Empty when it went well. */
function killed(table: ProcessTable, pid: number, command: string, signal: NodeJS.Signals): string {
  try {
    table.kill(pid, signal)
    return ''
  } catch (error) {
    return `\nsignal ${goQuote(command)} ${pid}: ${systemErrorReason(error)}`
  }
}

function contentOf(place: string): string {
  try {
    return readFileSync(place, 'utf8')
  } catch {
    return place
  }
}

function findPids({ find, ownPid }: ProcessTable): readonly number[] | undefined {
  const lines = find(PROCESS_NAME)
    ?.split('\n')
    .filter((line) => line !== '')
  if (lines?.some((line) => !/^\d+$/.test(line))) return undefined
  return lines?.map(Number).filter((pid) => pid !== ownPid)
}

function systemTable(): ProcessTable {
  return {
    ownPid: process.pid,
    find: (name) => {
      const { status, stdout } = spawnSync('pgrep', [name], { encoding: 'utf8' })
      return status === null ? undefined : stdout
    },
    kill: (pid, signal) => process.kill(pid, signal),
  }
}
