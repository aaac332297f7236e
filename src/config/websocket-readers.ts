import { durationMs, parseDuration } from '../base/duration.ts'
import { isConfigArray, isConfigMap } from './config-value.ts'
import { goTypeOf } from './go-types.ts'
import { defaultsOf } from './option-entry.ts'
import type { LoginOptions, WebsocketOptions } from './option-types.ts'
import type { Occurrence } from './section-reading.ts'
import { readAuthTimeoutMs, readMap } from './value-readers.ts'
import { WEBSOCKET_AUTHORIZATION_TABLE, WEBSOCKET_TABLE } from './websocket-table.ts'

/** The `websocket` block and what stands in it. */

export function readWebsocket({ node, faults, fill }: Occurrence): WebsocketOptions | undefined {
  if (!isConfigMap(node.data)) {
    faults.report(node, `Expected websocket to be a map, got ${goTypeOf(node.data)}`)
    return undefined
  }
  const websocket = defaultsOf(WEBSOCKET_TABLE)
  fill('websocket', WEBSOCKET_TABLE, node.data, websocket)
  return websocket
}

export function readWebsocketAuthorization({
  node,
  faults,
  fill,
}: Occurrence): LoginOptions | undefined {
  const map = readMap(node, faults)
  if (map === undefined) return undefined
  const authorization = defaultsOf(WEBSOCKET_AUTHORIZATION_TABLE)
  fill('websocket.authorization', WEBSOCKET_AUTHORIZATION_TABLE, map, authorization)
  return authorization
}

/**
 * nats-server takes anything that is no number for one second. Here a duration means what it says,
 * and the rest is refused.
 */
export function readWebsocketAuthTimeoutMs({ node, key, faults }: Occurrence): number | undefined {
  return readAuthTimeoutMs(node, key, 'websocket authorization', faults)
}

export function readHandshakeTimeoutMs({ node, faults }: Occurrence): number | undefined {
  const { data } = node
  if (typeof data === 'bigint') return Number(data) * 1_000
  if (typeof data !== 'string') {
    faults.report(node, `error parsing handshake timeout: unsupported type ${goTypeOf(data)}`)
    return undefined
  }
  const parsed = parseDuration(data)
  if ('ns' in parsed) return durationMs(parsed.ns)
  faults.report(node, parsed.error)
  return undefined
}

export function readOrigins({ node, faults }: Occurrence): readonly string[] | undefined {
  const { data } = node
  const start = 'error parsing allowed origins: unsupported type'
  if (typeof data === 'string') return [data]
  if (!isConfigArray(data)) {
    faults.report(node, `${start} ${goTypeOf(data)}`)
    return undefined
  }
  const origins: string[] = []
  for (const element of data) {
    if (typeof element.data === 'string') origins.push(element.data)
    else faults.report(element, `${start} in array ${goTypeOf(element.data)}`)
  }
  return origins
}

export function readHeaders({
  node,
  faults,
}: Occurrence): Readonly<Record<string, string>> | undefined {
  if (!isConfigMap(node.data)) {
    faults.report(node, `error parsing headers: unsupported type ${goTypeOf(node.data)}`)
    return undefined
  }
  const headers: [string, string][] = []
  for (const [name, value] of node.data) {
    if (typeof value.data === 'string') headers.push([name, value.data])
    else {
      const type = goTypeOf(value.data)
      faults.report(value, `error parsing header key ${name}: unsupported type ${type}`)
    }
  }
  return Object.fromEntries(headers)
}
