import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { CLASSIC, type TestConnection } from '../support/client-libraries.ts'
import { respondWith, textOf } from '../support/collector.ts'
import type { ServerProcess } from '../support/server-process.ts'

/** Far more than a request takes on a server that is under attack and stands it. */
const ANSWER_MS_MAX = 10_000

/** Two clients of a server who mind their own business while others attack it. */
export class Bystander implements AsyncDisposable {
  readonly #server: ServerProcess
  readonly #asker: TestConnection
  readonly #responder: TestConnection
  #count = 0

  private constructor(server: ServerProcess, asker: TestConnection, responder: TestConnection) {
    this.#server = server
    this.#asker = asker
    this.#responder = responder
  }

  static async watch(server: ServerProcess): Promise<Bystander> {
    const options = { servers: server.url, reconnect: false }
    const [asker, responder] = [await CLASSIC.connect(options), await CLASSIC.connect(options)]
    respondWith(responder, 'bystander', (text) => text)
    await responder.flush()
    const bystander = new Bystander(server, asker, responder)
    await bystander.ask()
    return bystander
  }

  /** A request that must be answered, with what was asked. */
  async ask(): Promise<void> {
    this.#count += 1
    const text = String(this.#count)
    const answer = await this.#asker.request('bystander', text, { timeout: ANSWER_MS_MAX })
    assert.equal(textOf(answer), text)
  }

  /** Memory of the server's process that is in use, by what the kernel says. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.#server.pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ask()
    await Promise.all([this.#asker.close(), this.#responder.close()])
  }
}
