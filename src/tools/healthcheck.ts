/** Says by its exit code whether a server is well, for the health checks of containers. */

import type { IncomingMessage } from 'node:http'
import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { durationMs, parseDuration } from '../base/duration.ts'
import { systemErrorReason } from '../base/errors.ts'
import { normaliseBasePath } from '../config/monitoring-checks.ts'
import type { Options } from '../config/option-types.ts'
import { readToolCommand } from './command-line.ts'
import { describeFlags, type Flags } from './nats/flags.ts'
import type { ToolOutput } from './tool-output.ts'

const FLAGS = {
  url: { fallback: '', help: 'Where to ask: http(s)://host:port, nats://host:port or tls://…' },
  c: { fallback: '', help: "The server's configuration file, to take the address from" },
  timeout: { fallback: '2s', help: 'How long the server may take to answer' },
  h: { fallback: false, help: 'Show help message' },
} as const satisfies Flags

/** Where a server that was told nothing is asked: the usual port for monitoring, then clients'. */
const USUAL_URLS = ['http://127.0.0.1:8222', 'nats://127.0.0.1:4222'] as const

const REASON_BYTES_MAX = 1_024

/** Undefined: it is well; `isAbsent`: nobody listens there. */
type Verdict = { readonly reason: string; readonly isAbsent: boolean } | undefined

/** @returns the exit code: 0 well, 1 not well, also for flags that make no sense */
export async function runHealthcheck(
  calledAs: string,
  args: readonly string[],
  output: ToolOutput = process,
): Promise<number> {
  const { stdout, stderr } = output
  const usage = `Usage: ${calledAs} [-url URL | -c FILE] [-timeout DURATION]\n${describeFlags(FLAGS)}`
  const fail = (text: string): number => {
    stderr.write(`${text}\n`)
    return 1
  }
  const command = readToolCommand({ usage, flags: FLAGS, wordCount: 0 }, args, output)
  if ('exitCode' in command) return command.exitCode
  const { url, c: configFile, timeout } = command.values
  if (url !== '' && configFile !== '') return fail(usage)
  const duration = parseDuration(timeout)
  if ('error' in duration || duration.ns <= 0n) return fail(`bad -timeout: ${timeout}\n${usage}`)
  const timeoutMs = Math.ceil(durationMs(duration.ns))

  const found = configFile === '' ? undefined : await urlOfConfig(configFile)
  if (found !== undefined && 'error' in found) return fail(found.error)
  const urls = found === undefined ? (url === '' ? USUAL_URLS : [url]) : [found.url]
  let verdict: Verdict
  for (const each of urls) {
    verdict = await ask(each, timeoutMs)
    if (verdict === undefined) {
      stdout.write('ok\n')
      return 0
    }
    if (!verdict.isAbsent) break
  }
  return fail(`not healthy: ${verdict?.reason}`)
}

async function ask(url: string, timeoutMs: number): Promise<Verdict> {
  const parsed = URL.parse(url)
  if (parsed === null) return { reason: 'that is no URL', isAbsent: false }
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    switch (parsed.protocol) {
      case 'http:':
      case 'https:':
        return await askHttp(parsed, signal)
      case 'nats:':
      case 'tls:':
        return await askClientPort(parsed, signal)
      default:
        return { reason: 'that is no URL of a server', isAbsent: false }
    }
  } catch (error) {
    if (signal.aborted) return { reason: `no answer within ${timeoutMs} ms`, isAbsent: false }
    const isAbsent = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
    return { reason: `${parsed.host}: ${systemErrorReason(error)}`, isAbsent }
  }
}

/** Nothing secret is sent or shown, so a certificate need not be one that this machine trusts. */
const UNVERIFIED = { rejectUnauthorized: false } as const

async function askHttp(url: URL, signal: AbortSignal): Promise<Verdict> {
  const { get } = await (url.protocol === 'https:' ? import('node:https') : import('node:http'))
  if (!url.pathname.endsWith('/healthz'))
    url.pathname = `${url.pathname.replace(/\/$/, '')}/healthz`
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { signal, agent: false, ...UNVERIFIED }, resolve).on('error', reject)
  })
  const { statusCode } = response
  if (statusCode === 200) {
    response.destroy()
    return undefined
  }
  const text = await startOf(response)
  return { reason: `status ${statusCode} ${text}`.trim(), isAbsent: false }
}

async function startOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response) {
    text += chunk
    if (text.length >= REASON_BYTES_MAX) break
  }
  return text.slice(0, REASON_BYTES_MAX).replace(/\s+/g, ' ')
}

/** A server says INFO first, in clear unless TLS comes first with it. */
async function askClientPort(url: URL, signal: AbortSignal): Promise<Verdict> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const place = { host, port: Number(url.port || 4222) }
  const socket =
    url.protocol === 'tls:' ? connectTls({ ...place, ...UNVERIFIED }) : connectPlain(place)
  signal.addEventListener('abort', () => socket.destroy(new Error('too late')))
  try {
    const start = await firstBytes(socket)
    if (start.startsWith('INFO {')) return undefined
    return { reason: `${url.host} is no NATS server`, isAbsent: false }
  } finally {
    socket.destroy()
  }
}

const GREETING_BYTES = 6

async function firstBytes(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) {
    text += (chunk as Buffer).toString('latin1')
    if (text.length >= GREETING_BYTES) break
  }
  return text
}

async function urlOfConfig(
  file: string,
): Promise<{ readonly url: string } | { readonly error: string }> {
  const { interpretCommandLine } = await import('../config/command-line.ts')
  const result = interpretCommandLine(['-c', file], process.env)
  if (result.kind === 'exit') return { error: result.stderr.trimEnd() }
  if (result.kind !== 'run') return { error: `no configuration: ${file}` }
  const url = urlOf(result.options)
  if (url !== undefined) return { url }
  return { error: `${file} leaves the port open: name it with -url` }
}

function urlOf(options: Options): string | undefined {
  const { host, port, httpHost, httpPort, httpsPort, httpBasePath, tls, allowNonTls } = options
  const path = normaliseBasePath(httpBasePath)
  const place = (name: string, at: number) => (at > 0 ? `${reachable(name)}:${at}` : undefined)
  const http = place(httpHost, httpPort)
  if (http !== undefined) return `http://${http}${path}`
  const https = place(httpHost, httpsPort)
  if (https !== undefined) return `https://${https}${path}`
  const client = place(host, port)
  const isTlsFirst = tls?.handshakeFirst === true && tls.handshakeFirstFallbackMs === 0
  return client && `${isTlsFirst && !allowNonTls ? 'tls' : 'nats'}://${client}`
}

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
