import net from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Endpoint } from './tasks.ts'

const LINE_END = 0x0a

/**
 * Connects, reads INFO in clear and shakes hands. The certificate is believed.
 *
 * Resolves with a socket from which nobody reads yet; a failure goes to `onFailure` alone.
 */
export async function connectTls(
  { host, port }: Endpoint,
  onFailure: (error: Error) => void,
): Promise<TLSSocket> {
  // Loaded when needed: it takes long, and most scenarios have no use for it.
  const { connect } = await import('node:tls')
  return new Promise((resolve) => {
    const raw = net.connect({ host, port, noDelay: true })
    const onEnd = (): void => onFailure(new Error('connection closed before TLS'))
    raw.on('error', onFailure)
    raw.on('close', onEnd)
    const onData = (chunk: Buffer): void => {
      if (!chunk.includes(LINE_END)) return
      raw.off('data', onData)
      raw.off('close', onEnd)
      raw.pause()
      const socket = connect({ socket: raw, rejectUnauthorized: false, servername: 'localhost' })
      socket.on('error', onFailure)
      socket.on('close', onEnd)
      socket.once('secureConnect', () => {
        socket.off('error', onFailure)
        socket.off('close', onEnd)
        resolve(socket)
      })
    }
    raw.on('data', onData)
  })
}
