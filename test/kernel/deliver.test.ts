import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseFrames } from './frames.ts'
import type { ConnectionOptions, KernelThread } from './kernel-thread.ts'
import { Session } from './session.ts'
import { Threads } from './threads.ts'

const LANE_CAPACITY = 64 * 1024
/** Above so many targets a thread matches for itself. */
const PAIRS_MAX = 1024
const ROUNDS = 2000

interface Subscriber {
  readonly thread: KernelThread
  readonly connection: number
  readonly slots: number[]
}

/** Threads, a source on the first worker, and what subscribes, all of it gone at the end. */
class Stage {
  readonly threads: Threads
  readonly near: KernelThread
  readonly far: KernelThread
  readonly router: KernelThread

  constructor(laneCapacity = LANE_CAPACITY) {
    this.threads = new Threads({ workerCount: 3, laneCapacity })
    this.near = this.threads.worker(1)
    this.far = this.threads.worker(2)
    this.router = this.threads.router
  }

  source(options: ConnectionOptions = {}): Session {
    return new Session(this.near, options, () => this.threads.settle())
  }

  subscriber(thread: KernelThread, subjects: readonly string[], queue = ''): Subscriber {
    const connection = thread.connect()
    const slots = subjects.map((subject, i) => {
      const slot = thread.subscribe(connection, subject, queue, `${i}`)
      if (i % 100 === 99) this.threads.settle()
      return slot
    })
    this.threads.settle()
    return { thread, connection, slots }
  }

  link(planKey: number, options: ConnectionOptions = {}): number {
    return this.router.connect({ kind: 'leaf', planKey, ...options })
  }

  take({ thread, connection }: Subscriber): string {
    this.threads.settle()
    return thread.take(connection)
  }
}

function count(text: string): number {
  return parseFrames(text).length
}

describe('queue groups', () => {
  test('give each message to one member, over all threads alike', () => {
    const stage = new Stage()
    const threads = [stage.near, stage.far, stage.threads.worker(3), stage.near]
    const members = threads.map((thread) => stage.subscriber(thread, ['work'], 'q'))
    const source = stage.source()
    for (let i = 0; i < ROUNDS; i++) source.feed('PUB work 1\r\nx\r\n')
    const counts = members.map((member) => count(stage.take(member)))
    assert.equal(
      counts.reduce((a, b) => a + b),
      ROUNDS,
    )
    const share = ROUNDS / members.length
    for (const one of counts) assert.ok(one > share * 0.8 && one < share * 1.2, `${counts}`)
  })

  test('pass over a publisher that wants no echo', () => {
    const stage = new Stage()
    const source = stage.source({ echo: false })
    source.feed('SUB work q 1\r\n')
    const other = stage.subscriber(stage.far, ['work'], 'q')
    for (let i = 0; i < 50; i++) source.feed('PUB work 1\r\nx\r\n')
    assert.equal(count(stage.take(other)), 50)
    assert.equal(stage.near.take(source.record), '')
  })

  test('pass over a member that has got all it wanted', () => {
    const stage = new Stage()
    const [one, two] = [1, 2].map(() => stage.subscriber(stage.near, ['work'], 'q'))
    stage.near.setWord(one!.slots[0]! + stage.near.layout.SUB_MAX, 3)
    const source = stage.source()
    for (let i = 0; i < 100; i++) source.feed('PUB work 1\r\nx\r\n')
    assert.deepEqual([count(stage.take(one!)), count(stage.take(two!))], [3, 97])
  })

  test('prefer members of this server to leaf links, and choose links by weight', () => {
    const stage = new Stage()
    const links = [stage.link(1), stage.link(2)] as const
    stage.threads.insertLeaf(links[0], 'work', 'q', 1)
    stage.threads.insertLeaf(links[1], 'work', 'q', 9)
    const source = stage.source()
    const member = stage.subscriber(stage.far, ['work'], 'q')
    for (let i = 0; i < 100; i++) source.feed('PUB work 1\r\nx\r\n')
    assert.equal(count(stage.take(member)), 100)
    assert.deepEqual(
      links.map((link) => stage.router.take(link)),
      ['', ''],
    )
    stage.far.unsubscribe(member.slots[0]!)
    stage.threads.settle()
    for (let i = 0; i < ROUNDS; i++) source.feed('PUB work 1\r\nx\r\n')
    stage.threads.settle()
    const counts = links.map((link) => count(stage.router.take(link)))
    assert.equal(counts[0]! + counts[1]!, ROUNDS)
    assert.ok(counts[0]! > ROUNDS * 0.07 && counts[0]! < ROUNDS * 0.13, `${counts}`)
  })

  for (const weights of [
    [50, 50],
    [10, 90],
    [80, 20],
    [1, 0, 99],
    [2_000_000_000, 4_294_967_295],
  ]) {
    test(`without a member here go to links by weight: ${weights}`, () => {
      const stage = new Stage()
      const links = weights.map((weight, i) => {
        const link = stage.link(i + 1)
        // The interest of one link may be several entries: they count together.
        const parts = weight % 10 === 0 && weight > 0 && weight < 1000 ? ['work', '*'] : ['work']
        for (const subject of parts) {
          if (weight > 0) stage.threads.insertLeaf(link, subject, 'q', weight / parts.length)
        }
        return link
      })
      const source = stage.source()
      const rounds = 2 * ROUNDS
      for (let i = 0; i < rounds; i++) source.feed('PUB work 1\r\nx\r\n')
      stage.threads.settle()
      const counts = links.map((link) => count(stage.router.take(link)))
      const total = weights.reduce((a, b) => a + b)
      assert.equal(
        counts.reduce((a, b) => a + b),
        rounds,
      )
      for (const [i, weight] of weights.entries()) {
        const share = (rounds * weight) / total
        // Eight standard deviations at least.
        assert.ok(Math.abs(counts[i]! - share) <= rounds * 0.07, `${counts} for ${weights}`)
      }
    })
  }

  test('that only links of the source’s cluster, or the source itself, have get nothing', () => {
    const stage = new Stage()
    const settle = () => stage.threads.settle()
    const options = { kind: 'leaf', planKey: 1, origin: 5 } as const
    const source = new Session(stage.router, options, settle)
    const [same, other] = [stage.link(2, { origin: 5 }), stage.link(3, { origin: 6 })]
    for (const link of [source.record, same]) stage.threads.insertLeaf(link, 'work', 'q', 1000)
    source.feed('LMSG work | q 1\r\nx\r\n')
    const entry = stage.threads.insertLeaf(other, 'work', 'q', 1)
    for (let i = 0; i < 20; i++) source.feed('LMSG work | q 1\r\nx\r\n')
    assert.deepEqual(
      [source.record, same, other].map((link) => count(stage.router.take(link))),
      [0, 0, 20],
    )
    stage.router.exports.removeEntry(entry)
    const member = stage.subscriber(stage.far, ['work'], 'q')
    source.feed('LMSG work | q 1\r\nx\r\nLMSG work 1\r\nx\r\nLMSG work | r 1\r\nx\r\n')
    assert.equal(count(stage.take(member)), 1, 'only the line that names its group')
  })

  test('go on to a link when every member here has got all it wanted', () => {
    const stage = new Stage()
    const link = stage.link(1)
    stage.threads.insertLeaf(link, 'work', 'q')
    const members = [stage.near, stage.far].map((thread) => stage.subscriber(thread, ['work'], 'q'))
    for (const { thread, slots } of members) {
      thread.setWord(slots[0]! + thread.layout.SUB_MAX, 3)
    }
    const source = stage.source()
    for (let i = 0; i < 20; i++) source.feed('PUB work 1\r\nx\r\n')
    const counts = members.map((member) => count(stage.take(member)))
    assert.deepEqual([...counts, count(stage.router.take(link))], [3, 3, 14])
  })

  test('pass over a member that would lose the message because it is slow', () => {
    const stage = new Stage()
    for (const { exports } of stage.threads.all) exports.setDropOverStallMark(1)
    const [slow, quick] = [stage.far, stage.near].map((thread) =>
      stage.subscriber(thread, ['work'], 'q'),
    )
    const at = slow!.connection + stage.far.layout.CONNECTION_STALL_MARK
    stage.far.setWord(at, 100)
    stage.far.setWord(slow!.connection + stage.far.constant('CONNECTION_STALLED'), 1)
    const source = stage.source()
    for (let i = 0; i < 50; i++) source.feed('PUB work 1\r\nx\r\n')
    assert.equal(count(stage.take(quick!)), 50)
    assert.equal(stage.take(slow!), '')
  })

  test('chosen for one link come in one line, with its plain interest', () => {
    const stage = new Stage()
    const link = stage.link(1)
    for (const queue of ['', 'q', 'r']) stage.threads.insertLeaf(link, 'work', queue)
    const source = stage.source()
    source.feed('PUB work 1\r\nx\r\nPUB work reply 1\r\ny\r\n')
    stage.threads.settle()
    const lines = stage.router.take(link).split('\r\n')
    assert.deepEqual(
      lines.map((line) => line.split(' ').toSorted().join(' ')),
      ['1 LMSG q r work |', 'x', '+ 1 LMSG q r reply work', 'y', ''],
    )
  })
})

describe('leaf links', () => {
  test('are not fed by themselves, nor by links of their cluster', () => {
    const stage = new Stage()
    const settle = () => stage.threads.settle()
    const options = { kind: 'leaf', headers: true } as const
    const source = new Session(stage.router, { ...options, planKey: 1, origin: 5 }, settle)
    const [same, other] = [stage.link(2, { origin: 5 }), stage.link(3, { origin: 6 })]
    for (const link of [source.record, same, other]) stage.threads.insertLeaf(link, '>')
    source.feed('LMSG foo 1\r\nx\r\n')
    assert.deepEqual(
      [source.record, same, other].map((link) => stage.router.take(link)),
      ['', '', 'LMSG foo 1\r\nx\r\n'],
    )
    const client = stage.source()
    client.feed('PUB foo 1\r\ny\r\n')
    settle()
    const got = [source.record, same, other].map((link) => stage.router.take(link))
    assert.deepEqual(got, Array(3).fill('LMSG foo 1\r\ny\r\n'))
  })

  test('never get what belongs to JetStream', () => {
    const stage = new Stage()
    const link = stage.link(1)
    stage.threads.insertLeaf(link, '>')
    const local = stage.subscriber(stage.near, ['>'])
    const source = stage.source()
    const denied = ['$JS.API.x', '$KV.x', '$OBJ.x']
    const allowed = ['$JS.API', '$JS.APIX.y', '$KV', '$KVX.y', '$OBJ', '$OB.x', 'x.$KV.y']
    for (const subject of [...denied, ...allowed]) source.feed(`PUB ${subject} 1\r\nx\r\n`)
    stage.threads.settle()
    const subjects = parseFrames(stage.router.take(link)).map(({ words }) => words[0])
    assert.deepEqual(subjects, allowed)
    assert.equal(count(stage.take(local)), denied.length + allowed.length)
  })

  test('that were closed get nothing, also what was on its way', () => {
    const stage = new Stage()
    const link = stage.link(1)
    stage.threads.insertLeaf(link, 'foo')
    const source = stage.source()
    source.feed('PUB foo 1\r\nx\r\n')
    stage.near.exports.commitLanes()
    stage.router.exports.closeConnection(link)
    stage.threads.settle()
    assert.equal(stage.router.take(link), '')
  })
})

describe('many receivers', () => {
  const subjects = Array(PAIRS_MAX + 1).fill('foo')

  test('of another thread get their messages by its own matching', () => {
    const stage = new Stage()
    const many = stage.subscriber(stage.far, subjects)
    const member = stage.subscriber(stage.far, ['foo'], 'q')
    const source = stage.source()
    source.feed('PUB foo 1\r\nx\r\n')
    assert.equal(count(stage.take(many)), subjects.length)
    assert.equal(count(stage.take(member)), 1)
  })

  test('get messages of any size', () => {
    const stage = new Stage(LANE_CAPACITY / 2)
    const many = stage.subscriber(stage.far, subjects)
    const member = stage.subscriber(stage.far, ['foo'], 'q')
    const source = stage.source()
    for (const size of [1, 7000, 10_000, 30_000, 40_000]) {
      source.feed(`PUB foo ${size}\r\n${'x'.repeat(size)}\r\n`)
      for (const one of [many, member]) {
        const frames = parseFrames(stage.take(one))
        assert.equal(frames.length, one === many ? subjects.length : 1, `${size} bytes`)
        assert.ok(frames.every(({ payload }) => payload === 'x'.repeat(size)))
      }
    }
    assert.ok(!stage.near.hasLent)
  })

  test('of many groups with many names are all found', () => {
    const stage = new Stage(1024 * 1024)
    const connection = stage.far.connect()
    const names = Array.from({ length: 3000 }, (_, i) => `group-${i}`)
    for (const [i, name] of names.entries()) {
      stage.far.subscribe(connection, i % 2 === 0 ? 'foo' : '*', name, name)
      if (i % 100 === 99) stage.threads.settle()
    }
    const source = stage.source()
    source.feed('PUB foo 1\r\nx\r\n')
    stage.threads.settle()
    const sids = parseFrames(stage.far.take(connection)).map(({ words }) => words[1])
    assert.deepEqual(sids.toSorted(), names.toSorted())
  })
})

describe('a full lane', () => {
  test('stops the publisher with nothing delivered, and the message comes once, later', () => {
    const stage = new Stage()
    const near = stage.subscriber(stage.near, ['foo'])
    const far = stage.subscriber(stage.far, ['foo'])
    const { exports, layout } = stage.near
    const source = stage.near.connect()
    const message = `PUB foo 1000\r\n${'x'.repeat(1000)}\r\n`
    const [at] = stage.near.place(message)
    const publish = () => exports.ingest(source, at!, at! + message.length) - at!
    let sent = 0
    while (publish() === message.length) sent++
    assert.equal(exports.status.value, layout.STATUS_LANE_FULL)
    assert.equal(exports.fullLane.value, 2)
    assert.ok(sent > 30 && sent < 70, `${sent} messages of 1000 bytes in 64 KiB`)
    assert.equal(count(stage.take(near)), sent)
    assert.equal(count(stage.take(far)), sent)
    assert.equal(publish(), message.length)
    assert.deepEqual([count(stage.take(near)), count(stage.take(far))], [1, 1])
  })

  test('does not stop messages that do not need it', () => {
    const stage = new Stage()
    const far = stage.subscriber(stage.far, ['foo'])
    const third = stage.subscriber(stage.threads.worker(3), ['bar'])
    const { exports, layout } = stage.near
    const source = stage.near.connect()
    const [foo, bar] = ['foo', 'bar'].map(
      (subject) => `PUB ${subject} 9000\r\n${'x'.repeat(9000)}\r\n`,
    )
    const [fooAt, barAt] = stage.near.place(foo!, bar!)
    while (exports.ingest(source, fooAt!, fooAt! + foo!.length) !== fooAt);
    assert.equal(exports.status.value, layout.STATUS_LANE_FULL)
    assert.equal(exports.ingest(source, barAt!, barAt! + bar!.length), barAt! + bar!.length)
    assert.equal(count(stage.take(third)), 1)
    assert.ok(count(stage.take(far)) > 1)
  })

  test('that is held for interest takes no message', () => {
    const stage = new Stage()
    const far = stage.subscriber(stage.far, ['foo'])
    const { exports, layout } = stage.near
    const source = stage.near.connect()
    const [at] = stage.near.place('PUB foo 1\r\nx\r\n')
    exports.holdLane(2, 1)
    assert.equal(exports.ingest(source, at!, at! + 14), at)
    assert.equal(exports.status.value, layout.STATUS_LANE_FULL)
    exports.holdLane(2, 0)
    assert.equal(exports.ingest(source, at!, at! + 14), at! + 14)
    assert.equal(count(stage.take(far)), 1)
  })
})

describe('lent payloads', () => {
  test('are read by every thread that has receivers, and come back', () => {
    const stage = new Stage()
    const link = stage.link(1)
    stage.threads.insertLeaf(link, 'foo')
    const receivers = [stage.far, stage.threads.worker(3)].map((thread) =>
      stage.subscriber(thread, ['foo']),
    )
    const source = stage.source()
    source.feed('PUB foo 1\r\nx\r\n')
    for (const one of receivers) stage.take(one)
    stage.router.take(link)
    const { freePages } = stage.near
    const payload = 'p'.repeat(LANE_CAPACITY)
    source.feed(`PUB foo ${payload.length}\r\n${payload}\r\n`)
    assert.ok(stage.near.hasLent)
    stage.near.exports.commitLanes()
    stage.far.drainLanes()
    stage.near.exports.tidy()
    assert.ok(stage.near.hasLent, 'two threads have not read it')
    stage.threads.settle()
    assert.ok(!stage.near.hasLent)
    assert.equal(stage.near.freePages, freePages)
    for (const one of receivers) assert.equal(parseFrames(stage.take(one))[0]!.payload, payload)
    assert.equal(parseFrames(stage.router.take(link))[0]!.payload, payload)
  })

  test('stay with the living when one of their readers dies', () => {
    const stage = new Stage()
    const receiver = stage.subscriber(stage.threads.worker(3), ['foo'])
    stage.subscriber(stage.far, ['foo'])
    const source = stage.source()
    const payload = 'p'.repeat(LANE_CAPACITY)
    source.feed(`PUB foo ${payload.length}\r\n${payload}\r\n`)
    stage.near.exports.commitLanes()
    const { exports, layout } = stage.near
    stage.far.setState(layout.THREAD_STATE_DEAD)
    exports.resetLanes(2)
    exports.forgetReader(2)
    assert.ok(stage.near.hasLent, 'thread 3 has not read it')
    // Whatever is allocated now must not lie where thread 3 still reads.
    const block = exports.allocate(LANE_CAPACITY)
    stage.near.kernel.bytes.fill(0, block, block + LANE_CAPACITY)
    stage.threads.worker(3).drainLanes()
    exports.tidy()
    assert.ok(!stage.near.hasLent)
    assert.equal(parseFrames(receiver.thread.take(receiver.connection))[0]!.payload, payload)
  })

  test('do not overtake small messages, nor are overtaken', () => {
    const stage = new Stage()
    const far = stage.subscriber(stage.far, ['foo'])
    const source = stage.source()
    const sizes = Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? 20_000 + i : i))
    for (const size of sizes) source.feed(`PUB foo ${size}\r\n${'x'.repeat(size)}\r\n`)
    const frames = parseFrames(stage.take(far))
    assert.deepEqual(
      frames.map(({ payload }) => payload.length),
      sizes,
    )
  })
})

describe('a plan', () => {
  test('that is kept is used again, until interest of its first token changes', () => {
    const stage = new Stage()
    const receiver = stage.subscriber(stage.near, ['foo.bar'])
    const source = stage.source()
    const misses = () => stage.near.long(stage.near.field('THREAD_PLAN_MISSES'))
    const publish = () => source.feed('PUB foo.bar 1\r\nx\r\n')
    const missesOf = (run: () => void) => {
      const before = misses()
      run()
      publish()
      return Number(misses() - before)
    }
    publish()
    assert.equal(
      missesOf(() => {}),
      0,
    )
    assert.equal(
      missesOf(() => stage.subscriber(stage.far, ['inbox.1'])),
      0,
    )
    assert.equal(
      missesOf(() => stage.subscriber(stage.far, ['foo.other'])),
      1,
    )
    assert.equal(
      missesOf(() => stage.subscriber(stage.far, ['*.x'])),
      1,
    )
    assert.equal(
      missesOf(() => stage.subscriber(stage.far, ['>'])),
      1,
    )
    assert.equal(
      missesOf(() => stage.near.exports.dropPlans()),
      1,
    )
    assert.equal(count(stage.take(receiver)), 7)
  })

  test('of a subject that nobody wants is kept, too, and voided by the first interest', () => {
    const stage = new Stage()
    const source = stage.source()
    source.feed('PUB foo 1\r\nx\r\n')
    const receiver = stage.subscriber(stage.near, ['foo'])
    source.feed('PUB foo 1\r\nx\r\n')
    assert.equal(count(stage.take(receiver)), 1)
  })

  test('is found among more subjects than the cache holds', () => {
    const stage = new Stage()
    const receiver = stage.subscriber(stage.near, ['s.*'])
    const source = stage.source()
    const { freePages } = stage.near
    for (let round = 0; round < 2; round++) {
      for (let from = 0; from < 200_000; from += 1000) {
        source.feed(Array.from({ length: 1000 }, (_, i) => `PUB s.${from + i} 1\r\nx\r\n`).join(''))
        assert.equal(stage.take(receiver).split('MSG ').length - 1, 1000)
      }
    }
    assert.ok(stage.near.freePages < freePages)
    stage.near.exports.dropPlans()
  })
})

describe('without a sublist', () => {
  test('publishers wait, and go on when there is one again', () => {
    const stage = new Stage()
    const { exports, layout } = stage.near
    const receiver = stage.subscriber(stage.near, ['foo'])
    const source = stage.near.connect()
    const [at] = stage.near.place('PUB foo 1\r\nx\r\n')
    stage.router.exports.formatSublist()
    stage.router.exports.bumpAll()
    assert.equal(exports.ingest(source, at!, at! + 14), at)
    assert.equal(exports.status.value, layout.STATUS_NO_SUBLIST)
    const [slot] = receiver.slots
    stage.router.exports.applySubscribe(slot!, stage.near.generation(slot!), 1)
    stage.router.exports.openSublist()
    assert.equal(exports.ingest(source, at!, at! + 14), at! + 14)
    assert.equal(count(stage.take(receiver)), 1)
  })
})

describe('a thread that does not run', () => {
  test('gets nothing, and keeps nobody waiting', () => {
    const stage = new Stage()
    const far = stage.subscriber(stage.far, ['foo'])
    const member = stage.subscriber(stage.near, ['foo'], 'q')
    stage.subscriber(stage.far, ['foo'], 'q')
    stage.far.setState(stage.far.layout.THREAD_STATE_DEAD)
    const source = stage.source()
    for (let i = 0; i < 500; i++) source.feed(`PUB foo 1000\r\n${'x'.repeat(1000)}\r\n`)
    assert.equal(count(stage.take(far)), 0)
    assert.equal(count(stage.take(member)), 500)
  })
})
