import { connect, type Socket } from 'node:net'

/** Runs `body` for 0 … count - 1, at most `atOnce` at a time. */
export async function forEachOf(
  count: number,
  atOnce: number,
  body: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const runner = async () => {
    while (next < count) await body(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, runner))
}

export function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => resolve(socket))
    socket.on('error', reject)
  })
}

export function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => {})
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
}
