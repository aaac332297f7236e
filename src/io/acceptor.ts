import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { listenOn } from '../base/addresses.ts'

/** Waiting connections the system keeps for us while the broker starts or is busy. */
const BACKLOG = 1024

export interface AcceptorOptions {
  readonly host: string
  /** 0 or below: any free port. */
  readonly port: number
  /** Owns the socket from here on; nothing was read from it. */
  readonly onSocket: (socket: Socket) => void
}

/**
 * One listening port. Sockets that come before `open` wait: the port is known, and clients can
 * connect, while the threads still start.
 */
export class Acceptor {
  readonly #server: Server
  readonly #options: AcceptorOptions
  #waiting: Socket[] | undefined = []

  constructor(options: AcceptorOptions) {
    this.#options = options
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
      if (this.#waiting === undefined) options.onSocket(socket)
      else this.#waiting.push(socket)
    })
  }

  /** @throws what the system says, e.g. EADDRINUSE */
  async listen(): Promise<void> {
    const { host, port } = this.#options
    await listenOn(this.#server, { host, port: Math.max(0, port), backlog: BACKLOG })
    // Out of file descriptors and the like: the next accept may succeed.
    this.#server.on('error', () => {})
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Hands out what waited, and from here on every socket as it comes. */
  open(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const socket of waiting) this.#options.onSocket(socket)
  }

  close(): void {
    for (const socket of this.#waiting ?? []) socket.destroy()
    this.#waiting = []
    this.#server.close()
  }
}
