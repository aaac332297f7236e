import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Directions {
  /** From who connected to the server behind the proxy. */
  readonly up: number
  /** From that server. */
  readonly down: number
}

const NONE: Directions = { up: 0, down: 0 }
/** Most bytes read from one side that the other has not taken. */
const WAITING_BYTES_MAX = 1024 * 1024

/**
 * A TCP proxy on 127.0.0.1 with the faults of networks: delay, little bandwidth, cuts, and lines on
 * which nothing comes any more, not even an end.
 */
export class FaultProxy implements AsyncDisposable {
  /** Of every byte, in ms; also of the end of a connection. */
  delayMs: Directions = NONE
  /** Bytes per second; 0 = as fast as it goes. */
  rate: Directions = NONE
  /** Bytes read since the start. */
  readonly readBytes = { up: 0, down: 0 }
  /** Of a server on 127.0.0.1, which need not be there yet. */
  targetPort: number
  readonly #lines = new Set<Line>()
  #server: Server
  #port = 0
  #acceptedCount = 0

  private constructor(targetPort: number) {
    this.targetPort = targetPort
    this.#server = this.#makeServer()
  }

  /** @param targetPort may be set later, for servers that must know the port of the proxy */
  static async start(targetPort = 0): Promise<FaultProxy> {
    const proxy = new FaultProxy(targetPort)
    await proxy.#listen()
    return proxy
  }

  get port(): number {
    return this.#port
  }

  /** Connections since the start. */
  get acceptedCount(): number {
    return this.#acceptedCount
  }

  /** Connections that stand, as far as the proxy can know. */
  get openCount(): number {
    return this.#lines.size
  }

  /** Ends all connections: in order, or by a reset that also drops what is under way. */
  cut(how: 'fin' | 'rst'): void {
    for (const line of [...this.#lines]) line.cut(how)
  }

  /**
   * From now on nothing passes on the connections that stand, and neither end hears that the other
   * has gone. Connections made later are not concerned.
   */
  freeze(): void {
    for (const line of this.#lines) line.freeze()
  }

  /** After freeze(): resets who connected; the server behind the proxy does not hear of it. */
  cutClients(): void {
    for (const line of this.#lines) line.cutClient()
  }

  /** Refuses connections (or takes them again); those that stand are not concerned. */
  async refuse(isRefusing = true): Promise<void> {
    if (isRefusing) {
      this.#server.close()
    } else {
      this.#server = this.#makeServer()
      await this.#listen()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.cut('rst')
  }

  #makeServer(): Server {
    return createServer({ allowHalfOpen: true }, (client) => this.#accept(client))
  }

  async #listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#port, '127.0.0.1', resolve)
    })
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    this.#port = address.port
  }

  #accept(client: Socket): void {
    this.#acceptedCount += 1
    const place = { host: '127.0.0.1', port: this.targetPort, allowHalfOpen: true }
    const line = new Line(this, client, connect(place), () => this.#lines.delete(line))
    this.#lines.add(line)
  }
}

/** One connection through the proxy. */
class Line {
  readonly #proxy: FaultProxy
  readonly #ends: readonly [Socket, Socket]
  readonly #onGone: () => void
  #isFrozen = false

  constructor(proxy: FaultProxy, client: Socket, server: Socket, onGone: () => void) {
    this.#proxy = proxy
    this.#ends = [client, server]
    this.#onGone = onGone
    void this.#carry(client, server, 'up')
    void this.#carry(server, client, 'down')
    for (const socket of this.#ends) {
      socket.setNoDelay(true)
      socket.on('error', () => {
        if (!this.#isFrozen) this.cut('rst')
      })
      socket.on('close', () => {
        if (this.#ends.every(({ destroyed }) => destroyed)) this.#onGone()
      })
    }
  }

  cut(how: 'fin' | 'rst'): void {
    this.#isFrozen = true // whatever comes now is not passed on
    for (const socket of this.#ends) {
      if (how === 'fin') socket.destroySoon()
      else reset(socket)
    }
    this.#onGone()
  }

  freeze(): void {
    this.#isFrozen = true
  }

  cutClient(): void {
    this.freeze()
    reset(this.#ends[0])
  }

  /** Moves bytes, then the end, in one direction. */
  async #carry(from: Socket, to: Socket, direction: keyof Directions): Promise<void> {
    let waitingBytes = 0
    let isSlow = Promise.resolve()
    const pass = (chunk: Buffer | null): void => {
      const dueMs = Date.now() + this.#proxy.delayMs[direction]
      isSlow = isSlow.then(async () => {
        const rate = this.#proxy.rate[direction]
        const paceMs = rate === 0 ? 0 : ((chunk?.length ?? 0) / rate) * 1000
        const waitMs = Math.max(dueMs - Date.now(), paceMs)
        if (waitMs > 0) await sleep(waitMs)
        waitingBytes -= chunk?.length ?? 0
        if (waitingBytes < WAITING_BYTES_MAX) from.resume()
        if (this.#isFrozen || to.destroyed) return
        if (chunk === null) to.end()
        else if (!to.write(chunk)) await drained(to)
      })
    }
    from.on('data', (chunk: Buffer) => {
      waitingBytes += chunk.length
      this.#proxy.readBytes[direction] += chunk.length
      if (waitingBytes >= WAITING_BYTES_MAX) from.pause()
      pass(chunk)
    })
    from.on('end', () => pass(null))
  }
}

/**
 * A socket whose end was sent cannot be reset any more: Node 24 would keep its handle for ever, and
 * the process would never end.
 */
function reset(socket: Socket): void {
  if (socket.connecting || socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('drain', resolve)
    socket.once('close', () => resolve())
  })
}
