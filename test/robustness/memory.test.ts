import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { describe } from 'node:test'
import { Flow } from '../failure/flow.ts'
import type { WireClient } from '../order/wire-client.ts'
import { type Fixture, serverTest } from '../order/worker-counts.ts'
import { ROOT } from '../support/peers.ts'
import { until } from '../support/wait.ts'
import { ended, forEachOf, opened } from './many.ts'

const MIB = 1024 * 1024
const CONNECT = 'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n'

process.env['NODE_OPTIONS'] = `--import=${join(ROOT, 'test/robustness/collect-garbage.mjs')}`

/** Descriptors and resident bytes of the server, once it has none open but those of `baseline`. */
class ServerMemory {
  readonly #pid: number
  readonly #baseline: number
  readonly history: string[] = []

  constructor(pid: number) {
    this.#pid = pid
    this.#baseline = this.#openFiles()
  }

  #openFiles(): number {
    return readdirSync(`/proc/${this.#pid}/fd`).length
  }

  async settled(): Promise<number> {
    await until(
      () => `the server to close its sockets: ${this.#openFiles()} of ${this.#baseline}`,
      () => this.#openFiles() <= this.#baseline,
      20_000,
    )
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.#pid}/status`, 'latin1'))
    const rss = Number(line?.[1]) * 1024
    this.history.push(`${(rss / MIB).toFixed(1)} MiB`)
    return rss
  }
}

/**
 * Runs the same load three times and compares what the server holds after the second and the
 * third: the first ones bring its heaps and the arenas to their size. Two clients' traffic goes on
 * meanwhile.
 */
async function holdsNothing(
  { server, connectMany }: Fixture,
  growthMax: number,
  load: (round: number) => Promise<void>,
): Promise<void> {
  const [a, b] = (await connectMany(2)) as [WireClient, WireClient]
  const flow = (await new Flow(a, 'good').to(b)).start()
  const memory = new ServerMemory(server.pid)
  await load(1)
  await memory.settled()
  await load(2)
  const second = await memory.settled()
  await load(3)
  const third = await memory.settled()
  assert.deepEqual(await flow.stop(), [])
  assert.doesNotMatch(server.log, /died/)
  assert.ok(third - second < growthMax, `RSS after each round: ${memory.history}`)
}

describe('no memory stays behind', () => {
  // What one forgotten connection costs is at least 2 KiB, 10,000 of them 20 MiB.
  serverTest('after 30,000 connections that come and go', 2, '', async (fixture) => {
    await holdsNothing(fixture, 12 * MIB, () =>
      forEachOf(10_000, 48, async (i) => {
        const socket = await opened(fixture.server.port)
        if (i % 2 === 0) socket.write(`${CONNECT}SUB gone.${i} 1\r\nPUB gone.${i} 2\r\nhi\r\n`)
        if (i % 3 === 0) socket.resetAndDestroy()
        else socket.destroy()
        await ended(socket)
      }),
    )
  })

  // Their unfinished messages alone are 80 MiB.
  serverTest('after 2,000 messages that were never finished', 2, '', async (fixture) => {
    const sizes = [60, 3000, 60_000, 100_000]
    await holdsNothing(fixture, 20 * MIB, async () => {
      const sockets: Socket[] = []
      await forEachOf(2000, 48, async (i) => {
        const socket = await opened(fixture.server.port)
        socket.on('error', () => {})
        socket.resume()
        sockets.push(socket)
        const size = sizes[i % sizes.length]!
        const text = `${CONNECT}PUB incomplete ${size}\r\n${'i'.repeat(size - 20)}`
        await new Promise((resolve) => socket.write(text, resolve))
      })
      for (const [i, socket] of sockets.entries()) {
        if (i % 2 === 0) socket.end()
        else socket.resetAndDestroy()
      }
      await Promise.all(sockets.map(ended))
    })
  })

  // A forgotten subscription costs about 200 bytes, 100,000 of them 20 MB.
  serverTest('after 300,000 subscriptions that come and go', 2, '', async (fixture) => {
    const clients = await fixture.connectMany(4)
    const churn = async (client: WireClient, round: number, number: number) => {
      for (let batch = 0; batch < 25; batch++) {
        const prefix = `churn.${round}.${number}.${batch}`
        let lines = ''
        for (let i = 0; i < 1000; i++) lines += `SUB ${prefix}.${i}.* q${i % 7} ${i}\r\n`
        for (let i = 0; i < 1000; i++) lines += `UNSUB ${i}\r\n`
        client.send(lines)
        await client.flush(30_000)
      }
    }
    await holdsNothing(fixture, 10 * MIB, async (round) => {
      await Promise.all(clients.map((client, number) => churn(client, round, number)))
    })
  })
})
