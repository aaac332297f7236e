import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { sleep } from '../support/wait.ts'

const BACKLOG = 1
/** A connection to loopback that stands at all stands within this. */
const STANDS_MS = 150

/** Listens with the shortest queue there is, and then never takes anybody. */
const LISTENER = `
  const { createServer } = require('node:net')
  const { parentPort } = require('node:worker_threads')
  const server = createServer()
  server.listen({ host: '127.0.0.1', port: 0, backlog: ${BACKLOG} }, () => {
    parentPort.postMessage(server.address().port)
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 10)
  })
`

/** A port to which connections are neither made nor refused. */
export class Blackhole implements AsyncDisposable {
  readonly port: number
  readonly #worker: Worker
  readonly #sockets: Socket[]

  private constructor(port: number, worker: Worker, sockets: Socket[]) {
    this.port = port
    this.#worker = worker
    this.#sockets = sockets
  }

  static async open(): Promise<Blackhole> {
    const worker = new Worker(LISTENER, { eval: true })
    const port = await new Promise<number>((resolve) => worker.once('message', resolve))
    await sleep(STANDS_MS) // until the listener blocks
    const sockets: Socket[] = []
    let isFull = false
    while (!isFull) {
      const socket = connect({ host: '127.0.0.1', port })
      socket.on('error', () => {})
      sockets.push(socket)
      await sleep(STANDS_MS)
      isFull = socket.connecting
    }
    return new Blackhole(port, worker, sockets)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await this.#worker.terminate()
  }
}
