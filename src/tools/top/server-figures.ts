import type { DashboardData } from '../../monitor/dashboard/dashboard-report.ts'
import { endpointUrl, tokenHeaders } from '../monitor-port.ts'
import { ToolError } from '../nats/tool-error.ts'

/** What every server's /varz has, as far as it is shown. */
export interface Varz {
  readonly server_id: string
  readonly server_name: string
  readonly version: string
  readonly uptime: string
  readonly now: string
  readonly cpu: number
  readonly mem: number
  readonly connections: number
  readonly leafnodes: number
  readonly subscriptions: number
  readonly in_msgs: number
  readonly out_msgs: number
  readonly in_bytes: number
  readonly out_bytes: number
  readonly slow_consumers: number
}

export interface ConnectionFigures {
  readonly cid: number
  readonly ip: string
  readonly port: number
  readonly name?: string
  readonly account?: string
  readonly authorized_user?: string
  readonly rtt?: string
  readonly uptime: string
  readonly idle: string
  readonly pending_bytes: number
  readonly subscriptions: number
  readonly in_msgs: number
  readonly out_msgs: number
  readonly in_bytes: number
  readonly out_bytes: number
}

/** One look at a server. */
export interface Look {
  readonly atMs: number
  readonly varz: Varz
  readonly connections: readonly ConnectionFigures[]
  /** Of all connections there are. */
  readonly total: number
  /** Undefined: the server is no Sable. */
  readonly dashboard: DashboardData | undefined
}

export interface LookOptions {
  /** `http://127.0.0.1:8222`, with the base path if there is one. */
  readonly url: URL
  /** See tokenHeaders. */
  readonly token: string
  /** As /connz sorts. */
  readonly sort: string
  readonly limit: number
  readonly timeoutMs: number
}

const NOT_FOUND = 404
const UNAUTHORIZED = 401

/** @throws ToolError when the server cannot be reached, or refuses */
export async function lookAt(options: LookOptions): Promise<Look> {
  const { sort, limit } = options
  const [varz, connz, dashboard] = await Promise.all([
    get<Varz>(options, 'varz'),
    get<{ total: number; connections: ConnectionFigures[] | null }>(options, 'connz', {
      sort,
      limit: String(limit),
      auth: 'true',
    }),
    get<DashboardData>(options, 'dashboard/data'),
  ])
  if (varz === undefined || connz === undefined) {
    throw new ToolError(`${options.url.origin} is no monitoring port of a NATS server`)
  }
  const { connections, total } = connz
  return { atMs: Date.now(), varz, connections: connections ?? [], total, dashboard }
}

async function get<T>(
  { url, token, timeoutMs }: LookOptions,
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<T | undefined> {
  const to = endpointUrl(url, path)
  to.search = new URLSearchParams(query).toString()
  const signal = AbortSignal.timeout(timeoutMs)
  let answer: Response
  try {
    answer = await fetch(to, { headers: tokenHeaders(token), signal })
    if (answer.ok) return (await answer.json()) as T
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const why = signal.aborted ? `no answer within ${timeoutMs} ms` : String(cause)
    throw new ToolError(`${to.host}: ${why}`)
  }
  const text = (await answer.text()).trim()
  if (answer.status === NOT_FOUND) return undefined
  if (answer.status === UNAUTHORIZED) throw new ToolError('the server asks for a token: use -token')
  throw new ToolError(`${to.pathname} answers ${answer.status}: ${text}`)
}
