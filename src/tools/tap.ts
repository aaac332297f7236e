/** Shows where messages go, as a server with monitoring tells it; see `/tapz`. */

import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { TapParty, TapSample, TapTarget } from '../monitor/trace/tap-sample.ts'
import { readToolCommand, tellToolError } from './command-line.ts'
import { endpointUrl, MONITOR_FLAGS, parseMonitorUrl, tokenHeaders } from './monitor-port.ts'
import { describeFlags, type Flags, type FlagValues } from './nats/flags.ts'
import { ToolError } from './nats/tool-error.ts'
import type { ToolOutput } from './tool-output.ts'

const FLAGS = {
  ...MONITOR_FLAGS,
  account: { fallback: '', help: 'Only messages of this account' },
  A: { fallback: '', help: 'The same as -account' },
  rate: {
    fallback: '10',
    help: 'Messages a second to show, at most, of each thread of the server',
  },
  count: { fallback: '0', help: 'Messages to show; 0: until it is ended' },
  json: { fallback: false, help: 'Print JSON, one message a line' },
  h: { fallback: false, help: 'Show help message' },
} as const satisfies Flags

/** A line is a message, or one of these. */
interface Notices {
  readonly open?: unknown
  readonly lost?: { readonly lost: number }
  readonly end?: { readonly why: string }
}

/** The subject may stand before the flags, behind them or between. */
function subjectLast(args: readonly string[]): string[] {
  const rest = [...args]
  const flags: string[] = []
  const words: string[] = []
  while (rest.length > 0) {
    const word = rest.shift()!
    if (!word.startsWith('-') || word === '-') {
      words.push(word)
      continue
    }
    flags.push(word)
    const name = word.replace(/^--?/, '')
    const hasValue = name in FLAGS && typeof FLAGS[name as keyof typeof FLAGS].fallback === 'string'
    if (hasValue && rest.length > 0) flags.push(rest.shift()!)
  }
  return [...flags, ...words]
}

/** @returns the exit code */
export async function runTap(
  calledAs: string,
  args: readonly string[],
  output: ToolOutput = process,
): Promise<number> {
  const usage = `Usage: ${calledAs} <subject> [options]\n${describeFlags(FLAGS)}`
  const syntax = { usage, flags: FLAGS, wordCount: 1 }
  const command = readToolCommand(syntax, subjectLast(args), output)
  if ('exitCode' in command) return command.exitCode
  try {
    await tap(command.words[0]!, command.values, output)
    return 0
  } catch (error) {
    return tellToolError(calledAs, error, output)
  }
}

type Values = FlagValues<typeof FLAGS>

async function tap(subject: string, values: Values, { stdout, stderr }: ToolOutput): Promise<void> {
  const body = await open(tapUrl(subject, values), values)
  for await (const line of createInterface({ input: Readable.fromWeb(body) })) {
    if (line === '') continue
    if (values.json) {
      stdout.write(`${line}\n`)
      continue
    }
    const message = JSON.parse(line) as TapSample & Notices
    if (message.lost !== undefined) stderr.write(`(${message.lost.lost} messages not shown)\n`)
    else if (message.open === undefined && message.end === undefined) {
      stdout.write(`${describeSample(message)}\n`)
    }
  }
}

function tapUrl(subject: string, { url, account, A, rate, count }: Values): URL {
  const to = endpointUrl(parseMonitorUrl(url), 'tapz')
  for (const [name, text] of Object.entries({ rate, count })) {
    if (!/^\d{1,9}$/.test(text)) throw new ToolError(`-${name} is no number: ${text}`)
  }
  to.searchParams.set('subject', subject)
  to.searchParams.set('format', 'lines')
  to.searchParams.set('rate', rate)
  if (count !== '0') to.searchParams.set('limit', count)
  if (account !== '' || A !== '') to.searchParams.set('account', account || A)
  return to
}

async function open(url: URL, { token }: Values): Promise<ReadableStream> {
  let response: Response
  try {
    response = await fetch(url, { headers: tokenHeaders(token) })
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } }
    throw new ToolError(`cannot reach ${url.origin}: ${cause?.code ?? String(error)}`)
  }
  if (response.status === 200 && response.body !== null) return response.body as ReadableStream
  if (response.status === 401) throw new ToolError('the server asks for its monitor_token')
  if (response.status === 404) {
    const text = (await response.text()).trim()
    const isAccount = text.startsWith('{')
    throw new ToolError(isAccount ? 'there is no such account' : 'the server has no /tapz')
  }
  throw new ToolError(`the server says ${response.status}: ${(await response.text()).trim()}`)
}

// ── for people ──────────────────────────────────────────────────────────────────────────────

function partyText({ kind, cid, name, user }: TapTarget | TapParty): string {
  const who = [name, user === undefined ? undefined : `user ${user}`].filter(Boolean).join(', ')
  const number = cid === undefined ? '' : ` ${cid}`
  return `${kind}${number}${who === '' ? '' : ` (${who})`}`
}

function targetText(target: TapTarget): string {
  const { account, subject, queue, sid, as, dropped } = target
  const parts = [
    partyText(target),
    subject === undefined ? undefined : `on ${subject}`,
    queue === undefined ? undefined : `queue ${queue}`,
    sid === undefined ? undefined : `sid ${sid}`,
    account === undefined ? undefined : `account ${account}`,
    as === undefined ? undefined : `as ${as}`,
  ]
  const text = parts.filter((part) => part !== undefined).join(', ')
  return dropped === undefined ? `  -> ${text}` : `  x  ${text}: ${dropped}`
}

/** One message, a line for itself and one for each place that it goes to. */
function describeSample(sample: TapSample): string {
  const { time, account, subject, mapped, size, from, to, more, dropped } = sample
  const target = mapped === undefined ? subject : `${subject} = ${mapped || '(lost)'}`
  const lines = [`${time} [${account}] ${target}, ${size} bytes, from ${partyText(from)}`]
  lines.push(...to.map(targetText))
  if (more !== undefined) lines.push(`  and ${more} more`)
  if (dropped !== undefined) lines.push(`  x  ${dropped}`)
  return lines.join('\n')
}
