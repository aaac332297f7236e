/** Shows who sends how much, in the terminal; of any NATS server with monitoring. */

import { durationMs, parseDuration } from '../../base/duration.ts'
import { CONNECTION_SORTS } from '../../monitor/reports.ts'
import { readToolCommand, tellToolError } from '../command-line.ts'
import { MONITOR_FLAGS, parseMonitorUrl } from '../monitor-port.ts'
import { describeFlags, type Flags } from '../nats/flags.ts'
import { ToolError } from '../nats/tool-error.ts'
import type { ToolOutput } from '../tool-output.ts'
import { screen } from './screen.ts'
import { type Look, type LookOptions, lookAt } from './server-figures.ts'

const FLAGS = {
  ...MONITOR_FLAGS,
  sort: { fallback: 'msgs_from', help: 'Order of the connections, as /connz sorts them' },
  n: { fallback: '20', help: 'Connections to show' },
  interval: { fallback: '1s', help: 'Time between two looks' },
  count: { fallback: '0', help: 'Looks to show; 0: until it is ended' },
  h: { fallback: false, help: 'Show help message' },
} as const satisfies Flags

/** Orders that make sense for connections that are open, in the order in which `s` takes them. */
const SORTS: readonly string[] = CONNECTION_SORTS.filter(
  (sort) => sort !== 'stop' && sort !== 'reason',
)
const TIMEOUT_MS = 5000
const CLEAR = '\x1b[H\x1b[J'
const CTRL_C = '\x03'

interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
}

/** @returns the exit code */
export async function runTop(
  calledAs: string,
  args: readonly string[],
  output: ToolOutput = process,
): Promise<number> {
  const usage = `Usage: ${calledAs} [options]     keys: s next order, q end\n${describeFlags(FLAGS)}`
  const command = readToolCommand({ usage, flags: FLAGS }, args, output)
  if ('exitCode' in command) return command.exitCode
  try {
    await show(settingsOf(command.values, command.words), output.stdout)
    return 0
  } catch (error) {
    return tellToolError(calledAs, error, output)
  }
}

interface Settings {
  readonly look: LookOptions
  readonly intervalMs: number
  readonly count: number
}

type Values = Readonly<Record<Exclude<keyof typeof FLAGS, 'h'>, string>>

function settingsOf(values: Values, rest: readonly string[]): Settings {
  if (rest.length > 0) throw new ToolError(`unexpected: ${rest[0]}`)
  const url = parseMonitorUrl(values.url)
  if (!SORTS.includes(values.sort)) {
    throw new ToolError(`-sort knows ${SORTS.join(', ')}`)
  }
  const interval = parseDuration(values.interval)
  if ('error' in interval || interval.ns <= 0n) {
    throw new ToolError(`-interval is no duration: ${values.interval}`)
  }
  const { sort, token } = values
  return {
    look: { url, token, sort, limit: whole('n', values.n, 1), timeoutMs: TIMEOUT_MS },
    intervalMs: durationMs(interval.ns),
    count: whole('count', values.count, 0),
  }
}

function whole(name: string, text: string, min: number): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= min) return value
  throw new ToolError(`-${name} is no number from ${min} on: ${text}`)
}

async function show(
  { look, intervalMs, count }: Settings,
  stdout: ToolOutput['stdout'] & Terminal,
): Promise<void> {
  const keys = new Keys()
  let sort = look.sort
  keys.onKey = (key) => {
    if (key === 's') sort = SORTS[(SORTS.indexOf(sort) + 1) % SORTS.length]!
  }
  let before: Look | undefined
  try {
    for (let shown = 0; !keys.hasEnded && (count === 0 || shown < count); shown++) {
      if (shown > 0) await keys.wait(intervalMs)
      if (keys.hasEnded) break
      const now = await lookAt({ ...look, sort })
      const isSame = before?.varz.server_id === now.varz.server_id
      const width = stdout.isTTY === true ? (stdout.columns ?? 0) : 0
      const lines = screen(now, isSame && before !== undefined ? before : now, { sort, width })
      stdout.write(`${stdout.isTTY === true ? CLEAR : ''}${lines.join('\n')}\n`)
      before = now
    }
  } finally {
    keys.close()
  }
}

/** Single keys of a terminal. */
class Keys {
  onKey: (key: string) => void = () => {}
  hasEnded = false
  #wake = () => {}
  readonly #listen = (data: Buffer) => {
    for (const key of data.toString()) {
      if (key === 'q' || key === CTRL_C) this.hasEnded = true
      this.onKey(key)
    }
    this.#wake()
  }

  constructor() {
    const { stdin } = process
    if (stdin.isTTY !== true) return
    stdin.setRawMode(true)
    stdin.on('data', this.#listen)
  }

  /** Until the time is over, or a key is pressed. */
  wait(timeMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  close(): void {
    const { stdin } = process
    if (stdin.isTTY !== true) return
    stdin.off('data', this.#listen)
    stdin.setRawMode(false)
    stdin.pause()
  }
}
