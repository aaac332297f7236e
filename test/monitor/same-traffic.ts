import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectSocket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Certificates } from '../support/certificates.ts'
import { RawClient } from '../support/raw-client.ts'
import type { ServerProcess } from '../support/server-process.ts'
import { until } from '../support/wait.ts'

/** The configuration of both servers. */
export function monitoredConfig({ ca, server }: Certificates): string {
  return `
    server_name: one
    server_tags: [x, y]
    server_metadata { b: 2x, a: z }
    http: "127.0.0.1:-1"
    max_subs: 500
    ping_interval: "1m"
    write_timeout: close
    system_account: SYS
    allow_non_tls: true
    tls { cert_file: "${server.certFile}", key_file: "${server.keyFile}", ca_file: "${ca.certFile}"
          verify: true, timeout: 3 }
    leafnodes { listen: "127.0.0.1:-1"
                authorization { timeout: 4, users [{ user: leaf, pass: leaf, account: A }] } }
    websocket { listen: "127.0.0.1:-1", no_tls: true, compression: true, same_origin: true
                handshake_timeout: "3s" }
    accounts {
      A { users [{ user: a, pass: a }]
          mappings { "m.1": [{ destination: "n.1", weight: 30% }, { destination: "n.2", weight: 40% }]
                     k: l }
          exports [{ stream: "s.>", accounts: [B] }, { service: "r" }, { service: "shared" }
                   { service: "st", response: stream }, { service: "ch", response: chunked }
                   { service: "q.*", latency: { sampling: 50%, subject: "lat.x" } }] }
      B { users [{ user: b, pass: b }]
          imports [{ stream: { account: A, subject: "s.x" }, prefix: p }
                   { service: { account: A, subject: "q.1" }, to: qq }
                   { service: { account: A, subject: shared }, share: true }
                   { service: { account: A, subject: r } }] }
      C { users [{ user: c, pass: c, permissions: { publish: { deny: "no" } } }] }
      SYS { users [{ user: sys, pass: sys }] }
    }`
}

/** A leaf of both servers, in two accounts, so that nothing flows between them. */
export function leafConfig(hubs: readonly ServerProcess[]): string {
  const remotes = hubs.map(
    ({ leafPort }, index) =>
      `{ url: "nats://leaf:leaf@127.0.0.1:${leafPort}", account: L${index} }`,
  )
  return `
    server_name: leaf
    accounts { L0 { users [{ user: l0, pass: l0 }] }, L1 { users [{ user: l1, pass: l1 }] } }
    leafnodes { remotes [${remotes.join(', ')}] }`
}

/** @param url of the monitoring port, with a slash at its end */
export async function hasLeaf(url: string): Promise<boolean> {
  const { leafnodes } = (await (await fetch(`${url}leafz`)).json()) as { leafnodes: number }
  return leafnodes === 1
}

/** Answers to a PING that stands at the end of what is sent. */
async function talk(client: RawClient, text: string): Promise<void> {
  const pongs = () => client.received.toString('latin1').split('PONG\r\n').length
  const before = pongs()
  await client.send(`${text}PING\r\n`)
  await client.waitFor('PONG', () => pongs() > before || client.closedBy !== null)
}

function connectLine(options: object): string {
  return `CONNECT ${JSON.stringify({ verbose: false, ...options })}\r\n`
}

/** Connections and messages, the same on each server; they stay until they are closed. */
export class SameTraffic implements AsyncDisposable {
  readonly #server: ServerProcess
  readonly #clients: RawClient[] = []
  #secure: TLSSocket | undefined
  #websocket: WebSocket | undefined
  #closedCount = 0

  constructor(server: ServerProcess) {
    this.#server = server
  }

  async run(certificates: Certificates): Promise<void> {
    const sub = await this.#open({
      user: 'a',
      pass: 'a',
      name: 'one<&>',
      lang: 'go',
      version: '1.2',
    })
    await talk(sub, 'SUB foo 1\r\nSUB bar q 2\r\nSUB s.* 3\r\nUNSUB 3 10\r\nSUB r 4\r\n')
    const other = await this.#open({ user: 'b', pass: 'b' })
    await talk(other, 'SUB p.s.x 1\r\n')
    const pub = await this.#open({ user: 'a', pass: 'a', name: 'pub', echo: false })
    await talk(pub, 'SUB own 1\r\nPUB foo 5\r\nhello\r\nPUB foo 2\r\nhi\r\nPUB bar 3\r\nabc\r\n')
    await talk(pub, 'PUB s.x 4\r\nabcd\r\nPUB own 1\r\nx\r\nPUB nobody 7\r\n1234567\r\n')
    await sub.waitFor('four messages', () => count(sub, 'MSG ') >= 4)
    await other.waitFor('one message', () => count(other, 'MSG ') >= 1)
    await talk(other, 'PUB r 6\r\nsecret\r\n')
    const denied = await this.#open({ user: 'c', pass: 'c' })
    await talk(denied, 'PUB no 2\r\nxx\r\nPUB yes 1\r\nx\r\n')
    await sub.waitFor('five messages', () => count(sub, 'MSG ') >= 5)
    await this.#openSecure(certificates)
    await this.#openWebsocket()
    await this.#closeSome()
  }

  async #open(options: object): Promise<RawClient> {
    const client = await RawClient.connect(this.#server.port)
    this.#clients.push(client)
    await talk(client, connectLine(options))
    return client
  }

  async #openSecure({ client }: Certificates): Promise<void> {
    const plain = connectSocket(this.#server.port, '127.0.0.1')
    await once(plain, 'data')
    const socket = connectTls({
      socket: plain,
      // Without the authority's certificate, which would be sent along.
      rejectUnauthorized: false,
      cert: readFileSync(client.certFile),
      key: readFileSync(client.keyFile),
    })
    this.#secure = socket
    await once(socket, 'secureConnect')
    socket.write(`${connectLine({ user: 'a', pass: 'a', name: 'tls' })}PING\r\n`)
    await once(socket, 'data')
  }

  async #openWebsocket(): Promise<void> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.#server.websocketPort}`)
    this.#websocket = socket
    const connected = Promise.withResolvers<void>()
    socket.binaryType = 'arraybuffer'
    socket.onmessage = ({ data }) => {
      const text = Buffer.from(data as ArrayBuffer).toString('latin1')
      if (text.includes('PONG')) connected.resolve()
    }
    socket.onopen = () => {
      const line = connectLine({ user: 'b', pass: 'b', name: 'ws', lang: 'js' })
      socket.send(Buffer.from(`${line}SUB ws.> 1\r\nPING\r\n`))
    }
    await connected.promise
  }

  /** Closed connections, each for another reason. */
  async #closeSome(): Promise<void> {
    const gone = await this.#open({ user: 'b', pass: 'b', name: 'gone' })
    await talk(gone, 'SUB gone.a q 1\r\nSUB gone.b 2\r\n')
    gone.close()
    await this.#closed(1)
    const { port, leafPort } = this.#server
    const wrong = { user: 'a', pass: 'wrong', name: 'bad', version: '2.15.0' }
    for (const [to, text] of [
      [port, connectLine(wrong)],
      [port, 'NONSENSE\r\n'],
      [port, connectLine({ user: 'a', pass: 'a', protocol: 9 })],
      [port, connectLine({ user: 'a', pass: 'a', no_responders: true })],
      [leafPort, connectLine(wrong)],
    ] as const) {
      const client = await RawClient.connect(to)
      this.#clients.push(client)
      await client.send(text)
      await client.waitFor('the end', () => client.closedBy !== null)
      client.close()
      await this.#closed(this.#closedCount + 1)
    }
    const large = await this.#open({ user: 'a', pass: 'a' })
    await large.send('PUB foo 9999999\r\n')
    await large.waitFor('the end', () => large.closedBy !== null)
    large.close()
    await this.#closed(this.#closedCount + 1)
  }

  /** So that they are in the same order on each server. */
  async #closed(count: number): Promise<void> {
    const url = `http://127.0.0.1:${this.#server.monitorPort}/connz?state=closed`
    await until('closed connections', async () => {
      const { total } = (await (await fetch(url)).json()) as { total: number }
      return total === count
    })
    this.#closedCount = count
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#websocket?.close()
    this.#secure?.destroy()
    for (const client of this.#clients) await client[Symbol.asyncDispose]()
  }
}

function count(client: RawClient, word: string): number {
  return client.received.toString('latin1').split(`\n${word}`).length - 1
}
