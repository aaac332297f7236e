import net from 'node:net'
import { monotonicNs } from './drivers/clock.ts'

/** A port on which nobody listens until the gate is opened; then it leads to another port. */
export class Gate {
  readonly #host: string
  readonly #port: number
  readonly #targetPort: number
  readonly #server: net.Server
  readonly #sockets = new Set<net.Socket>()
  readonly #passed = Promise.withResolvers<number>()

  constructor(host: string, port: number, targetPort: number) {
    this.#host = host
    this.#port = port
    this.#targetPort = targetPort
    this.#server = net.createServer((socket) => this.#onConnection(socket))
  }

  /** @returns when the first connection came, on the clock of `monotonicNs` */
  async open(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(this.#port, this.#host, resolve)
    })
    return this.#passed.promise
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #onConnection(socket: net.Socket): void {
    this.#passed.resolve(monotonicNs())
    const target = net.connect({ host: this.#host, port: this.#targetPort, noDelay: true })
    socket.setNoDelay(true)
    for (const [from, to] of [
      [socket, target],
      [target, socket],
    ] as const) {
      this.#sockets.add(from)
      from.on('error', () => {}) // its close follows, and ends the other side
      from.on('close', () => to.destroy())
      from.pipe(to)
    }
  }
}
