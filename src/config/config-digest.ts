import { createHash } from 'node:crypto'
import { goJson } from '../protocol/go-json.ts'
import { type ConfigData, type ConfigMap, isConfigArray, isConfigMap } from './config-value.ts'

/**
 * `sha256:<hex>` over the configuration as Go's JSON encoder would write it: keys in byte order,
 * HTML-safe text, a newline at the end. nats-server prints it with `-t`, at the start, after a
 * reload and in varz, so operators compare it between servers.
 */
export function configDigest(config: ConfigMap): string {
  return `sha256:${createHash('sha256')
    .update(`${toJson(config)}\n`)
    .digest('hex')}`
}

function toJson(data: ConfigData): string {
  if (data instanceof Date) return goJson(`${data.toISOString().slice(0, -5)}Z`)
  if (isConfigArray(data)) return `[${data.map((node) => toJson(node.data)).join(',')}]`
  if (!isConfigMap(data)) return goJson(data)
  const entries = [...data].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return `{${entries.map(([key, node]) => `${goJson(key)}:${toJson(node.data)}`).join(',')}}`
}
