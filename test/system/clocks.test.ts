import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Deadline } from '../../src/io/deadlines.ts'
import type { AccountStatReport } from '../../src/monitor/account-report.ts'
import type { GoJsonObject } from '../../src/protocol/go-json.ts'
import { Account } from '../../src/workers/accounts/account.ts'
import type { Login } from '../../src/workers/accounts/login.ts'
import { AccountConnections } from '../../src/workers/system/account-connections.ts'
import { StatszClock } from '../../src/workers/system/statsz-clock.ts'
import type { SystemClient } from '../../src/workers/system/system-client.ts'
import { SystemEvents } from '../../src/workers/system/system-events.ts'

/** A thread whose time passes when it is told to, and what is published on it. */
class SteppedThread {
  nowMs = 0
  isListened = true
  readonly published: { readonly atMs: number; readonly subject: string; readonly json: string }[] =
    []
  #pending: Deadline[] = []

  readonly deadlines = {
    after: (delayMs: number, run: () => void): Deadline => {
      const deadline = new Deadline(this.nowMs + delayMs, run)
      this.#pending.push(deadline)
      return deadline
    },
  }

  readonly client = {
    isListened: () => this.isListened,
    publish: (subject: string, _reply: string, payload: Uint8Array) =>
      this.published.push({ atMs: this.nowMs, subject, json: Buffer.from(payload).toString() }),
  } as unknown as SystemClient

  inTurn<T>(run: () => T): T {
    return run()
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms
    // What was asked for meanwhile is answered first.
    await new Promise((resolve) => setImmediate(resolve))
    for (;;) {
      const due = this.#pending.filter(({ run, atMs }) => run !== undefined && atMs <= endMs)
      const next = due.sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.#pending = this.#pending.filter((deadline) => deadline !== next)
      this.nowMs = next.atMs
      next.run?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.nowMs = endMs
  }
}

const SERVER: GoJsonObject = { name: 'n' }

describe('figures of the server', () => {
  function clockOn(thread: SteppedThread): StatszClock {
    return new StatszClock({
      thread,
      client: thread.client,
      serverId: 'ID',
      serverInfo: () => SERVER,
      statsz: async () => '{}',
    })
  }

  test('are told soon after the start, then every ten seconds', async () => {
    const thread = new SteppedThread()
    clockOn(thread).start()
    await thread.pass(40_000)
    const times = thread.published.map(({ atMs }) => atMs)
    assert.equal(times[0], 250)
    // As nats-server: the second is put off, because a second has not passed.
    assert.equal(times[1], 1250)
    const pauses = times.slice(1).map((atMs, i) => atMs - times[i]!)
    assert.ok(
      pauses.every((pause) => pause >= 1000),
      `pauses ${pauses}`,
    )
    assert.equal(pauses.at(-1), 10_000)
  })

  test('are told at once if asked for, at most once a second otherwise', async () => {
    const thread = new SteppedThread()
    const clock = clockOn(thread)
    clock.start()
    await thread.pass(30_000)
    const count = thread.published.length
    clock.force()
    clock.force()
    clock.announce()
    clock.announce()
    await thread.pass(0)
    assert.equal(thread.published.length, count + 2)
    await thread.pass(1000)
    assert.equal(thread.published.length, count + 3)
  })

  test('are not even counted while nobody listens', async () => {
    const thread = new SteppedThread()
    thread.isListened = false
    clockOn(thread).start()
    await thread.pass(60_000)
    assert.deepEqual(thread.published, [])
  })
})

describe('connections of accounts', () => {
  const BEAT_MS = 30_000

  function connectionsOn(thread: SteppedThread) {
    const asked: (readonly string[])[] = []
    const events = new SystemEvents({
      client: thread.client,
      serverId: 'ID',
      serverInfo: () => SERVER,
      clientOf: () => undefined,
    })
    const statsOf = async (accounts: readonly string[]) => {
      asked.push(accounts)
      const traffic = { msgs: 0, bytes: 0 }
      return accounts.map(
        (account): AccountStatReport => ({
          account,
          name: account,
          clients: 99,
          leafs: 99,
          totalConnections: 99,
          subscriptions: 0,
          sent: traffic,
          received: traffic,
          leafsSent: traffic,
          leafsReceived: traffic,
          slowConsumers: 0,
        }),
      )
    }
    return { connections: new AccountConnections({ thread, events, statsOf }), asked }
  }

  function countsIn(thread: SteppedThread): readonly (readonly [string, number])[] {
    return thread.published
      .filter(({ subject }) => subject.startsWith('$SYS.ACCOUNT.'))
      .map(({ subject, json }) => [subject, JSON.parse(json).conns])
  }

  test('are told at each change, with the number it made', async () => {
    const thread = new SteppedThread()
    const { connections, asked } = connectionsOn(thread)
    const account = new Account('A', 5)
    for (let cid = 1; cid <= 3; cid++) {
      account.logins.set(cid, {} as Login)
      connections.onChanged(account)
    }
    account.logins.clear()
    connections.onChanged(account)
    await thread.pass(0)
    await thread.pass(1)
    const subject = '$SYS.ACCOUNT.A.SERVER.CONNS'
    assert.deepEqual(
      countsIn(thread),
      [1, 2, 3, 0].map((count) => [subject, count]),
    )
    // Changes that come while figures are on their way share those that follow.
    assert.deepEqual(asked, [['A'], ['A']])
  })

  test('beat while there are any, each account on its own', async () => {
    const thread = new SteppedThread()
    const { connections } = connectionsOn(thread)
    const [a, b] = [new Account('A', 5), new Account('B', 6)]
    a.logins.set(1, {} as Login)
    connections.onChanged(a)
    await thread.pass(10_000)
    b.logins.set(2, {} as Login)
    connections.onChanged(b)
    await thread.pass(BEAT_MS)
    const beats = thread.published.filter(({ subject }) => subject.endsWith('SERVER.CONNS'))
    assert.deepEqual(
      beats.map(({ atMs, subject }) => [atMs, subject.split('.')[2]]),
      [
        [0, 'A'],
        [10_000, 'B'],
        [30_000, 'A'],
        [40_000, 'B'],
      ],
    )
    a.logins.clear()
    b.logins.clear()
    connections.onChanged(a)
    connections.onChanged(b)
    await thread.pass(1)
    thread.published.splice(0)
    await thread.pass(10 * BEAT_MS)
    assert.deepEqual(thread.published, [])
  })

  test('of the global account, or unheard, are told to nobody', async () => {
    const thread = new SteppedThread()
    const { connections, asked } = connectionsOn(thread)
    const global = new Account('$G', 0)
    global.logins.set(1, {} as Login)
    connections.onChanged(global)
    thread.isListened = false
    const account = new Account('A', 5)
    account.logins.set(2, {} as Login)
    connections.onChanged(account)
    await thread.pass(2 * BEAT_MS)
    assert.deepEqual([thread.published, asked], [[], []])
  })
})
