import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { AcceptOptions, AcceptSession } from '../../../src/router/leaf/accept-session.ts'
import type { LeafSession } from '../../../src/router/leaf/leaf-session.ts'
import type { SolicitOptions, SolicitSession } from '../../../src/router/leaf/solicit-session.ts'
import { type FakeBroker, FakeLink } from './fake-broker.ts'
import { LineReader } from './line-reader.ts'

/** A session on a real socket. Time is the broker's fake clock: only the peer's timers run. */
export class RealLink<S extends LeafSession> {
  readonly link: FakeLink
  readonly session: S
  readonly reader: LineReader
  /** Everything received, as text. */
  received = ''
  readonly #socket: Socket

  constructor(broker: FakeBroker, socket: Socket, session: (link: FakeLink) => S) {
    this.#socket = socket
    this.link = new FakeLink(broker.clock)
    this.session = session(this.link)
    this.reader = new LineReader(this.session)
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => {
      this.received += bytes.toString('latin1')
      this.reader.feed(bytes)
      this.flush()
    })
    socket.on('close', () => this.session.onClosed('clientClosed'))
  }

  /** Sends what the session wrote. */
  flush(): void {
    const text = this.link.take()
    if (text !== '') this.#socket.write(text, 'latin1')
    if (this.link.closedWith !== undefined) this.#socket.end()
  }

  send(text: string): void {
    this.#socket.write(text, 'latin1')
  }

  close(): void {
    this.#socket.destroy()
  }
}

export async function dial(
  broker: FakeBroker,
  port: number,
  options: Partial<SolicitOptions> = {},
): Promise<RealLink<SolicitSession>> {
  const socket = connect(port, '127.0.0.1')
  const real = new RealLink(broker, socket, (link) => broker.solicit(link, options))
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  real.session.start()
  real.session.awaitInfo()
  return real
}

/** A listener that makes each connection a leaf link of the broker. */
export class RealListener implements AsyncDisposable {
  readonly links: RealLink<AcceptSession>[] = []
  readonly #server: Server

  constructor(broker: FakeBroker, options: Partial<AcceptOptions> = {}) {
    this.#server = createServer((socket) => {
      const real = new RealLink(broker, socket, (link) => broker.accept(link, options))
      this.links.push(real)
      real.session.start()
      real.flush()
    })
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const link of this.links) link.close()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }
}
