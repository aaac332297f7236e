/** The kernel lists whom a message concerns, and delivers it as ever, or not at all. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KernelThread } from '../kernel/kernel-thread.ts'
import { Threads } from '../kernel/threads.ts'

const SUBJECT = 'foo'
const LANE_BYTES = 4096

/** One publisher and everybody that a message can concern. */
function cast(laneCapacity?: number) {
  const threads = new Threads(laneCapacity === undefined ? {} : { laneCapacity })
  const { router } = threads
  const [here, there] = [threads.worker(1), threads.worker(2)]
  const publisher = here.connect({ echo: false })
  const near = here.connect()
  const far = there.connect()
  const deaf = here.connect({
    rules: { outgoing: { deny: [SUBJECT] }, incoming: {}, isSpoke: false },
  })
  const link = router.connect({ kind: 'leaf', planKey: 0x1000_0001 })
  const kept = router.connect({
    ...{ kind: 'leaf', planKey: 0x1000_0002 },
    rules: { outgoing: { deny: [SUBJECT] }, incoming: {}, isSpoke: false },
  })
  const slots = {
    own: here.subscribe(publisher, SUBJECT),
    ownMember: here.subscribe(publisher, SUBJECT, 'grp'),
    near: here.subscribe(near, SUBJECT),
    far: there.subscribe(far, SUBJECT),
    member: there.subscribe(far, SUBJECT, 'grp', '2'),
    denied: here.subscribe(deaf, '*'),
  }
  threads.insertLeaf(link, SUBJECT)
  threads.insertLeaf(link, SUBJECT, 'away')
  threads.insertLeaf(kept, SUBJECT)
  threads.settle()
  return { threads, router, here, there, publisher, near, far, deaf, link, kept, slots }
}

type Cast = ReturnType<typeof cast>

function explain({ here, publisher }: Cast, how: number): boolean {
  const [subject, size, payload] = here.place(SUBJECT, '2', 'hi\r\n')
  const none = [0, 0] as const
  return (
    here.exports.explainParts(
      ...[publisher, subject!, SUBJECT.length, ...none, ...none, size!, 1, 0, 2],
      ...([payload!, ...none, 0, how] as const),
    ) !== 0
  )
}

/** Kinds of EXPLAINED_* and whom they are about. */
function listed({ here }: Cast): (readonly [kind: string, target: number])[] {
  const { layout, exports } = here
  const kinds = ['PLAIN', 'MEMBER', 'LINK', 'DENIED', 'KEPT', 'ECHO', 'VARIANT'] as const
  const names = new Map(kinds.map((kind) => [layout[`EXPLAINED_${kind}`], kind]))
  return Array.from({ length: exports.explainedCount.value }, (_, i) => {
    const at = exports.explained.value + i * layout.EXPLAINED_BYTES
    const kind = names.get(here.word(at + layout.EXPLAINED_KIND)) ?? ''
    return [kind, here.word(at + layout.EXPLAINED_TARGET)] as const
  })
}

const byText = (a: readonly unknown[], b: readonly unknown[]) => (String(a) < String(b) ? -1 : 1)

function got(thread: KernelThread, connection: number): number {
  return thread.take(connection).split('MSG ').length - 1
}

describe('an explained message', () => {
  test('lists everybody it concerns, and reaches them', () => {
    const it = cast()
    assert.equal(explain(it, 0), true)
    const { slots, link, kept } = it
    const expected = [
      ['PLAIN', slots.own],
      ['PLAIN', slots.near],
      ['PLAIN', slots.far],
      ['MEMBER', slots.member],
      ['ECHO', slots.ownMember],
      ['DENIED', slots.denied],
      ['LINK', link],
      ['KEPT', kept],
    ] as const
    assert.deepEqual(listed(it).sort(byText), [...expected].sort(byText))
    assert.equal(it.here.exports.delivered.value, 4)
    it.threads.settle()
    assert.deepEqual([got(it.here, it.publisher), got(it.here, it.near)], [0, 1])
    assert.deepEqual([got(it.there, it.far), got(it.here, it.deaf)], [2, 0])
    assert.equal(it.router.take(it.link), 'LMSG foo | away 2\r\nhi\r\n')
    assert.equal(it.router.take(it.kept), '')
  })

  test('reaches nobody if it is not meant to', () => {
    const it = cast()
    assert.equal(explain(it, it.here.layout.EXPLAIN_DRY), true)
    assert.equal(it.here.exports.delivered.value, 4)
    it.threads.settle()
    const { here, there, router } = it
    assert.deepEqual([got(here, it.near), got(there, it.far), router.take(it.link)], [0, 0, ''])
  })

  test('leaves links to the caller', () => {
    const it = cast()
    assert.equal(explain(it, it.here.layout.EXPLAIN_KEEPS_LINKS), true)
    assert.equal(it.here.exports.delivered.value, 4)
    it.threads.settle()
    const { here, there, router } = it
    assert.deepEqual([got(here, it.near), got(there, it.far), router.take(it.link)], [1, 2, ''])
  })

  test('a plain message after it is delivered as before', () => {
    const it = cast()
    explain(it, it.here.layout.EXPLAIN_DRY)
    const text = `PUB ${SUBJECT} 2\r\nhi\r\n`
    const [at] = it.here.place(text)
    assert.equal(it.here.exports.ingest(it.publisher, at!, at! + text.length), at! + text.length)
    it.threads.settle()
    assert.deepEqual([got(it.here, it.near), got(it.there, it.far)], [1, 2])
    assert.equal(it.router.take(it.link), 'LMSG foo | away 2\r\nhi\r\n')
  })
})

function sendTo(it: Cast, thread: KernelThread, source: number, payload: string): boolean {
  const size = String(payload.length)
  const [subject, sizeAt, payloadAt, names] = thread.place('bar', size, `${payload}\r\n`, 'a b')
  const generation = it.router.word(it.link + it.router.layout.CONNECTION_GENERATION)
  const none = [0, 0] as const
  return (
    thread.exports.linkParts(
      ...[source, subject!, 3, ...none, ...none, sizeAt!, size.length, 0, payload.length],
      ...([payloadAt!, names!, 3, it.link, generation] as const),
    ) !== 0
  )
}

describe('a message for one link', () => {
  test('gets there from any thread', () => {
    const it = cast()
    assert.equal(sendTo(it, it.here, it.publisher, 'one'), true)
    const local = it.router.connect()
    assert.equal(sendTo(it, it.router, local, 'two'), true)
    it.threads.settle()
    assert.equal(it.router.take(it.link), 'LMSG bar | a b 3\r\ntwo\r\nLMSG bar | a b 3\r\none\r\n')
  })

  test('waits for room in the lane', () => {
    const it = cast(LANE_BYTES)
    const body = 'x'.repeat(300)
    let sent = 0
    while (sendTo(it, it.here, it.publisher, body)) sent++
    const { exports, layout } = it.here
    assert.equal(exports.status.value, layout.STATUS_LANE_FULL)
    assert.equal(exports.fullLane.value, layout.ROUTER_THREAD)
    assert.ok(sent > 0)
    it.threads.settle()
    assert.equal(sendTo(it, it.here, it.publisher, body), true)
    it.threads.settle()
    assert.equal(it.router.take(it.link).split('LMSG').length - 1, sent + 1)
  })

  test('is lost with the link', () => {
    const it = cast()
    assert.equal(sendTo(it, it.here, it.publisher, 'one'), true)
    it.router.exports.closeConnection(it.link)
    it.threads.settle()
    assert.equal(it.router.take(it.link), '')
  })
})
