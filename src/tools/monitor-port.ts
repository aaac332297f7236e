import type { Flags } from './nats/flags.ts'
import { ToolError } from './nats/tool-error.ts'

/** How a tool is told which monitoring port to ask. */
export const MONITOR_FLAGS = {
  url: { fallback: 'http://127.0.0.1:8222', help: 'Monitoring port of the server' },
  token: { fallback: '', help: "The server's monitor_token; by default SABLE_MONITOR_TOKEN" },
} as const satisfies Flags

/** @throws ToolError for what is no address of a monitoring port */
export function parseMonitorUrl(text: string): URL {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol)) return url
  throw new ToolError(`-url is no http URL: ${text}`)
}

/** Where an endpoint is, below the base path of the port if there is one. */
export function endpointUrl(port: URL, path: string): URL {
  const url = new URL(port)
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${path}`
  return url
}

/** @param token of the flag; without it that of the environment, without both none is sent */
export function tokenHeaders(token: string): Record<string, string> {
  const secret = token || (process.env['SABLE_MONITOR_TOKEN'] ?? '')
  return secret === '' ? {} : { Authorization: `Bearer ${secret}` }
}
