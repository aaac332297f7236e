/** Taps on a running broker: what they show, how much of it, and how they end. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { TAPS_MAX, type TapSample, type TapTarget } from '../../src/monitor/trace/tap-sample.ts'
import { runTap } from '../../src/tools/tap.ts'
import { program } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until, within } from '../support/wait.ts'
import { TraceClient } from './trace-client.ts'

const TOKEN = 'open sesame'
const CONFIG = `
http: "127.0.0.1:-1"
monitor_token: "${TOKEN}"
max_payload: 2000
workers: 2
accounts {
  A {
    users: [
      { user: a, password: p }
      { user: few, password: p, permissions: { publish: "ok.>" } }
      { user: deaf, password: p, permissions: { subscribe: { allow: ">", deny: "deny.me" } } }
    ]
    mappings: { "map.in": "map.out" }
    exports: [ { stream: "st.>" }, { service: "svc" } ]
  }
  B {
    users: [ { user: b, password: p } ]
    imports: [
      { stream: { account: A, subject: "st.>" }, prefix: "imp" }
      { service: { account: A, subject: "svc" }, to: "ask" }
    ]
  }
}
`

interface Line extends Partial<TapSample> {
  readonly open?: object
  readonly end?: { readonly why: string; readonly samples: number }
}

/** To be closed at the end of a test, however it ends. */
const readers = new Set<Reader>()

/** One reader of /tapz. */
class Reader {
  readonly lines: Line[] = []
  readonly status: number
  readonly ended: Promise<void>
  readonly #abort: AbortController

  private constructor(response: Response, abort: AbortController) {
    readers.add(this)
    this.status = response.status
    this.#abort = abort
    this.ended = this.#read(response).catch(() => {})
  }

  static async open(server: ServerProcess, query: string): Promise<Reader> {
    const abort = new AbortController()
    const headers = { Authorization: `Bearer ${TOKEN}` }
    const response = await fetch(`${urlOf(server)}/tapz?${query}`, {
      headers,
      signal: abort.signal,
    })
    const reader = new Reader(response, abort)
    if (response.status === 200) await reader.#settled()
    return reader
  }

  /** Threads are told without an answer: a first sample says that they know. */
  async #settled(): Promise<void> {
    await until('the tap to be open', () => this.lines.length > 0)
  }

  async #read(response: Response): Promise<void> {
    let rest = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()!
      for (const line of lines) if (line !== '') this.lines.push(JSON.parse(line) as Line)
    }
  }

  get samples(): TapSample[] {
    return this.lines.filter((line): line is Line & TapSample => line.time !== undefined)
  }

  /** Publishes again and again until a sample of the subject has come. */
  async sampleOf(subject: string, publish: () => Promise<void>): Promise<TapSample> {
    return until(`a sample of ${subject}`, async () => {
      await publish()
      return this.samples.find((sample) => sample.subject === subject)
    })
  }

  close(): void {
    this.#abort.abort()
  }
}

function urlOf(server: ServerProcess): string {
  const found = /Starting http monitor on (127\.0\.0\.1:\d+)/.exec(server.log)
  assert.ok(found, server.logTail)
  return `http://${found[1]}`
}

/** Without what differs from run to run. */
function plain({ time: _, from, to, ...rest }: TapSample) {
  const anonymous = ({ cid: __, thread: ___, ...who }: TapTarget | TapSample['from']) => who
  return { ...rest, from: anonymous(from), to: to.map(anonymous) }
}

describe('a tap', () => {
  let server: ServerProcess
  before(async () => {
    server = await startServer(program('sable'), { config: CONFIG })
  })
  after(() => server.stop())
  afterEach(() => {
    for (const reader of readers) reader.close()
    readers.clear()
  })

  const connect = (name: string, user: string, more = {}) =>
    TraceClient.connect(server, { name, user, ...more })

  test('shows whom a message reaches', async () => {
    await using publisher = await connect('pub', 'a', { echo: false })
    await using sub = await connect('sub', 'a')
    await using other = await connect('other', 'b')
    await using deaf = await connect('deaf', 'deaf')
    await publisher.subscribe('st.one 1')
    await sub.subscribe('st.* 7', 'st.one grp 8', 'svc 9', 'map.out 10')
    await other.subscribe('imp.st.> 3')
    await deaf.subscribe('deny.* 4')
    const reader = await Reader.open(server, 'subject=>&rate=1000')
    const of = (subject: string, from = publisher) =>
      reader.sampleOf(subject, () => from.publish(subject, { A: '1' })).then(plain)
    const from = { kind: 'client', name: 'pub', user: 'a' }
    const size = 19
    const one = await of('st.one')
    assert.deepEqual(one.from, from)
    assert.deepEqual([one.account, one.size, one.dropped], ['A', size, undefined])
    const client = { kind: 'client' }
    assert.deepEqual(
      new Set(one.to),
      new Set([
        { ...client, name: 'pub', user: 'a', subject: 'st.one', sid: '1', dropped: 'no echo' },
        { ...client, name: 'sub', user: 'a', subject: 'st.*', sid: '7' },
        { ...client, name: 'sub', user: 'a', subject: 'st.one', queue: 'grp', sid: '8' },
        {
          ...client,
          name: 'other',
          user: 'b',
          account: 'B',
          subject: 'imp.st.>',
          sid: '3',
          as: 'imp.st.one',
        },
      ]),
    )
    const denied = { ...client, name: 'deaf', user: 'deaf', subject: 'deny.*', sid: '4' }
    assert.deepEqual((await of('deny.me')).to, [{ ...denied, dropped: 'permission' }])
    assert.deepEqual(await of('nobody'), {
      ...{ account: 'A', subject: 'nobody', size, from, to: [], dropped: 'no interest' },
    })
    const mapped = await of('map.in')
    assert.deepEqual([mapped.mapped, mapped.to.length], ['map.out', 1])
    const asked = await of('ask', other)
    assert.deepEqual(asked.to, [{ kind: 'import', account: 'A', as: 'svc' }])
    reader.close()
  })

  test('shows what is refused', async () => {
    await using few = await connect('few', 'few')
    await using large = await connect('large', 'a')
    const reader = await Reader.open(server, 'subject=*&account=A&rate=1000')
    const refused = await reader.sampleOf('forbidden', () => few.publish('forbidden', {}))
    assert.equal(refused.dropped, 'permission')
    // A second sample of the message before may still be on its way, and only while the tap waits
    // for a message is there one of the next.
    await until('a sample of the large one', async () => {
      await using one = await connect('large', 'a')
      await one.raw.send('PUB large 3000\r\n')
      await one.raw.readUntilClose()
      return reader.samples.some(({ dropped }) => dropped === 'payload too large')
    })
    await large.flush()
    reader.close()
  })

  test('keeps to its rate, subject and account', async () => {
    await using publisher = await connect('pub', 'a')
    await using other = await connect('other', 'b')
    const started = performance.now()
    const reader = await Reader.open(server, 'subject=rate.*&account=A&rate=20&limit=6')
    const block = 'PUB rate.x 1\r\nx\r\nPUB else.x 1\r\nx\r\n'.repeat(500)
    let isOver = false
    void reader.ended.then(() => {
      isOver = true
    })
    await until('the limit', async () => {
      await other.raw.send(block)
      await publisher.raw.send(block)
      await publisher.flush()
      return isOver
    })
    const { samples } = reader
    assert.deepEqual(reader.lines.at(-1), { end: { why: 'limit', samples: 6, lost: 0 } })
    assert.ok(samples.every(({ subject, account }) => subject === 'rate.x' && account === 'A'))
    // Of two threads that have connections only one has this one: five times 50 ms at least.
    assert.ok(performance.now() - started >= 5 * 50)
  })

  test('ends with its reader, and there are not more than a few', async () => {
    const open = await Promise.all(
      Array.from({ length: TAPS_MAX }, () => Reader.open(server, 'subject=a')),
    )
    assert.deepEqual(
      open.map(({ status }) => status),
      Array(TAPS_MAX).fill(200),
    )
    const refused = await Promise.all(
      Array.from({ length: 100 }, () => Reader.open(server, 'subject=a')),
    )
    assert.deepEqual(new Set(refused.map(({ status }) => status)), new Set([503]))
    for (const reader of open) reader.close()
    await until('taps to end', async () => {
      const again = await Reader.open(server, 'subject=a')
      again.close()
      return again.status === 200
    })
  })

  test('ends after its time', async () => {
    const reader = await Reader.open(server, 'seconds=1')
    await within('the end', reader.ended)
    assert.equal(reader.lines.at(-1)?.end?.why, 'time')
  })

  test('is not for everybody, and not for anything', async () => {
    const without = await fetch(`${urlOf(server)}/tapz`)
    assert.equal(without.status, 401)
    await without.text()
    const wrong: readonly (readonly [query: string, status: number])[] = [
      ['subject=a..b', 400],
      ['rate=-1', 400],
      ['format=xml', 400],
      ['account=nobody', 404],
    ]
    for (const [query, status] of wrong) {
      assert.equal((await Reader.open(server, query)).status, status, query)
    }
  })

  test('is printed by sable tap', async () => {
    await using publisher = await connect('pub', 'a')
    const out: string[] = []
    const output = {
      stdout: { write: (text: string) => out.push(text) },
      stderr: { write: (text: string) => out.push(text) },
    }
    const flags = ['--url', urlOf(server), '--token', TOKEN]
    const done = runTap('sable tap', ['cli.>', '--count', '2', '-A', 'A', ...flags], output)
    let code: number | undefined
    void done.then((ended) => {
      code = ended
    })
    await until('two messages', async () => {
      await publisher.publish('cli.x', {})
      return code !== undefined
    })
    assert.equal(code, 0)
    assert.equal(out.length, 2)
    assert.match(
      out[0]!,
      /^\S+Z \[A\] cli\.x, 13 bytes, from client \d+ \(pub, user a\)\n {2}x {2}no interest\n$/,
    )
    out.length = 0
    assert.equal(await runTap('sable tap', ['x', '--url', urlOf(server)], output), 1)
    assert.match(out.join(''), /monitor_token/)
    assert.equal(await runTap('sable tap', [], output), 1)
    assert.equal(await runTap('sable tap', ['x', '-account', 'nobody', ...flags], output), 1)
    assert.match(out.join(''), /no such account/)
  })
})
