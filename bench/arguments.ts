import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import type { Endpoint } from './drivers/tasks.ts'
import type { OutputPaths } from './outputs/write.ts'
import { RELAY_PATH, SERVER_PATH } from './paths.ts'
import { PHASE_MS_MAX } from './scenarios/amounts.ts'
import { CUSTOM, customScenario } from './scenarios/custom.ts'
import type { Amount, Scenario } from './scenarios/types.ts'
import { findScenarios, SCENARIOS } from './scenarios.ts'
import { FLOOR, type Wire } from './wire.ts'

/** A server that the benchmark starts, or one that is running. */
export type Target =
  | { readonly name: string; readonly command: readonly string[]; readonly wire?: Wire }
  | { readonly name: string; readonly endpoint: Endpoint; readonly pid: number | undefined }

export interface BenchOptions {
  /** Ours first, then what it is compared with. */
  readonly targets: readonly Target[]
  readonly scenarios: readonly Scenario[]
  readonly size: 'smoke' | 'full'
  readonly rounds: number
  readonly amount: Amount | undefined
  readonly connections: number | undefined
  readonly links: number | undefined
  readonly subscriptions: number | undefined
  readonly rate: number | undefined
  /** Takes the hub's end of leaf links; none: each server links to one of its own kind. */
  readonly hub: readonly string[] | undefined
  readonly drivers: number | undefined
  readonly outputs: OutputPaths
}

type ParsedArguments =
  | { readonly kind: 'run'; readonly options: BenchOptions }
  | { readonly kind: 'report'; readonly paths: readonly string[]; readonly outputs: OutputPaths }
  | { readonly kind: 'help' }
  | { readonly kind: 'refused'; readonly reason: string }

const OPTIONS = {
  url: { type: 'string' },
  pid: { type: 'string' },
  server: { type: 'string' },
  vs: { type: 'string', multiple: true },
  redis: { type: 'string' },
  floor: { type: 'boolean' },
  hub: { type: 'string' },
  rounds: { type: 'string' },
  scenario: { type: 'string', multiple: true },
  smoke: { type: 'boolean' },
  duration: { type: 'string' },
  messages: { type: 'string' },
  connections: { type: 'string' },
  links: { type: 'string' },
  subscriptions: { type: 'string' },
  rate: { type: 'string' },
  pubs: { type: 'string' },
  subs: { type: 'string' },
  size: { type: 'string' },
  subject: { type: 'string' },
  subjects: { type: 'string' },
  queue: { type: 'string' },
  drivers: { type: 'string' },
  json: { type: 'string' },
  csv: { type: 'string' },
  html: { type: 'string' },
  report: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const ROUNDS = { smoke: 1, full: 3 } as const
const NATS_PORT = 4222

const CUSTOM_OPTIONS = ['pubs', 'subs', 'size', 'subject', 'subjects', 'queue'] as const
/** The most that servers can be set to. */
const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
const DURATION_MS_MAX = 24 * UNIT_MS.h

/** Ends the parse with a reason; caught in `parseBenchArguments` and nowhere else seen. */
class Refusal extends Error {}

export function parseBenchArguments(argv: readonly string[]): ParsedArguments {
  try {
    return parse(argv)
  } catch (error) {
    const isUsage = error instanceof Refusal || String(codeOf(error)).startsWith('ERR_PARSE_ARGS')
    if (!isUsage) throw error
    return { kind: 'refused', reason: (error as Error).message }
  }
}

function parse(argv: readonly string[]): ParsedArguments {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: OPTIONS,
    strict: true,
    allowPositionals: true,
  })
  if (values.help) return { kind: 'help' }
  const outputs = { jsonPath: values.json, csvPath: values.csv, htmlPath: values.html }
  if (values.report) return parseReport(Object.keys(values), positionals, outputs)
  if (positionals.length > 0) throw new Refusal(`results files go with --report: ${positionals[0]}`)
  if (values.url !== undefined && values.server !== undefined) {
    throw new Refusal('--url and --server exclude each other')
  }
  if (values.pid !== undefined && values.url === undefined) {
    throw new Refusal('--pid goes with --url; a server that is started here has a known pid')
  }
  const pid = wholeNumber('--pid', values.pid)
  const ours: Target =
    values.url === undefined
      ? { name: 'sable', command: splitCommand(values.server ?? SERVER_PATH) }
      : { name: values.url.replace(/\/\/.*@/, '//'), endpoint: parseUrl(values.url), pid }
  const theirs = (values.vs ?? []).map((text) => ({ name: '', command: splitCommand(text) }))
  const floor = { name: FLOOR, command: [process.execPath, RELAY_PATH], wire: 'relay' } as const
  const redis =
    values.redis === undefined
      ? []
      : [{ name: 'redis', command: splitCommand(values.redis), wire: 'redis' } as const]
  const first = values.server === undefined ? ours : { ...ours, name: '' }
  const links = wholeNumber('--links', values.links)
  if (links === 1) throw new Refusal('--links must be 2 or more: one leaf has nobody to tell')
  const size = values.smoke ? 'smoke' : 'full'
  return {
    kind: 'run',
    options: {
      targets: nameTargets([first, ...theirs, ...redis, ...(values.floor ? [floor] : [])]),
      scenarios: parseScenarios(values.scenario, parseCustom(values)),
      size,
      rounds: wholeNumber('--rounds', values.rounds) ?? ROUNDS[size],
      amount: parseAmount(values.messages, values.duration),
      connections: wholeNumber('--connections', values.connections),
      links,
      subscriptions: wholeNumber('--subscriptions', values.subscriptions),
      rate: wholeNumber('--rate', values.rate),
      hub: values.hub === undefined ? undefined : splitCommand(values.hub),
      drivers: wholeNumber('--drivers', values.drivers),
      outputs,
    },
  }
}

const REPORT_OPTIONS: readonly string[] = ['report', 'csv', 'html']

function parseReport(
  given: readonly string[],
  paths: readonly string[],
  outputs: OutputPaths,
): ParsedArguments {
  const strange = given.find((name) => !REPORT_OPTIONS.includes(name))
  if (strange !== undefined) throw new Refusal(`--report measures nothing: --${strange}`)
  if (paths.length === 0) throw new Refusal('--report needs results files, written by --json')
  return { kind: 'report', paths, outputs }
}

/**
 * Splits a command line at blanks; '…' and "…" hold words with blanks together. No other shell
 * syntax.
 */
export function splitCommand(text: string): readonly string[] {
  const words: string[] = []
  let rest = text.trim()
  while (rest !== '') {
    const word = rest.match(/^(?:'[^']*'|"[^"]*"|[^\s'"])+/)?.[0]
    if (word === undefined) throw new Refusal(`quote not closed: ${text}`)
    words.push(word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'))
    rest = rest.slice(word.length).trimStart()
  }
  if (words.length === 0) throw new Refusal('empty server command')
  return words
}

/**
 * Unnamed targets are called by their program, by the whole command when two programs share a name.
 */
function nameTargets(targets: readonly Target[]): readonly Target[] {
  const shortName = (target: Target): string =>
    'command' in target && target.name === '' ? basename(target.command[0]!) : target.name
  const names = targets.map(shortName)
  return targets.map((target, index) => {
    const isShared = names.filter((name) => name === names[index]).length > 1
    const name = isShared && 'command' in target ? target.command.join(' ') : names[index]!
    return { ...target, name }
  })
}

type CustomValues = Partial<
  Record<'pubs' | 'subs' | 'size' | 'subject' | 'subjects' | 'queue', string>
>

/** @throws Refusal when an option of it is given, and it is not to be run */
function parseCustom(values: CustomValues & { readonly scenario?: string[] }): Scenario {
  const given = CUSTOM_OPTIONS.find((name) => values[name] !== undefined)
  const isWanted = values.scenario?.flatMap((text) => text.split(',')).includes(CUSTOM)
  if (given !== undefined && !isWanted) throw new Refusal(`--${given} goes with --scenario custom`)
  const subject = values.subject ?? 'bench.custom'
  if (!/^[^\s.*>]+(\.[^\s.*>]+)*$/.test(subject)) {
    throw new Refusal(`--subject must be one to publish to: ${subject}`)
  }
  const payloadBytes = wholeNumber('--size', values.size, 0) ?? 128
  if (payloadBytes > PAYLOAD_BYTES_MAX) throw new Refusal('--size must be 67108864 at most')
  if (values.queue !== undefined && !/^[^\s]+$/.test(values.queue)) {
    throw new Refusal(`--queue must be one word: ${values.queue}`)
  }
  return customScenario({
    publishers: wholeNumber('--pubs', values.pubs) ?? 1,
    subscribers: wholeNumber('--subs', values.subs, 0) ?? 1,
    payloadBytes,
    subject,
    subjects: wholeNumber('--subjects', values.subjects),
    queue: values.queue,
  })
}

function parseScenarios(
  texts: readonly string[] | undefined,
  custom: Scenario,
): readonly Scenario[] {
  if (texts === undefined) return SCENARIOS
  const found = texts
    .flatMap((text) => text.split(','))
    .flatMap((name) => {
      const scenarios = name === CUSTOM ? [custom] : findScenarios(name)
      if (scenarios.length === 0) throw new Refusal(`unknown scenario: ${name}`)
      return scenarios
    })
  return [...new Set(found)]
}

function parseAmount(
  messages: string | undefined,
  duration: string | undefined,
): Amount | undefined {
  const count = wholeNumber('--messages', messages)
  const durationMs = duration === undefined ? undefined : parseDurationMs(duration)
  if (count === undefined) return durationMs === undefined ? undefined : { durationMs }
  return { messages: count, durationMs: durationMs ?? PHASE_MS_MAX }
}

/** `2`, `2s`, `0.5s`, `500ms`, `10m` or `1h`. */
function parseDurationMs(text: string): number {
  const [, digits, unit = 's'] = text.match(/^(\d+(?:\.\d+)?)(ms|s|m|h)?$/) ?? []
  const durationMs = Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS]
  if (!(durationMs > 0 && durationMs <= DURATION_MS_MAX)) {
    throw new Refusal(`--duration must be between 1ms and 24h: ${text}`)
  }
  return durationMs
}

function parseUrl(text: string): Endpoint {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'nats:') throw new Refusal('--url must look like nats://host:port')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? NATS_PORT : Number(url.port)
  const user = decodeURIComponent(url.username)
  const password = decodeURIComponent(url.password)
  if (user === '') return { host, port }
  return password === '' ? { host, port, token: user } : { host, port, user, password }
}

function wholeNumber(name: string, text: string | undefined, min = 1): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || !Number.isSafeInteger(value)) {
    throw new Refusal(`${name} must be a whole number from ${min}: ${text}`)
  }
  return value
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
