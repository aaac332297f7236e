import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AccountStage } from './account-stage.ts'
import { NO_RULES } from './permission-model.ts'
import { KERNELS } from './threads.ts'

/** Above so many plain targets a thread matches for itself. */
const PAIRS_MAX = 1024

for (const { name, module } of KERNELS) {
  describe(`accounts, ${name} kernel`, () => {
    test('have subjects of their own, on all threads and for leaf links', () => {
      const stage = new AccountStage({ module })
      const { router } = stage
      const receivers = [0, 1, 2].map((account) => {
        const near = stage.connect(1, { account })
        const far = stage.connect(2, { account })
        const link = stage.connect(0, { kind: 'leaf', account })
        for (const subject of ['foo', '>']) {
          stage.threads.worker(1).subscribe(near, subject)
          stage.threads.worker(2).subscribe(far, subject)
        }
        stage.threads.worker(2).subscribe(far, 'foo', 'q')
        stage.threads.insertLeaf(link, 'foo')
        return { near, far, link }
      })
      stage.threads.settle()
      for (const account of [0, 1, 2]) {
        const source = stage.connect(1, { account })
        const { delivered } = stage.publish(stage.threads.worker(1), source, {
          subject: 'foo',
          payload: `${account}`,
        })
        assert.equal(delivered, 6)
        const link = stage.connect(0, { kind: 'leaf', account })
        stage.publish(router, link, { subject: 'foo', payload: `leaf ${account}` })
      }
      for (const [account, { near, far, link }] of receivers.entries()) {
        const [own, leaf] = [`foo ${account}`, `foo leaf ${account}`]
        assert.deepEqual(stage.texts(1, near).toSorted(), [own, own, leaf, leaf])
        // The link's line names no group.
        assert.deepEqual(stage.texts(2, far).toSorted(), [own, own, own, leaf, leaf])
        assert.deepEqual(stage.texts(0, link).toSorted(), [own, leaf])
      }
    })

    test('tell their entries apart, whatever the subject', () => {
      const stage = new AccountStage({ module })
      const { exports } = stage.router
      const entries = [0, 1, 65_535].flatMap((account) =>
        ['foo', '*', '>', 'a.b.c'].map((subject) => {
          const [at] = stage.router.place(subject)
          const entry = exports.insertEntry(account, at!, subject.length, 0, 0, 1, 1, 1, 0)
          assert.notEqual(entry, 0)
          return { account, entry }
        }),
      )
      for (const { account, entry } of entries) assert.equal(exports.entryAccount(entry), account)
      for (const { entry } of entries) exports.removeEntry(entry)
      exports.reclaim()
      assert.equal(stage.router.sublistField('SUBLIST_COUNT'), 0)
    })

    test('have numbers below their maximum', () => {
      const stage = new AccountStage({ module })
      const { exports, layout } = stage.router
      assert.equal(exports.openAccount(layout.ACCOUNTS_MAX - 1), 1)
      assert.equal(exports.openAccount(layout.ACCOUNTS_MAX - 1), 1)
      assert.equal(exports.openAccount(layout.ACCOUNTS_MAX), 0)
      const [at] = stage.router.place('foo')
      assert.equal(exports.insertEntry(layout.ACCOUNTS_MAX, at!, 3, 0, 0, 1, 1, 1, 0), 0)
    })

    test('begin anew with the sublist, and their plans do not outlive it', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      const { exports, layout } = stage.router
      const receiver = stage.connect(1, { account: 3 })
      const slot = worker.subscribe(receiver, '*')
      stage.threads.settle()
      stage.map(3, () => ({ destinations: [{ subject: 'bar', upTo: 100 }] }))
      const source = stage.connect(1, { account: 3 })
      stage.publish(worker, source, { subject: 'foo' })
      assert.deepEqual(stage.texts(1, receiver), ['bar '])
      // As the main thread does it, when the routing worker has died.
      const root = stage.router.word(layout.HEADER_SUBLIST) + layout.SUBLIST_ROOT
      stage.router.setWord(root, 0)
      exports.bumpAll()
      assert.equal(stage.publish(worker, source, { subject: 'foo' }).status, 'noSublist')
      assert.equal(exports.formatSublist(), 1)
      assert.equal(stage.publish(worker, source, { subject: 'foo' }).status, 'noSublist')
      exports.openSublist()
      assert.equal(stage.publish(worker, source, { subject: 'foo' }).delivered, 0)
      exports.applySubscribe(slot, worker.generation(slot), 1)
      stage.publish(worker, source, { subject: 'foo' })
      assert.deepEqual(stage.texts(1, receiver), ['foo '], 'no mapping is left')
    })

    test('do not void each other’s plans', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      const source = stage.connect(1, { account: 1 })
      const other = stage.connect(1, { account: 2 })
      const misses = () => worker.long(worker.field('THREAD_PLAN_MISSES'))
      const buckets = worker.constant('GENERATION_BUCKETS')
      let voided = 0
      for (let i = 0; i < 20; i++) {
        stage.publish(worker, source, { subject: `s${i}.x` })
        const before = misses()
        const slots = [`s${i}.*`, '*', '>'].map((subject) => worker.subscribe(other, subject))
        stage.threads.settle()
        stage.publish(worker, source, { subject: `s${i}.x` })
        if (misses() !== before) voided++
        for (const slot of slots) worker.unsubscribe(slot)
        stage.threads.settle()
      }
      // Two of so many buckets may be the same.
      assert.ok(voided <= 1, `${voided} of 20, with ${buckets} buckets`)
      const before = misses()
      worker.subscribe(stage.connect(1, { account: 1 }), '*.y')
      stage.threads.settle()
      stage.publish(worker, source, { subject: 's0.x' })
      assert.equal(misses(), before + 1n)
    })

    test('are those of the source where a thread matches for itself', () => {
      const stage = new AccountStage({ module, laneCapacity: 64 * 1024 })
      const [near, far] = [stage.threads.worker(1), stage.threads.worker(2)]
      const receivers = [1, 2].map((account) => stage.connect(2, { account }))
      for (let i = 0; i <= PAIRS_MAX; i++) {
        for (const receiver of receivers) far.subscribe(receiver, 'foo', '', `${i}`)
        if (i % 100 === 99) stage.threads.settle()
      }
      stage.threads.settle()
      // What is asked of publishers has been answered when the record is read.
      stage.map(2, () => ({ destinations: [{ subject: 'bar', upTo: 100 }] }))
      // The accounts' generations are the same: only their numbers tell plans apart.
      stage.map(1, undefined)
      const rules = { ...NO_RULES, incoming: { allow: ['foo'] } }
      const sources = [1, 2].map((account) => stage.connect(1, { account, rules }))
      const counts = () => receivers.map((receiver) => stage.take(2, receiver).length)
      assert.equal(stage.publish(near, sources[0]!, { subject: 'foo' }).delivered, PAIRS_MAX + 1)
      assert.deepEqual(counts(), [PAIRS_MAX + 1, 0])
      const message = { subject: 'foo', payload: 'x'.repeat(20_000) }
      assert.equal(stage.publishParts(near, sources[1]!, message, 1).delivered, PAIRS_MAX + 1)
      assert.deepEqual(counts(), [0, PAIRS_MAX + 1])
      assert.equal(near.hasLent, false)
      // The relaying thread's own plans are others than its clients'.
      const same = stage.connect(2, { account: 1 })
      assert.equal(stage.publish(far, same, { subject: 'foo' }).delivered, PAIRS_MAX + 1)
      assert.equal(stage.publish(near, sources[0]!, { subject: 'foo' }).delivered, PAIRS_MAX + 1)
      assert.deepEqual(counts(), [2 * (PAIRS_MAX + 1), 0])
    })

    test('give back all memory of their entries, but their roots', () => {
      const stage = new AccountStage({ module })
      const { exports } = stage.router
      const round = () => {
        for (let account = 1; account <= 200; account++) {
          const [at] = stage.router.place('some.subject')
          const entry = exports.insertEntry(account, at!, 12, 0, 0, 1, 1, 1, 0)
          assert.notEqual(entry, 0)
          exports.removeEntry(entry)
        }
        exports.reclaim()
        return stage.router.sublistField('SUBLIST_BREAK')
      }
      const first = round()
      for (let i = 0; i < 5; i++) assert.equal(round(), first)
    })
  })
}
