export interface HostPort {
  /** Empty when the address names no host. */
  readonly host: string
  readonly port: number
}

/**
 * Splits `host:port` and `[host]:port` by the rules of Go's net.SplitHostPort. The port is text
 * still, possibly empty. Undefined when the address has no port or too many colons.
 */
export function splitHostPort(address: string): { host: string; port: string } | undefined {
  const lastColon = address.lastIndexOf(':')
  if (lastColon < 0) return undefined
  const port = address.slice(lastColon + 1)
  let host = address.slice(0, lastColon)
  if (host.startsWith('[')) {
    if (host.indexOf(']') !== host.length - 1) return undefined
    host = host.slice(1, -1)
    if (host.includes('[')) return undefined
  } else if (/[:[\]]/.test(host)) {
    return undefined
  }
  return /[[\]]/.test(port) ? undefined : { host, port }
}

/** An integer as Go's strconv.Atoi takes it: decimal digits with an optional sign. */
export function parseDecimal(text: string): number | undefined {
  return /^[-+]?\d{1,15}$/.test(text) ? Number(text) : undefined
}

/**
 * Reads an address to advertise: `host`, `host:port` or `[host]:port`. Port 0 and -1 stand for the
 * default, as in nats-server. Undefined when it makes no sense.
 */
export function parseAdvertise(address: string, defaultPort: number): HostPort | undefined {
  if (address === '') return undefined
  const hasPort = address.startsWith('[') ? !address.endsWith(']') : address.includes(':')
  const parts = splitHostPort(hasPort ? address : `${address}:${defaultPort}`)
  const port = parts === undefined ? undefined : parseDecimal(parts.port.trim())
  if (parts === undefined || port === undefined) return undefined
  return { host: parts.host.trim(), port: port === 0 || port === -1 ? defaultPort : port }
}
