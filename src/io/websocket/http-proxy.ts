import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { timerMs } from '../../base/clock.ts'
import { systemErrorReason } from '../../base/errors.ts'
import type { HttpProxyOptions } from '../../config/option-types.ts'
import { readResponseHead } from './http-head.ts'

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

/**
 * A connection to `target` that an HTTP proxy makes for us (CONNECT). To a proxy with an `https`
 * address the way is by TLS.
 *
 * @param timeoutMs for the connection to the proxy and its answer together
 * @returns paused; what the target has sent already is read first
 * @throws Error with nats-server's texts; the password is in none of them
 */
export async function tunnelThrough(
  proxy: HttpProxyOptions,
  target: { readonly host: string; readonly port: number },
  timeoutMs: number,
): Promise<Socket> {
  const endMs = performance.now() + timeoutMs
  const socket = await connectToProxy(new URL(proxy.url), timeoutMs)
  try {
    const leftMs = Math.max(0, endMs - performance.now())
    const response = readResponseHead(socket, leftMs).catch((error: Error) => {
      throw new Error(`failed to read proxy response: ${error.message}`)
    })
    socket.write(requestText(proxy, target))
    const { code, status, surplus } = await response
    if (code !== 200) throw new Error(`proxy CONNECT failed: ${status}`)
    if (surplus.length > 0) socket.unshift(surplus)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

function requestText(
  { username, password }: HttpProxyOptions,
  { host, port }: { readonly host: string; readonly port: number },
): string {
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const lines = [`CONNECT ${place} HTTP/1.1`, `Host: ${place}`]
  if (username !== '' && password !== '') {
    const credentials = Buffer.from(`${username}:${password}`).toString('base64')
    lines.push(`Proxy-Authorization: Basic ${credentials}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}

function connectToProxy(url: URL, timeoutMs: number): Promise<Socket> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = Number(url.port) || DEFAULT_PORTS[url.protocol] || 80
  const isTls = url.protocol === 'https:'
  const place = { host, port, noDelay: true }
  const socket = isTls
    ? connectTls({ ...place, ...(isIP(host) === 0 ? { servername: host } : {}) })
    : connectTcp(place)
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const fail = (why: string) => {
    clearTimeout(timer)
    socket.destroy()
    reject(new Error(`failed to connect to proxy: ${why}`))
  }
  const onError = (error: Error) => fail(dialErrorText(error, url.host))
  const timer = setTimeout(() => fail(`dial tcp ${url.host}: i/o timeout`), timerMs(timeoutMs))
  socket.once('error', onError)
  socket.once(isTls ? 'secureConnect' : 'connect', () => {
    clearTimeout(timer)
    socket.off('error', onError)
    resolve(socket)
  })
  return promise
}

/** As Go puts it, where Go has such an error. */
function dialErrorText(error: unknown, place: string): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  const { syscall, message } = first as NodeJS.ErrnoException
  if (syscall === 'getaddrinfo') return `dial tcp: lookup ${place}: no such host`
  if (syscall !== 'connect') return message
  return `dial tcp ${place}: connect: ${systemErrorReason(first)}`
}
