import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AccountStage } from './account-stage.ts'
import { NO_RULES } from './permission-model.ts'
import { KERNELS } from './threads.ts'

const LANE_CAPACITY = 64 * 1024
const MESSAGES = 600

for (const { name, module } of KERNELS) {
  describe(`stream imports, ${name} kernel`, () => {
    test('bring messages to other accounts under their subjects there', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      stage.importStream(1, 'a.*', 2)
      stage.importStream(1, 'a.>', 3, (subject) => `from.one.${subject}`)
      stage.importStream(1, '>', 4, (subject) => (subject === 'a.x' ? 'fixed' : undefined))
      const receivers = [1, 2, 3, 4].map((account) =>
        [1, 2].map((thread) => {
          const connection = stage.connect(thread, { account })
          stage.threads.worker(thread).subscribe(connection, '>')
          return connection
        }),
      )
      const links = [2, 3].map((account) => {
        const link = stage.connect(0, { kind: 'leaf', account })
        stage.threads.insertLeaf(link, '*.>')
        return link
      })
      stage.threads.settle()
      const source = stage.connect(1, { account: 1 })
      const outcome = stage.publish(worker, source, { subject: 'a.x', reply: 'r', payload: 'p' })
      assert.deepEqual(outcome, { status: 'done', subject: 'a.x', delivered: 10, services: [] })
      stage.publish(worker, source, { subject: 'a.x.y', payload: 'q' })
      const expected = [
        ['a.x p', 'a.x.y q'],
        ['a.x p'],
        ['from.one.a.x p', 'from.one.a.x.y q'],
        ['fixed p'],
      ]
      for (const [i, [near, far]] of receivers.entries()) {
        assert.deepEqual(stage.texts(1, near!), expected[i])
        assert.deepEqual(stage.texts(2, far!), expected[i])
      }
      for (const [i, link] of links.entries()) {
        assert.deepEqual(stage.texts(0, link), expected[i + 1])
      }
      const back = stage.connect(1, { account: 2 })
      stage.publish(worker, back, { subject: 'a.x' })
      assert.deepEqual(stage.texts(1, receivers[0]![0]!), [], 'nothing goes the other way')
    })

    test('void the plans of the exporter with each change in the importer', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      stage.importStream(1, 'a', 2, () => 'b.c')
      const source = stage.connect(1, { account: 1 })
      const receiver = stage.connect(1, { account: 2 })
      const count = () => {
        stage.publish(worker, source, { subject: 'a' })
        return stage.take(1, receiver).length
      }
      assert.equal(count(), 0)
      for (const subject of ['b.c', 'b.*', '*.c', '>']) {
        const slot = worker.subscribe(receiver, subject)
        stage.threads.settle()
        assert.equal(count(), 1, subject)
        stage.deny(receiver, [slot], ['b.*'])
        assert.equal(count(), 0, `${subject}, denied`)
        stage.deny(receiver, [slot], ['a'])
        assert.equal(count(), 1, `${subject}, not denied`)
        worker.unsubscribe(slot)
        stage.threads.settle()
        assert.equal(count(), 0, `without ${subject}`)
      }
      const misses = () => worker.long(worker.field('THREAD_PLAN_MISSES'))
      const before = misses()
      worker.subscribe(receiver, 'elsewhere')
      stage.threads.settle()
      count()
      assert.equal(misses(), before, 'nothing that the plan rests on')
    })

    test('come and go', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      const source = stage.connect(1, { account: 1 })
      const receiver = stage.connect(1, { account: 2 })
      worker.subscribe(receiver, '>')
      stage.threads.settle()
      const { freePages } = worker
      const used = () => stage.router.sublistField('SUBLIST_BREAK')
      let first = 0
      for (let i = 0; i < 50; i++) {
        const streams = ['a', '*', '>'].map((subject) =>
          stage.importStream(1, subject, 2, () => `n.${i}`),
        )
        assert.equal(stage.publish(worker, source, { subject: 'a' }).delivered, 3)
        assert.deepEqual(stage.texts(1, receiver), [`n.${i} `, `n.${i} `, `n.${i} `])
        for (const stream of streams) stage.remove(stream)
        stage.threads.settle()
        assert.equal(stage.publish(worker, source, { subject: 'a' }).delivered, 0)
        if (i === 1) first = used()
      }
      assert.equal(used(), first)
      assert.ok(freePages - worker.freePages < 50)
    })

    test('do not chain, and ask for no services of the importer', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      stage.importStream(1, '>', 2)
      stage.importStream(2, '>', 3)
      stage.importService(2, '>')
      const receivers = [2, 3].map((account) => stage.connect(1, { account }))
      for (const receiver of receivers) worker.subscribe(receiver, '>')
      stage.threads.settle()
      const source = stage.connect(1, { account: 1 })
      assert.equal(stage.publish(worker, source, { subject: 'a' }).status, 'done')
      assert.deepEqual(
        receivers.map((receiver) => stage.take(1, receiver).length),
        [1, 0],
      )
    })

    test('are not for messages that came through a service', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      stage.importStream(1, '>', 2)
      const service = stage.importService(1, '>')
      const receiver = stage.connect(1, { account: 2 })
      worker.subscribe(receiver, '>')
      stage.threads.settle()
      const source = stage.connect(1, { account: 1 })
      const message = { subject: 'a' }
      const services = [service.id]
      const expect = (trust: number, delivered: number) =>
        assert.deepEqual(stage.publishParts(worker, source, message, trust), {
          ...{ status: 'imports', subject: 'a', delivered, services },
        })
      expect(2, 0)
      expect(0, 1)
      expect(1, 1)
      expect(2, 0)
    })

    test('make one group of the members of one name in all accounts', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      stage.importStream(1, 'a', 2, () => 'b')
      stage.importStream(1, 'a', 3, () => 'c')
      const members = [1, 2, 3].flatMap((account) =>
        [1, 2].map((thread) => {
          const connection = stage.connect(thread, { account })
          const slot = stage.threads.worker(thread).subscribe(connection, '*', 'q')
          return { connection, thread, account, slot }
        }),
      )
      const link = stage.connect(0, { kind: 'leaf', account: 3 })
      stage.threads.insertLeaf(link, 'c', 'q', 1000)
      stage.threads.settle()
      const source = stage.connect(1, { account: 1 })
      for (let i = 0; i < MESSAGES; i++) {
        assert.equal(stage.publish(worker, source, { subject: 'a' }).delivered, 1)
      }
      const counts = members.map(({ connection, thread, account }) => {
        const texts = stage.texts(thread, connection)
        assert.ok(texts.every((text) => text === ['a ', 'b ', 'c '][account - 1]))
        return texts.length
      })
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        MESSAGES,
      )
      for (const count of counts) assert.ok(count > MESSAGES / 12, `${counts}`)
      assert.deepEqual(stage.take(0, link), [], 'this server has members of its own')
      for (const { slot, thread } of members) stage.threads.worker(thread).unsubscribe(slot)
      assert.equal(stage.publish(worker, source, { subject: 'a' }).delivered, 1)
      const [line] = stage.take(0, link)
      assert.deepEqual(line!.words, ['c', '|', 'q', '0'])
    })

    test('reach a leaf link once for each subject, with the names that are for it', () => {
      const stage = new AccountStage({ module })
      stage.importStream(1, 'a', 2, () => 'b')
      stage.importStream(1, '*', 2, () => 'c')
      const link = stage.connect(0, { kind: 'leaf', account: 2 })
      stage.threads.insertLeaf(link, '*')
      stage.threads.insertLeaf(link, 'b', 'q')
      stage.threads.insertLeaf(link, 'c', 'p')
      for (const thread of [0, 1]) {
        const owner = stage.threads.worker(thread)
        const source = stage.connect(thread, { account: 1 })
        stage.publish(owner, source, { subject: 'a', payload: 'x' })
        const lines = stage.take(0, link).map(({ words }) => words.join(' '))
        assert.deepEqual(lines.toSorted(), ['b | q 1', 'c | p 1'])
      }
    })

    test('keep to what leaf links permit, by the subject delivered', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      stage.importStream(1, 'a.*', 2, (subject) => `b.${subject.slice(2)}`)
      const rules = { ...NO_RULES, outgoing: { allow: ['b.x'] } }
      const link = stage.connect(0, { kind: 'leaf', account: 2, rules })
      stage.threads.insertLeaf(link, '>')
      const source = stage.connect(1, { account: 1 })
      for (const subject of ['a.x', 'a.y']) stage.publish(worker, source, { subject })
      assert.deepEqual(stage.texts(0, link), ['b.x '])
      assert.equal(stage.router.long(link + stage.router.layout.CONNECTION_FILTERED), 1n)
      stage.importStream(1, 'k', 2, () => '$KV.x')
      stage.publish(worker, source, { subject: 'k' })
      assert.deepEqual(stage.texts(0, link), [], 'JetStream’s own subjects stay here')
    })

    test('are for other accounts of the cluster that a message comes from, too', () => {
      const stage = new AccountStage({ module })
      stage.importStream(1, 'a', 2, () => 'b')
      const options = { kind: 'leaf', account: 2 } as const
      const links = [7, 8, 0].map((origin) => stage.connect(0, { ...options, origin }))
      for (const link of links) stage.threads.insertLeaf(link, 'b')
      const source = stage.connect(0, { kind: 'leaf', account: 1, origin: 7 })
      stage.publish(stage.router, source, { subject: 'a' })
      assert.deepEqual(
        links.map((link) => stage.take(0, link).length),
        [1, 1, 1],
      )
    })

    test('deliver a message to all accounts or, without room in a lane, to none', () => {
      for (const size of [100, 20_000]) {
        const stage = new AccountStage({ module, laneCapacity: LANE_CAPACITY })
        const worker = stage.threads.worker(1)
        const accounts = [2, 3, 4]
        for (const account of accounts) stage.importStream(1, 'a', account, () => `a${account}`)
        const receivers = [1, ...accounts].flatMap((account) =>
          [1, 2].map((thread) => {
            const connection = stage.connect(thread, { account })
            stage.threads.worker(thread).subscribe(connection, '>')
            return { connection, thread }
          }),
        )
        stage.threads.settle()
        const source = stage.connect(1, { account: 1 })
        const payload = 'x'.repeat(size)
        let sent = 0
        for (let status = ''; status !== 'laneFull'; ) {
          const outcome = stage.publish(worker, source, { subject: 'a', payload })
          status = outcome.status
          if (status === 'done') sent++
          assert.ok(sent < 10_000, 'what waits is bounded')
        }
        assert.ok(sent > 0)
        for (const { connection, thread } of receivers) {
          assert.equal(stage.take(thread, connection).length, sent)
        }
        assert.equal(worker.hasLent, false)
        assert.equal(stage.publish(worker, source, { subject: 'a', payload }).status, 'done')
      }
    })

    test('may be so many that their records fill more than a lane', () => {
      const stage = new AccountStage({ module, laneCapacity: LANE_CAPACITY })
      const worker = stage.threads.worker(1)
      const count = 700
      const receivers = Array.from({ length: count }, (_, i) => {
        const account = i + 2
        stage.importStream(1, 'a', account, (subject) => `${subject}.${i}`)
        const receiver = stage.connect(2, { account })
        stage.threads.worker(2).subscribe(receiver, 'a.*')
        if (i % 100 === 99) stage.threads.settle()
        return receiver
      })
      stage.threads.settle()
      const source = stage.connect(1, { account: 1 })
      for (const payload of ['', 'x'.repeat(3000), 'x'.repeat(30_000)]) {
        const outcome = stage.publish(worker, source, { subject: 'a', payload })
        assert.deepEqual([outcome.status, outcome.delivered], ['done', count])
        for (const [i, receiver] of receivers.entries()) {
          assert.deepEqual(stage.texts(2, receiver), [`a.${i} ${payload}`])
        }
        assert.equal(worker.hasLent, false)
      }
    })

    test('reach many subscribers of one thread, which matches for itself', () => {
      const stage = new AccountStage({ module, laneCapacity: LANE_CAPACITY })
      const [worker, far] = [stage.threads.worker(1), stage.threads.worker(2)]
      stage.importStream(1, 'a', 2, () => 'b')
      stage.importStream(1, 'a', 3, () => 'c')
      // An import of the importer must not be followed there, either.
      stage.importStream(2, 'b', 3, () => 'never')
      const receivers = [1, 2, 3].map((account) => stage.connect(2, { account }))
      for (let i = 0; i < 1100; i++) {
        for (const receiver of receivers) far.subscribe(receiver, '*', '', `${i}`)
        if (i % 50 === 49) stage.threads.settle()
      }
      stage.threads.settle()
      const source = stage.connect(1, { account: 1 })
      for (const payload of ['x', 'y'.repeat(20_000)]) {
        assert.equal(stage.publish(worker, source, { subject: 'a', payload }).delivered, 3300)
        for (const [i, receiver] of receivers.entries()) {
          const texts = stage.texts(2, receiver)
          assert.equal(texts.length, 1100)
          assert.ok(texts.every((text) => text === `${'abc'[i]} ${payload}`))
        }
      }
      assert.equal(worker.hasLent, false)
    })

    test('share a large payload, which is given back after the last of them', () => {
      const stage = new AccountStage({ module, laneCapacity: LANE_CAPACITY })
      const [worker, far] = [stage.threads.worker(1), stage.threads.worker(2)]
      const receivers = [2, 3].map((account) => {
        stage.importStream(1, 'a', account)
        const receiver = stage.connect(2, { account })
        far.subscribe(receiver, 'a')
        return receiver
      })
      stage.threads.settle()
      const source = stage.connect(1, { account: 1 })
      const payload = 'x'.repeat(LANE_CAPACITY / 2)
      assert.equal(stage.publish(worker, source, { subject: 'a', payload }).delivered, 2)
      worker.exports.commitLanes()
      far.exports.drainBegin(1)
      assert.equal(far.exports.drain(1, 1), far.layout.STATUS_MORE)
      far.exports.drainEnd(1)
      worker.exports.tidy()
      assert.ok(worker.hasLent)
      for (const receiver of receivers) {
        assert.deepEqual(stage.texts(2, receiver), [`a ${payload}`])
      }
      assert.equal(worker.hasLent, false)
    })

    test('that must wait for a sublist halfway go on where they stopped', () => {
      const stage = new AccountStage({ module, laneCapacity: LANE_CAPACITY })
      const [worker, far] = [stage.threads.worker(1), stage.threads.worker(2)]
      const { exports, layout } = stage.router
      // First a list that is too large for the lane, then a thread's own matching.
      const receivers = [1, 2].map((account) => stage.connect(2, { account }))
      stage.importStream(1, `${'a'.repeat(9000)}`, 2, (subject) => `b${subject}`)
      far.subscribe(receivers[0]!, '>')
      for (let i = 0; i < 1100; i++) {
        far.subscribe(receivers[1]!, '>', '', `${i}`)
        if (i % 50 === 49) stage.threads.settle()
      }
      stage.threads.settle()
      const source = stage.connect(1, { account: 1 })
      worker.setWord(source + layout.CONNECTION_CONTROL_LINE_MAX, LANE_CAPACITY)
      stage.publish(worker, source, { subject: 'a'.repeat(9000) })
      assert.ok(worker.hasLent)
      worker.exports.commitLanes()
      const root = stage.router.word(layout.HEADER_SUBLIST) + layout.SUBLIST_ROOT
      const open = stage.router.word(root)
      stage.router.setWord(root, 0)
      exports.bumpAll()
      for (let i = 0; i < 3; i++) {
        far.exports.drainBegin(1)
        assert.equal(far.exports.drain(1, LANE_CAPACITY), layout.STATUS_NO_SUBLIST)
        far.exports.drainEnd(1)
      }
      stage.router.setWord(root, open)
      assert.equal(stage.take(2, receivers[0]!).length, 1)
      assert.equal(stage.take(2, receivers[1]!).length, 1100)
      assert.equal(worker.hasLent, false)
    })

    test('may make long subjects of short ones', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      for (let i = 0; i < 12; i++) {
        stage.importStream(1, 'a', 2, () => `${i}.${'x'.repeat(7000)}`)
      }
      const receiver = stage.connect(1, { account: 2 })
      worker.subscribe(receiver, '*.*')
      stage.threads.settle()
      const source = stage.connect(1, { account: 1 })
      assert.equal(stage.publish(worker, source, { subject: 'a' }).delivered, 12)
      const numbers = stage.texts(1, receiver).map((text) => Number(text.split('.')[0]))
      assert.deepEqual(
        numbers.toSorted((a, b) => a - b),
        [...Array(12).keys()],
      )
    })
  })

  describe(`service imports, ${name} kernel`, () => {
    test('are told to TypeScript, which has then read that message and no other', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      const { exports, layout } = worker
      const wide = stage.importService(1, 'a.>')
      const exact = stage.importService(1, 'a.b')
      stage.importService(2, 'a.b')
      const receiver = stage.connect(2, { account: 1 })
      stage.threads.worker(2).subscribe(receiver, 'a.b')
      stage.threads.settle()
      const source = stage.connect(1, { account: 1, noResponders: true })
      const outcome = stage.publish(worker, source, { subject: 'a.b', reply: 'r' })
      assert.equal(outcome.status, 'imports')
      assert.equal(outcome.delivered, 1)
      assert.deepEqual(outcome.services.toSorted(), [wide.id, exact.id])
      const alone = stage.publish(worker, source, { subject: 'a.c', reply: 'r' })
      assert.deepEqual(alone, {
        ...{ status: 'imports', subject: 'a.c', delivered: 0, services: [wide.id] },
      })
      const nobody = stage.publish(worker, source, { subject: 'a', reply: 'r' })
      assert.equal(nobody.status, 'noResponders')
      const text = 'PUB a.c 1\r\nx\r\nPUB a.b 1\r\ny\r\n'
      const [at] = worker.place(text)
      const next = exports.ingest(source, at!, at! + text.length)
      assert.equal(next, at! + text.length / 2)
      assert.equal(exports.status.value, layout.STATUS_IMPORTS)
      assert.equal(exports.ingest(source, next, at! + text.length), at! + text.length)
      assert.deepEqual(stage.texts(2, receiver), ['a.b ', 'a.b y'])
      for (const service of [wide, exact]) stage.remove(service)
      const gone = stage.publish(worker, source, { subject: 'a.b' })
      assert.deepEqual([gone.status, gone.delivered], ['done', 1])
    })

    test('are for leaf links, too, and for mapped subjects', () => {
      const stage = new AccountStage({ module })
      const { id } = stage.importService(1, 'b')
      stage.map(1, (subject) =>
        subject === 'a' ? { destinations: [{ subject: 'b', upTo: 100 }] } : undefined,
      )
      for (const thread of [0, 1]) {
        const kind = thread === 0 ? 'leaf' : 'client'
        const source = stage.connect(thread, { kind, account: 1 })
        for (const subject of ['a', 'b']) {
          const outcome = stage.publish(stage.threads.worker(thread), source, { subject })
          assert.deepEqual(outcome, {
            ...{ status: 'imports', subject: 'b', delivered: 0, services: [id] },
          })
        }
      }
    })

    test('are not asked for while the message waits for room', () => {
      const stage = new AccountStage({ module, laneCapacity: LANE_CAPACITY })
      const worker = stage.threads.worker(1)
      const { id } = stage.importService(1, 'a')
      const receiver = stage.connect(2, { account: 1 })
      stage.threads.worker(2).subscribe(receiver, 'a')
      stage.threads.settle()
      const source = stage.connect(1, { account: 1 })
      const payload = 'x'.repeat(3000)
      let sent = 0
      for (;;) {
        const { status, services } = stage.publish(worker, source, { subject: 'a', payload })
        if (status === 'laneFull') break
        assert.deepEqual(services, [id])
        sent++
      }
      assert.equal(stage.take(2, receiver).length, sent)
    })

    test('that are many are all there', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      const ids = Array.from({ length: 5000 }, () => stage.importService(1, 'a').id)
      const source = stage.connect(1, { account: 1 })
      const { services } = stage.publish(worker, source, { subject: 'a' })
      assert.deepEqual(
        services.toSorted((a, b) => a - b),
        ids,
      )
    })

    test('leave replies whose latency is measured to TypeScript', () => {
      const stage = new AccountStage({ module })
      const { exports, layout } = stage.threads.worker(1)
      const source = stage.connect(1)
      for (const [subject, isLeft] of [
        ['_R_.a.b.T', true],
        ['_R_.T', true],
        ['_R_.a.b', false],
        ['_R_.aT', false],
        ['a._R_.T', false],
      ] as const) {
        const text = `PUB ${subject} 0\r\n\r\n`
        const [at] = stage.threads.worker(1).place(text)
        const next = exports.ingest(source, at!, at! + text.length)
        assert.equal(next === at, isLeft, subject)
        if (isLeft) assert.equal(exports.status.value, layout.STATUS_OPERATION)
      }
    })
  })
}
