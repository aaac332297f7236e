import http from 'node:http'
import { type StartedServer, startServer } from './server-process.ts'

/** Connections on one page of /connz: as many as a server gives unless asked for fewer. */
export const CONNZ_LIMIT = 1024

const ANSWER_MS_MAX = 30_000

interface MonitorAnswer {
  readonly status: number
  readonly body: string
  /** From the request to the last byte of the answer. */
  readonly elapsedMs: number
}

/** Asks a server's monitoring port, over one connection that stays open, as scrapers do. */
export class MonitorClient {
  readonly #url: string
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 })

  constructor(url: string) {
    this.#url = url
  }

  /** @throws Error for any answer but 200 */
  async get(path: string): Promise<MonitorAnswer> {
    const answer = await this.ask(path)
    if (answer.status !== 200) throw new Error(`${path} answers ${answer.status}: ${answer.body}`)
    return answer
  }

  ask(path: string): Promise<MonitorAnswer> {
    return new Promise((resolve, reject) => {
      const startMs = performance.now()
      const onResponse = (response: http.IncomingMessage): void => {
        const chunks: Buffer[] = []
        response.on('error', reject)
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const elapsedMs = performance.now() - startMs
          const body = Buffer.concat(chunks).toString()
          resolve({ status: response.statusCode ?? 0, body, elapsedMs })
        })
      }
      const options = { agent: this.#agent, timeout: ANSWER_MS_MAX }
      const request = http.get(`${this.#url}${path}`, options, onResponse)
      request.on('error', reject)
      request.on('timeout', () => request.destroy(new Error(`no answer from ${path}`)))
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** Starts a server with a monitoring port. */
export async function startMonitored(
  command: readonly string[],
): Promise<{ server: StartedServer; client: MonitorClient }> {
  const server = await startServer([...command, '-m', '-1'])
  if (server.monitorUrl === undefined) {
    await server.stop()
    throw new Error('the server has no monitoring port in its ports file')
  }
  return { server, client: new MonitorClient(server.monitorUrl) }
}

/**
 * How long /connz takes for one page.
 *
 * @param query what is asked for beside the limit
 * @throws Error when the page does not have as many connections as it must
 */
export async function timeConnz(
  client: MonitorClient,
  limit: number,
  connections: number,
  query = '',
): Promise<number> {
  const { body, elapsedMs } = await client.get(`/connz?limit=${limit}${query}`)
  const page = JSON.parse(body) as ConnzPage
  const expected = Math.min(limit, connections)
  const wantsSubscriptions = query.includes('subs=1')
  const shown = page.connections.filter(
    (connection) => !wantsSubscriptions || connection.subscriptions_list !== undefined,
  ).length
  if (shown < expected || page.total < connections) {
    throw new Error(
      `/connz is not complete: total=${page.total} shown=${shown} expected=${expected}`,
    )
  }
  return elapsedMs
}

interface ConnzPage {
  readonly total: number
  readonly connections: readonly { readonly subscriptions_list?: readonly string[] }[]
}
