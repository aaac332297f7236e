import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { makeCertificates } from '../support/certificates.ts'
import { assertApart, assertLinked, logged } from './exchange.ts'
import { eachPair, type Pair } from './pairs.ts'

const folder = mkdtempSync(join(tmpdir(), 'leaf-proxy-'))
const { ca, server } = makeCertificates(folder)
after(() => rmSync(folder, { recursive: true }))

const old = ({ leaf }: Pair): string | false =>
  (leaf.name === 'nats-server-2.10' || leaf.name === 'nats-server-2.9') &&
  `${leaf.name} knows no proxy`

/** An HTTP proxy that takes CONNECT only. */
class HttpProxy implements AsyncDisposable {
  /** `host:port` of each tunnel that was opened. */
  readonly tunnels: string[] = []
  readonly refused: string[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(login: string | undefined) {
    const wanted = login && `Basic ${Buffer.from(login).toString('base64')}`
    this.#server = createServer()
    this.#server.on('connection', (socket: Socket) => this.#keep(socket))
    this.#server.on('connect', (request, client: Socket, head: Buffer) => {
      const target = request.url ?? ''
      if (wanted !== undefined && request.headers['proxy-authorization'] !== wanted) {
        this.refused.push(target)
        client.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n')
        return
      }
      const { hostname, port } = new URL(`http://${target}`)
      const far = connect(Number(port), hostname, () => {
        this.tunnels.push(target)
        far.write(head)
        // In one piece with what the hub says first, if that is there already.
        far.once('data', (first: Buffer) => {
          client.write(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), first]))
          far.pipe(client)
          client.pipe(far)
        })
      })
      this.#keep(far)
      far.on('close', () => client.destroy())
      client.on('close', () => far.destroy())
    })
  }

  static async start(login?: string): Promise<HttpProxy> {
    const proxy = new HttpProxy(login)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get url(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return `http://127.0.0.1:${address.port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket.on('error', () => {}))
  }
}

eachPair('leaf links through an HTTP proxy', (check) => {
  check(
    'with and without a login',
    async (bench) => {
      const hub = await bench.startHub()
      await using open = await HttpProxy.start()
      await using shut = await HttpProxy.start('derek:pr0xy')
      const leaf = (name: string, proxy: string) =>
        bench.startLeaf(hub.leafPort, { name, remote: `proxy { ${proxy} }` })
      const login = (password: string) =>
        `url: "${shut.url}", username: derek, password: ${password}`
      const [plain, known, unknown, wrong] = await Promise.all([
        leaf('plain', `url: "${open.url}"`),
        leaf('known', login('pr0xy')),
        leaf('unknown', `url: "${shut.url}"`),
        leaf('wrong', login('wr0ng')),
      ])
      await Promise.all([plain, known].map((one) => assertLinked(bench, hub, one)))
      const target = `127.0.0.1:${hub.leafPort}`
      assert.deepEqual([open.tunnels, shut.tunnels], [[target], [target]])
      for (const one of [unknown, wrong]) {
        await logged(one, /proxy CONNECT failed: 407/)
        await assertApart(bench, hub, one)
      }
      assert.ok(shut.refused.length >= 2)
      assert.doesNotMatch(known.log + wrong.log, /pr0xy|wr0ng/, 'a password in a log')
    },
    old,
  )

  check(
    'TLS inside the tunnel, and a remote that does not expect it',
    async (bench) => {
      const { certFile, keyFile } = server
      const hub = await bench.startHub({
        leafnodes: `tls { cert_file: "${certFile}", key_file: "${keyFile}" }`,
      })
      await using proxy = await HttpProxy.start()
      const through = `proxy { url: "${proxy.url}" }`
      const [secure, plain] = await Promise.all([
        bench.startLeaf(hub.leafPort, {
          name: 'secure',
          remote: `${through}, tls { ca_file: "${ca.certFile}" }`,
        }),
        bench.startLeaf(hub.leafPort, { name: 'plain', remote: through }),
      ])
      await assertLinked(bench, hub, secure)
      await logged(plain, /TLS configuration mismatch: Hub requires TLS/)
      await assertApart(bench, hub, plain)
    },
    old,
  )

  check(
    'no proxy there: the leaf keeps trying',
    async (bench) => {
      const hub = await bench.startHub()
      const closed = await HttpProxy.start()
      const { url } = closed
      await closed[Symbol.asyncDispose]()
      const leaf = await bench.startLeaf(hub.leafPort, { remote: `proxy { url: "${url}" }` })
      await logged(
        leaf,
        /Error trying to connect as leafnode to remote server .*failed to connect to proxy/,
      )
      await assertApart(bench, hub, leaf)
    },
    old,
  )
})
