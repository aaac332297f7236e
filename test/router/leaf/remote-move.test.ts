import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RemoteOptions } from '../../../src/router/leaf/remote.ts'
import { addressText } from '../../../src/router/leaf/remote-urls.ts'
import { ended, Remote, url } from './fake-remote.ts'

const NEVER = Number.POSITIVE_INFINITY
const TWO = { urls: [url('a'), url('b')] }
const THREE = { urls: [url('a'), url('b'), url('c')] }

/** A remote with its first link up. */
async function connected(options: Partial<RemoteOptions> = TWO): Promise<Remote> {
  const it = new Remote(options)
  it.succeeds = true
  await it.next()
  it.remote.onEstablished(it.link)
  assert.deepEqual([it.link, it.remote.state, it.remote.nextDeadlineMs()], [1, 'connected', NEVER])
  return it
}

/** Dials that the test ends itself. */
function heldDials() {
  const ends: { resolve: () => void; reject: (error: Error) => void }[] = []
  const signals: AbortSignal[] = []
  const dial: RemoteOptions['dial'] = (_address, _link, signal) => {
    signals.push(signal)
    return new Promise((resolve, reject) => ends.push({ resolve, reject }))
  }
  return { dial, ends, signals }
}

test('when a hub is about to end another address is dialled, and takes over once it stands', async () => {
  const it = await connected()
  it.remote.onLameDuck(1)
  // Leafs of one hub do not all come at once.
  assert.equal(await it.next(), 500)
  assert.deepEqual([it.dialled, it.link], [['a:7422', 'b:7422'], 2])
  assert.deepEqual([it.moves, it.remote.isConnected], [[], true])
  it.remote.onEstablished(2)
  assert.deepEqual(it.moves, [[1, 2]])
  it.remote.onLinkEnd(1, ended({ penaltyMs: 5 }))
  assert.deepEqual([it.remote.nextDeadlineMs(), it.remote.isConnected], [NEVER, true])
  it.remote.onLinkEnd(2, ended())
  assert.equal(it.remote.state, 'idle')
  assert.equal(await it.next(), 1000)
  assert.deepEqual([it.dialled.at(-1), it.link], ['a:7422', 3])
})

test('with one address there is nowhere to go before the link ends', async () => {
  const it = await connected({})
  it.remote.onLameDuck(1)
  assert.equal(it.remote.nextDeadlineMs(), NEVER)
  it.remote.onLinkEnd(1, ended())
  assert.equal(await it.next(), 1000)
  assert.deepEqual(it.dialled, ['a:7422', 'a:7422'])
})

test('an address the hub has told of is somewhere to go', async () => {
  const it = await connected({})
  it.remote.onDiscovered(['a:7422', 'b:1'])
  it.remote.onLameDuck(1)
  await it.next()
  assert.deepEqual(it.dialled, ['a:7422', 'b:1'])
})

test('the address that is left is not dialled again, as often as others fail', async () => {
  const it = await connected(THREE)
  it.remote.onLameDuck(1)
  it.succeeds = false
  for (let i = 0; i < 5; i++) assert.equal(await it.next(), i === 0 ? 500 : 1500)
  assert.deepEqual(
    it.dialled.slice(1),
    ['b', 'c', 'b', 'c', 'b'].map((host) => `${host}:7422`),
  )
  assert.ok(it.remote.isConnected)
  it.succeeds = true
  await it.next()
  it.remote.onEstablished(it.link)
  assert.deepEqual(it.moves, [[1, 7]])
})

test('with two addresses the other one is tried again and again', async () => {
  const it = await connected()
  it.remote.onLameDuck(1)
  it.succeeds = false
  for (let i = 0; i < 3; i++) await it.next()
  assert.deepEqual(it.dialled.slice(1), ['b:7422', 'b:7422', 'b:7422'])
})

test('a remote that has moved moves on from where it is', async () => {
  const it = await connected()
  for (const link of [1, 2, 3]) {
    it.remote.onLameDuck(link)
    await it.next()
    it.remote.onEstablished(it.link)
  }
  assert.deepEqual(
    it.dialled,
    ['a', 'b', 'a', 'b'].map((host) => `${host}:7422`),
  )
  assert.deepEqual(it.moves, [
    [1, 2],
    [2, 3],
    [3, 4],
  ])
})

test('a remote that has fallen over to its successor moves on from where it is', async () => {
  const it = await connected()
  it.remote.onLameDuck(1)
  await it.next()
  it.remote.onLinkEnd(1, ended())
  it.remote.onEstablished(2)
  it.remote.onLameDuck(2)
  await it.next()
  assert.equal(it.dialled.at(-1), 'a:7422')
})

test('an address is the same one when the hub tells of it again', async () => {
  const it = await connected({})
  it.remote.onDiscovered(['b:1'])
  it.remote.onLinkEnd(1, ended())
  await it.next()
  assert.equal(it.dialled.at(-1), 'b:1')
  it.remote.onEstablished(2)
  it.remote.onDiscovered(['b:1'])
  it.remote.onLameDuck(2)
  await it.next()
  assert.equal(it.dialled.at(-1), 'a:7422')
})

test('only the link in use can be left, and only once', async () => {
  const it = await connected()
  it.remote.onLameDuck(7)
  assert.equal(it.remote.nextDeadlineMs(), NEVER)
  it.remote.onLameDuck(1)
  await it.next()
  for (const link of [1, 2]) it.remote.onLameDuck(link)
  assert.equal(it.remote.nextDeadlineMs(), NEVER)
  it.remote.onEstablished(2)
  it.remote.onLameDuck(1)
  assert.equal(it.remote.nextDeadlineMs(), NEVER)
})

test('a successor that ends before it stands is tried again, after its penalty', async () => {
  const it = await connected()
  it.remote.onLameDuck(1)
  await it.next()
  it.remote.onLinkEnd(2, ended({ penaltyMs: 30_000, lastError: "'no'" }))
  assert.deepEqual([it.remote.isConnected, it.remote.lastError], [true, "'no'"])
  assert.equal(await it.next(), 32_500)
  it.remote.onEstablished(3)
  assert.deepEqual([it.moves, it.remote.lastError], [[[1, 3]], ''])
})

test('a link that ends while its successor is on its way leaves it the place', async () => {
  const it = await connected()
  it.remote.onLameDuck(1)
  await it.next()
  it.remote.onLinkEnd(1, ended({ penaltyMs: 30_000 }))
  assert.equal(it.remote.nextDeadlineMs(), NEVER)
  it.remote.onEstablished(2)
  // There is nothing left to take over from.
  assert.deepEqual([it.moves, it.remote.isConnected], [[], true])
  it.remote.onLinkEnd(2, ended())
  assert.equal(it.remote.nextDeadlineMs() - it.nowMs, 1000)
})

test('a link that ends while its successor is dialled leaves it the place, even if that fails', async () => {
  for (const succeeds of [true, false]) {
    const { dial, ends } = heldDials()
    const it = new Remote({ ...TWO, dial })
    const first = it.remote.onTimer(0)
    ends[0]!.resolve()
    await first
    it.remote.onEstablished(1)
    it.remote.onLameDuck(1)
    const second = it.remote.onTimer(it.remote.nextDeadlineMs())
    it.remote.onLinkEnd(1, ended())
    assert.equal(it.remote.nextDeadlineMs(), NEVER)
    if (succeeds) ends[1]!.resolve()
    else ends[1]!.reject(new Error('refused'))
    await second
    assert.equal(it.remote.state, succeeds ? 'connected' : 'idle')
    assert.equal(it.remote.nextDeadlineMs(), succeeds ? NEVER : 1500)
    assert.equal(ends.length, 2)
  }
})

test('a link that ends before its successor is dialled is replaced as any other', async () => {
  const it = await connected()
  it.remote.onLameDuck(1)
  it.remote.onLinkEnd(1, ended())
  assert.equal(it.remote.state, 'idle')
  assert.equal(await it.next(), 1000)
  assert.deepEqual([it.dialled, it.link], [['a:7422', 'b:7422'], 2])
  it.remote.onEstablished(2)
  assert.deepEqual([it.moves, it.remote.nextDeadlineMs()], [[], NEVER])
  it.remote.onLameDuck(2)
  await it.next()
  assert.equal(it.dialled.at(-1), 'a:7422')
})

test('the end of a link that is none of ours any more means nothing', async () => {
  const it = await connected()
  for (const link of [0, 2, 99]) it.remote.onLinkEnd(link, ended())
  assert.deepEqual([it.remote.isConnected, it.remote.nextDeadlineMs()], [true, NEVER])
})

test('a server that refuses is asked ever less often, until it lets us in', async () => {
  const it = new Remote()
  it.succeeds = true
  await it.next()
  const refusal = ended({ isRefused: true, lastError: "'Authorization Violation'" })
  const waits: number[] = []
  for (let i = 0; i < 7; i++) {
    it.remote.onLinkEnd(it.link, refusal)
    assert.equal(it.remote.lastError, "'Authorization Violation'")
    waits.push(await it.next())
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 16_000, 16_000])
  it.remote.onEstablished(it.link)
  assert.equal(it.remote.lastError, '')
  it.remote.onLinkEnd(it.link, refusal)
  assert.equal(await it.next(), 1000)
  it.remote.onLinkEnd(it.link, refusal)
  assert.equal(await it.next(), 2000)
  // Ended without a no: all is forgotten.
  it.remote.onLinkEnd(it.link, ended())
  assert.equal(await it.next(), 1000)
  it.remote.onLinkEnd(it.link, refusal)
  assert.equal(await it.next(), 1000)
})

test('a penalty comes on top of the back-off', async () => {
  const it = await connected({})
  for (const waitMs of [32_500, 33_500]) {
    it.remote.onLinkEnd(it.link, ended({ isRefused: true, penaltyMs: 30_000 }))
    assert.equal(await it.next(), waitMs)
  }
})

test('the last error is that of the last link or attempt, until a link stands', async () => {
  const it = new Remote()
  assert.equal(it.remote.lastError, '')
  await it.next()
  assert.deepEqual(
    [it.remote.lastError, it.remote.failedAttempts],
    ['dial tcp: connection refused', 1],
  )
  it.succeeds = true
  await it.next()
  assert.deepEqual(
    [it.remote.lastError, it.remote.failedAttempts],
    ['dial tcp: connection refused', 0],
  )
  it.remote.onEstablished(it.link)
  assert.equal(it.remote.lastError, '')
  it.remote.onLinkEnd(it.link, ended({ reason: 'staleConnection' }))
  assert.equal(it.remote.lastError, 'staleConnection')
})

test('once stopped a remote does nothing any more, whatever it was about to do', async () => {
  const { dial, ends, signals } = heldDials()
  const make = async (steps: number): Promise<Remote> => {
    ends.length = 0
    signals.length = 0
    const it = new Remote({ ...TWO, dial })
    const stages = [
      () => void it.remote.onTimer(0),
      async () => {
        ends[0]!.resolve()
        await new Promise(setImmediate)
      },
      () => it.remote.onEstablished(1),
      () => it.remote.onLameDuck(1),
      () => void it.remote.onTimer(it.remote.nextDeadlineMs()),
      async () => {
        ends[1]!.resolve()
        await new Promise(setImmediate)
      },
      () => it.remote.onEstablished(2),
    ]
    for (const stage of stages.slice(0, steps)) await stage()
    return it
  }
  for (let steps = 0; steps <= 7; steps++) {
    const it = await make(steps)
    const moves = [...it.moves]
    const dials = ends.length
    it.remote.stop()
    assert.ok(signals.every(({ aborted }) => aborted))
    for (const { reject } of ends) reject(new Error('aborted'))
    await new Promise(setImmediate)
    for (const link of [1, 2]) {
      it.remote.onEstablished(link)
      it.remote.onLameDuck(link)
      it.remote.onLinkEnd(link, ended({ isRefused: true }))
    }
    it.remote.start()
    assert.equal(it.remote.onTimer(1e9), undefined, `after ${steps} steps`)
    assert.deepEqual([it.remote.state, it.remote.nextDeadlineMs()], ['stopped', NEVER])
    assert.deepEqual([it.moves, ends.length, it.errors()], [moves, dials, []])
  }
})

test('addresses replace those the hub told before, and have the configured credentials', async () => {
  const it = await connected({ urls: [{ ...url('a'), user: 'u', pass: 'p' }] })
  it.remote.onDiscovered(['b:1', 'c:2'])
  it.remote.onDiscovered(['c:2'])
  assert.deepEqual(it.remote.urls.list.map(addressText), ['c:2', 'a:7422'])
  const [discovered] = it.remote.urls.list
  assert.deepEqual(it.remote.urls.credentials(discovered!), { user: 'u', pass: 'p', authToken: '' })
  it.remote.onDiscovered([])
  assert.deepEqual(it.remote.urls.list.map(addressText), ['a:7422'])
})
