import type { Socket } from 'node:net'
import { adoptSocket } from '../../io/adopt-socket.ts'
import { goOnInClear } from '../../io/go-on-in-clear.ts'
import type { ProxyHeader } from '../../io/proxy-header.ts'
import { readProxyHeader } from '../../io/read-proxy-header.ts'
import type { ProtocolWorker } from '../protocol-worker-role.ts'
import type { ClientSession } from './client-session.ts'

/**
 * Clients of the TCP listener where `proxy_protocol` is on: a load balancer may say in a header,
 * after INFO and before all else, where a client is. Who sends none is taken as it comes.
 *
 * Lines in the log begin with the address of the socket all the same, as nats-server's do; the
 * monitor, events and permissions by address go by the header.
 */
export class ProxyProtocol {
  readonly #worker: ProtocolWorker

  constructor(worker: ProtocolWorker) {
    this.#worker = worker
  }

  /**
   * A client without TLS. Inside a turn.
   *
   * @param source nothing was read from it
   * @param isRefused max_connections is reached: say so and close
   */
  accept(source: Socket, session: ClientSession, isRefused: boolean): void {
    session.open()
    session.sendInfo(this.#worker.greeting)
    if (isRefused) {
      session.connection.attach(adoptSocket(source, session.connection))
      session.violate('maxConnections')
    } else {
      void this.#acceptInClear(source, session)
    }
  }

  async #acceptInClear(source: Socket, session: ClientSession): Promise<void> {
    if (!(await this.introduce(source, session))) return
    this.#worker.thread.inTurn(() => {
      session.startTimers()
      goOnInClear(source, session.connection)
    })
  }

  /**
   * Waits for the header. Inside a turn, or outside of one.
   *
   * @param source the connection has released it, or never had it
   * @returns true: the connection has released the socket again, and what came behind the header is
   *   in its buffer; false: the connection has ended
   */
  async introduce(source: Socket, session: ClientSession): Promise<boolean> {
    const { connection } = session
    const { thread } = this.#worker
    // As long as the connection has the socket it can be closed for other reasons.
    thread.inTurn(() => connection.replaceSocket(source, true))
    if (!connection.isOpen) return false
    const { promise, resolve } = Promise.withResolvers<void>()
    readProxyHeader(source, thread.deadlines, (header) => {
      if (header.kind !== 'gone') thread.inTurn(() => this.#onHeader(header, session))
      resolve()
    })
    await promise
    return connection.releaseSocket() !== undefined
  }

  #onHeader(header: ProxyHeader, { connection }: ClientSession): void {
    if (!connection.isOpen) return
    if (header.kind === 'invalid') {
      const { log } = this.#worker
      log.warn(`Error reading PROXY protocol header from ${connection.remote}: ${header.why}`)
      connection.close('protocolViolation')
    } else if (header.kind === 'address') {
      connection.usePlace({ remoteAddress: header.address, remotePort: header.port })
    }
  }
}
