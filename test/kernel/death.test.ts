import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseFrames } from './frames.ts'
import { KernelThread } from './kernel-thread.ts'
import { Threads } from './threads.ts'

const SUBJECTS = 300
const LANE_CAPACITY = 64 * 1024
const LARGE = 'x'.repeat(LANE_CAPACITY)

function publish(
  thread: KernelThread,
  connection: number,
  subject: string,
  payload = 'x',
): boolean {
  const text = `PUB ${subject} ${payload.length}\r\n${payload}\r\n`
  const [at] = thread.place(text)
  return thread.exports.ingest(connection, at!, at! + text.length) !== at
}

function payloads(thread: KernelThread, connection: number): string[] {
  return parseFrames(thread.take(connection)).map(({ payload }) => payload)
}

/** A memory with traffic: thread 1 lives, thread 2 is about to die. */
class Scene {
  readonly threads = new Threads({ workerCount: 3, laneCapacity: LANE_CAPACITY })
  readonly survivor = this.threads.worker(1)
  readonly source = this.survivor.connect()
  readonly own = this.survivor.connect()
  readonly victim = this.threads.worker(2)
  readonly victims = this.victim.connect()
  readonly #slots: number[] = []

  constructor() {
    this.#slots.push(this.survivor.subscribe(this.own, 'foo', '', 'own'))
    for (let i = 0; i < SUBJECTS; i++) {
      this.#slots.push(this.victim.subscribe(this.victims, i === 0 ? 'foo' : `s.${i}`, '', `v${i}`))
      if (i % 100 === 0) this.threads.settle()
    }
    this.threads.settle()
  }

  get count(): number {
    return this.threads.router.sublistField('SUBLIST_COUNT')
  }

  /** What the living do when a peer dies, and then its successor. */
  replace(thread: number): KernelThread {
    const { threads } = this
    threads.all[thread]!.setState(this.survivor.layout.THREAD_STATE_DEAD)
    for (const peer of threads.all) {
      if (peer.thread === thread) continue
      peer.exports.resetLanes(thread)
      peer.exports.forgetReader(thread)
      if (peer.thread !== 0) continue
      peer.exports.walkSlots(thread)
      for (let slot = peer.exports.nextUsedSlot(); slot !== 0; slot = peer.exports.nextUsedSlot()) {
        peer.exports.applyUnsubscribe(slot)
      }
    }
    const successor = new KernelThread(threads.module, threads.memory, thread, 99)
    threads.all[thread] = successor
    return successor
  }
}

describe('a protocol worker that dies', () => {
  test('takes its interest along, and nobody else loses anything', () => {
    const scene = new Scene()
    assert.equal(scene.count, 1 + SUBJECTS)
    scene.replace(2)
    assert.equal(scene.count, 1)
    publish(scene.survivor, scene.source, 'foo', 'after')
    publish(scene.survivor, scene.source, 's.1', 'after')
    scene.threads.settle()
    assert.deepEqual(payloads(scene.survivor, scene.own), ['after'])
  })

  test('leaves an arena that its successor can use from end to end', () => {
    const scene = new Scene()
    const fresh = scene.threads.worker(3).freePages
    for (let i = 0; i < 500; i++) {
      publish(scene.victim, scene.victims, `own.${i}`)
      scene.victim.append(scene.victims, 'unsent'.repeat(1000))
      scene.victim.exports.allocate(i * 100)
    }
    assert.ok(scene.victim.freePages < fresh)
    const successor = scene.replace(2)
    assert.equal(successor.freePages, fresh)
    assert.deepEqual(successor.takeAllDirty(), [])
    assert.deepEqual(successor.takeAllExpired(), [])
    assert.ok(!successor.hasLent)
    const page = 4096 - 64
    let pages = 0
    while (successor.exports.allocate(page) !== 0) pages++
    assert.equal(pages, fresh)
  })

  test('leaves lanes that are empty, whatever had been claimed, committed or half read', () => {
    const scene = new Scene()
    const { exports, layout } = scene.survivor
    // Claimed, never committed, at both ends; committed, never read, at both ends.
    for (const isCommitted of [true, false]) {
      publish(scene.survivor, scene.source, 'foo', 'to the dead')
      publish(scene.victim, scene.victims, 'foo', 'from the dead')
      if (!isCommitted) continue
      exports.commitLanes()
      scene.victim.exports.commitLanes()
    }
    scene.survivor.take(scene.own)
    const successor = scene.replace(2)
    assert.equal(exports.hasInbound(), 0)
    assert.equal(successor.exports.hasInbound(), 0)
    const connection = successor.connect()
    successor.subscribe(connection, 'foo')
    scene.threads.settle()
    assert.deepEqual(payloads(successor, connection), [], 'nothing of the past arrives')
    publish(scene.survivor, scene.source, 'foo', 'new')
    publish(successor, connection, 'foo', 'newer')
    scene.threads.settle()
    assert.deepEqual(payloads(successor, connection).toSorted(), ['new', 'newer'])
    assert.deepEqual(payloads(scene.survivor, scene.own).toSorted(), ['new', 'newer'])
    const words = successor.kernel.words
    assert.equal(Atomics.load(words, successor.field('THREAD_EPOCH') >> 2), 0)
    assert.equal(
      Atomics.load(words, successor.field('THREAD_STATE') >> 2),
      layout.THREAD_STATE_RUNNING,
    )
  })

  test('gives back what it was lent, and frees those who waited for room in its lane', () => {
    const scene = new Scene()
    const { exports } = scene.survivor
    publish(scene.survivor, scene.source, 'foo', LARGE)
    exports.commitLanes()
    while (publish(scene.survivor, scene.source, 'foo', 'y'.repeat(5000)));
    exports.awaitRoom(2)
    assert.ok(scene.survivor.hasLent)
    scene.survivor.take(scene.own)
    const successor = scene.replace(2)
    exports.tidy()
    assert.ok(!scene.survivor.hasLent)
    const connection = successor.connect()
    successor.subscribe(connection, 'foo')
    scene.threads.settle()
    for (let i = 0; i < 5; i++) publish(scene.survivor, scene.source, 'foo', `${i}`)
    scene.threads.settle()
    assert.deepEqual(payloads(successor, connection), ['0', '1', '2', '3', '4'])
  })

  test('may die again and again', () => {
    const scene = new Scene()
    for (let i = 0; i < 20; i++) {
      const successor = scene.replace(2)
      const connection = successor.connect()
      successor.subscribe(connection, 'foo', '', `${i}`)
      for (let j = 0; j < 50; j++) successor.subscribe(connection, `t.${j}`, 'q', `${j}`)
      scene.threads.settle()
      assert.equal(scene.count, 52)
      publish(scene.survivor, scene.source, 'foo', `${i}`)
      publish(successor, connection, 'foo', `${i}`)
      scene.threads.settle()
      assert.deepEqual(payloads(successor, connection), [`${i}`, `${i}`])
      assert.deepEqual(payloads(scene.survivor, scene.own), [`${i}`, `${i}`])
    }
  })
})

describe('a routing worker that dies', () => {
  test('is replaced by one that finds all interest in the slots of the others', () => {
    const scene = new Scene()
    const { threads, survivor } = scene
    const gone = survivor.subscribe(scene.own, 'gone')
    threads.settle()
    survivor.unsubscribe(gone)
    // Not yet applied when the routing worker died: the records are lost, the slots are not.
    const late = survivor.subscribe(scene.own, 'late', 'q', 'late')
    survivor.exports.commitLanes()
    const { layout } = survivor
    threads.router.setState(layout.THREAD_STATE_DEAD)
    survivor.setWord(survivor.word(layout.HEADER_SUBLIST) + layout.SUBLIST_ROOT, 0)
    for (const thread of threads.all.slice(1)) thread.exports.resetLanes(0)
    const router = new KernelThread(threads.module, threads.memory, 0, 5)
    threads.all[0] = router
    assert.ok(router.exports.formatSublist())
    for (const { thread } of threads.all.slice(1)) {
      router.exports.walkSlots(thread)
      for (let slot = router.exports.nextUsedSlot(); slot !== 0; ) {
        router.setWord(slot + layout.SUB_ENTRY, 0)
        if (router.word(slot + layout.SUB_STATE) === layout.SUB_STATE_ACTIVE) {
          router.exports.applySubscribe(slot, router.generation(slot), thread)
        } else {
          router.exports.applyUnsubscribe(slot)
        }
        slot = router.exports.nextUsedSlot()
      }
    }
    assert.equal(publish(survivor, scene.source, 'fresh.subject'), false, 'publishers wait')
    assert.equal(survivor.exports.status.value, layout.STATUS_NO_SUBLIST)
    router.exports.openSublist()
    assert.equal(scene.count, 1 + SUBJECTS + 1)
    for (const subject of ['foo', 'late', 'gone', 's.7']) {
      assert.ok(publish(survivor, scene.source, subject, subject))
    }
    threads.settle()
    assert.deepEqual(payloads(survivor, scene.own), ['foo', 'late'])
    assert.deepEqual(payloads(scene.victim, scene.victims), ['foo', 's.7'])
    survivor.unsubscribe(late)
    threads.settle()
    assert.equal(scene.count, 1 + SUBJECTS)
    const again = ['x', 'y'].map((subject) => survivor.subscribe(scene.own, subject))
    assert.deepEqual(again.toSorted(), [gone, late].toSorted(), 'removed slots are free again')
  })

  test('leaves no memory of its sublist behind', () => {
    const { threads } = new Scene()
    const { exports } = threads.router
    const rebuild = () => {
      exports.formatSublist()
      const used = threads.router.sublistField('SUBLIST_BREAK')
      exports.openSublist()
      return used
    }
    const first = rebuild()
    const [at] = threads.router.place('some.subject.of.many.tokens')
    for (let i = 0; i < 1000; i++) exports.insertEntry(0, at!, 5 + (i % 20), 0, 0, 1, 1, 1, 0)
    assert.equal(rebuild(), first)
    assert.equal(threads.router.sublistField('SUBLIST_COUNT'), 0)
  })
})
