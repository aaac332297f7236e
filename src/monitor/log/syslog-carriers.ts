import type { ChildProcess } from 'node:child_process'
import { connect, type NetConnectOpts } from 'node:net'

/** Something open that takes syslog packets. */
export interface Carrier {
  /** Bytes given to it that have not left yet. */
  readonly backlogBytes: number
  send(packet: Buffer): void
  /** Resolves when all has left. It takes nothing more. */
  end(): Promise<void>
  destroy(): void
}

export interface CarrierEvents {
  readonly onReady: (carrier: Carrier) => void
  /** It could not be opened, or broke. Comes once, and nothing comes after it. */
  readonly onGone: (reason: Error) => void
}

/** Returns what gives up the attempt. */
export type OpenCarrier = (events: CarrierEvents) => () => void

/** What a datagram over IP can carry. */
const DATAGRAM_BYTES_MAX = 65_507

/** Datagrams are sent and forgotten: only a name that cannot be looked up is a failure. */
export function udpCarrier(host: string, port: number): OpenCarrier {
  return ({ onReady, onGone }) => {
    // Loaded here: few brokers need it, and all would pay for it at the start.
    const { createSocket } = process.getBuiltinModule('node:dgram')
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    socket.unref()
    let isClosed = false
    const close = () => {
      if (!isClosed) socket.close()
      isClosed = true
    }
    let backlogBytes = 0
    let onIdle: (() => void) | undefined
    let isReady = false
    // A refusal comes back for an earlier datagram; the next one may well arrive.
    socket.on('error', (error) => {
      if (isReady || isClosed) return
      close()
      onGone(error)
    })
    socket.connect(port, host, () => {
      isReady = true
      onReady({
        get backlogBytes() {
          return backlogBytes
        },
        send: (packet) => {
          const sent = packet.subarray(0, DATAGRAM_BYTES_MAX)
          backlogBytes += sent.length
          socket.send(sent, () => {
            backlogBytes -= sent.length
            if (backlogBytes === 0) onIdle?.()
          })
        },
        end: () =>
          new Promise((resolve) => {
            if (backlogBytes === 0) resolve()
            else onIdle = resolve
          }),
        destroy: close,
      })
    })
    return close
  }
}

/** TCP, or a Unix socket that is a stream; packets end with a line end. */
export function streamCarrier(place: NetConnectOpts): OpenCarrier {
  return ({ onReady, onGone }) => {
    let reason = new Error('closed by the syslog server')
    const socket = connect(place)
    socket.unref()
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    socket.on('connect', () => {
      onReady({
        get backlogBytes() {
          return socket.writableLength
        },
        send: (packet) => socket.write(packet),
        end: () => new Promise((resolve) => socket.end(() => resolve())),
        destroy: () => socket.destroy(),
      })
    })
    // A syslog server says nothing; without this its end would not be noticed.
    socket.resume()
    socket.on('error', (error) => {
      reason = error
    })
    socket.on('close', () => onGone(reason))
    return () => socket.destroy()
  }
}

const KEEP_ALIVE_MS = 30_000

/**
 * A program that passes lines on, each with its priority in front. The way to a Unix datagram
 * socket, which /dev/log is on most machines and which Node cannot open itself.
 */
export function programCarrier(command: string, args: readonly string[]): OpenCarrier {
  return ({ onReady, onGone }) => {
    const { spawn } = process.getBuiltinModule('node:child_process')
    // Of its own process group: Ctrl-C at a terminal must leave it there for the last lines.
    const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
    const { stdin } = child
    child.unref()
    let reason: Error | undefined
    child.on('error', (error) => {
      reason = error
    })
    stdin.on('error', () => {})
    child.on('spawn', () => {
      onReady({
        get backlogBytes() {
          return stdin.writableLength
        },
        send: (packet) => stdin.write(packet),
        end: () => endOf(child),
        destroy: () => child.kill(),
      })
    })
    child.on('close', (code) => {
      onGone(reason ?? new Error(`${command} ended with ${code ?? child.signalCode}`))
    })
    return () => child.kill()
  }
}

/** What it has read it sends before it exits. */
function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.ref()
    child.once('exit', () => resolve())
    child.stdin?.end()
  })
}
