import { createServer, type Server, type Socket } from 'node:net'
import type { ServerProgram } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { within } from '../support/wait.ts'
import { HUB_ADDRESS } from './script.ts'

/** Dials come every few milliseconds, but a server may wait after one that went wrong. */
const DIAL_MS_MAX = 20_000

/** Where a script runs: the ports it connects to, and the hub it plays for the server. */
export interface Place {
  readonly port: number
  readonly leafPort: number
  acceptDial(): Promise<RawClient>
}

/** A server started for scripts with one configuration. */
export class ScriptServer implements Place {
  readonly #server: ServerProcess
  readonly #hub: Hub

  private constructor(server: ServerProcess, hub: Hub) {
    this.#server = server
    this.#hub = hub
  }

  static async start(program: ServerProgram, config: string): Promise<ScriptServer> {
    const hub = await Hub.listen()
    try {
      const leafListener = /leafnodes\s*\{[^[]*port:/.test(config)
      const ready = config.replaceAll(HUB_ADDRESS, hub.address)
      return new ScriptServer(await startServer(program, { config: ready, leafListener }), hub)
    } catch (error) {
      hub.close()
      throw error
    }
  }

  get port(): number {
    return this.#server.port
  }

  get leafPort(): number {
    return this.#server.leafPort
  }

  get logTail(): string {
    return this.#server.logTail
  }

  acceptDial(): Promise<RawClient> {
    return this.#hub.accept()
  }

  async stop(): Promise<void> {
    this.#hub.close()
    await this.#server.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** Listens for the server's dials; those that no script waits for are hung up on at once. */
class Hub {
  readonly #listener: Server
  #waiting: ((socket: Socket) => void) | undefined

  private constructor() {
    this.#listener = createServer({ allowHalfOpen: true }, (socket) => {
      const take = this.#waiting
      this.#waiting = undefined
      if (take === undefined) socket.destroy()
      else take(socket)
    })
  }

  static async listen(): Promise<Hub> {
    const hub = new Hub()
    await new Promise<void>((resolve) => hub.#listener.listen(0, '127.0.0.1', resolve))
    return hub
  }

  get address(): string {
    const address = this.#listener.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return `127.0.0.1:${address.port}`
  }

  async accept(): Promise<RawClient> {
    const dialled = new Promise<Socket>((resolve) => {
      this.#waiting = resolve
    })
    return RawClient.over(await within('the server to dial', dialled, DIAL_MS_MAX))
  }

  close(): void {
    this.#listener.close()
  }
}
