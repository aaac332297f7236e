import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AccountStage, type TestMapping } from './account-stage.ts'
import { NO_RULES } from './permission-model.ts'
import { KERNELS } from './threads.ts'

const all = (subject: string): TestMapping => ({ destinations: [{ subject, upTo: 100 }] })
const MESSAGES = 2000

for (const { name, module } of KERNELS) {
  describe(`mapped subjects, ${name} kernel`, () => {
    test('take the place of the published one, everywhere and once', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      stage.map(0, (subject) => (subject.startsWith('a.') ? all(`b.${subject}`) : undefined))
      stage.map(1, () => all('never'))
      const [near, far] = [stage.connect(1), stage.connect(2)]
      worker.subscribe(near, '>')
      stage.threads.worker(2).subscribe(far, '>')
      const link = stage.connect(0, { kind: 'leaf' })
      stage.threads.insertLeaf(link, '>')
      stage.threads.settle()
      const source = stage.connect(1, { noResponders: true })
      for (const subject of ['a.x', 'a.x', 'b.x', 'a.y']) {
        stage.publish(worker, source, { subject })
      }
      const expected = ['b.a.x ', 'b.a.x ', 'b.x ', 'b.a.y ']
      assert.deepEqual(stage.texts(1, near), expected)
      assert.deepEqual(stage.texts(2, far), expected)
      assert.deepEqual(stage.texts(0, link), expected)
      // Once for each subject that was published: the answers are kept.
      assert.equal(stage.host.asked, 3)
      assert.equal(stage.publishParts(worker, source, { subject: 'a.x' }, 1).subject, 'a.x')
      assert.deepEqual(stage.texts(1, near), ['a.x '], 'trusted messages are not mapped')
    })

    test('change with the mappings, and with nothing else', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      const receiver = stage.connect(1)
      worker.subscribe(receiver, '>')
      stage.threads.settle()
      const source = stage.connect(1)
      const publish = () => {
        stage.publish(worker, source, { subject: 'a' })
        return stage.texts(1, receiver)
      }
      assert.deepEqual(publish(), ['a '])
      const first = stage.map(0, () => all('b'))
      assert.deepEqual(publish(), ['b '])
      stage.map(0, () => all('c'))
      stage.router.exports.retireBlock(first)
      assert.deepEqual(publish(), ['c '])
      const { asked } = stage.host
      worker.subscribe(stage.connect(1), 'c')
      stage.threads.settle()
      publish()
      assert.equal(stage.host.asked, asked)
      stage.map(0, undefined)
      assert.deepEqual(publish(), ['a '])
    })

    test('are drawn by weight, and what is missing of 100 is lost', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      stage.map(0, () => ({
        destinations: [
          { subject: 'rare', upTo: 10 },
          { subject: 'often', upTo: 60 },
        ],
      }))
      const receiver = stage.connect(1)
      worker.subscribe(receiver, '>')
      stage.threads.settle()
      const source = stage.connect(1, { noResponders: true })
      let lost = 0
      for (let i = 0; i < MESSAGES; i++) {
        const { status, subject } = stage.publish(worker, source, { subject: 'a', reply: 'r' })
        if (status === 'noResponders') {
          lost++
          assert.equal(subject, '')
        } else {
          assert.equal(status, 'done')
        }
      }
      const texts = stage.texts(1, receiver)
      const rare = texts.filter((text) => text === 'rare ').length
      assert.equal(texts.length + lost, MESSAGES)
      assert.ok(Math.abs(rare - MESSAGES * 0.1) < MESSAGES * 0.05, `${rare} rare ones`)
      assert.ok(Math.abs(lost - MESSAGES * 0.4) < MESSAGES * 0.08, `${lost} lost ones`)
    })

    test('are asked for each message when the host says so', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      let count = 0
      stage.map(0, () => ({ ...all(`n.${++count}`), isVolatile: true }))
      const receiver = stage.connect(1)
      worker.subscribe(receiver, '>')
      stage.threads.settle()
      const source = stage.connect(1)
      const { freePages } = worker
      for (let i = 0; i < 500; i++) stage.publish(worker, source, { subject: 'a' })
      const expected = Array.from({ length: 500 }, (_, i) => `n.${i + 1} `)
      assert.deepEqual(stage.texts(1, receiver), expected)
      assert.ok(freePages - worker.freePages < 100)
    })

    test('may be many and long', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      const subjects = Array.from({ length: 100 }, (_, i) => `s${i}.${'x'.repeat(3000 + i)}`)
      stage.map(0, () => ({
        destinations: subjects.map((subject, i) => ({ subject, upTo: i + 1 })),
      }))
      const receiver = stage.connect(2)
      stage.threads.worker(2).subscribe(receiver, '>')
      stage.threads.settle()
      const source = stage.connect(1)
      const seen = new Set<string>()
      for (let i = 0; i < MESSAGES / 2; i++) {
        stage.publish(worker, source, { subject: 'a' })
        const [text] = stage.texts(2, receiver)
        seen.add(text!.trimEnd())
      }
      assert.ok(seen.size > 90)
      assert.ok([...seen].every((subject) => subjects.includes(subject)))
    })

    test('decide what a client may publish, not the one it wrote', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      stage.map(0, (subject) => (subject.startsWith('a') ? all(`b${subject}`) : undefined))
      const may = (allow: readonly string[], subject: string) => {
        const rules = { ...NO_RULES, incoming: { allow } }
        const source = stage.connect(1, { rules })
        const outcome = stage.publish(worker, source, { subject })
        worker.disconnect(source)
        return [outcome.status, outcome.subject]
      }
      assert.deepEqual(may(['ba'], 'a'), ['done', 'ba'])
      assert.deepEqual(may(['a'], 'a'), ['forbidden', 'ba'])
      assert.deepEqual(may(['c'], 'c'), ['done', 'c'])
      stage.map(0, () => ({ destinations: [] }))
      // A lost message has an empty subject, which no list allows.
      assert.deepEqual(may(['>'], 'a'), ['forbidden', ''])
      const open = stage.connect(1, { rules: { ...NO_RULES, incoming: { deny: ['>'] } } })
      assert.equal(stage.publish(worker, open, { subject: 'a' }).status, 'done')
    })

    test('do not decide what a leaf link may send', () => {
      const stage = new AccountStage({ module })
      stage.map(0, () => all('b'))
      const receiver = stage.connect(1)
      stage.threads.worker(1).subscribe(receiver, 'b')
      stage.threads.worker(1).subscribe(receiver, 'b', 'q')
      stage.threads.settle()
      const send = (allow: readonly string[], groups: readonly string[] = []) => {
        const rules = { ...NO_RULES, incoming: { allow } }
        const link = stage.connect(0, { kind: 'leaf', rules })
        const { status, subject } = stage.publish(stage.router, link, { subject: 'a', groups })
        return [status, subject, stage.texts(1, receiver).length]
      }
      // A line without groups is for all of them, once it is mapped.
      assert.deepEqual(send(['a']), ['done', 'b', 2])
      assert.deepEqual(send(['a'], ['other']), ['done', 'b', 1])
      assert.deepEqual(send(['b']), ['forbidden', 'a', 0])
    })

    test('are drawn again when there was no room for the first', () => {
      const stage = new AccountStage({ module, laneCapacity: 64 * 1024 })
      const worker = stage.threads.worker(1)
      stage.map(0, () => ({
        destinations: [
          { subject: 'near', upTo: 50 },
          { subject: 'far', upTo: 100 },
        ],
      }))
      const [near, far] = [stage.connect(1), stage.connect(2)]
      worker.subscribe(near, 'near')
      stage.threads.worker(2).subscribe(far, 'far')
      stage.threads.settle()
      const source = stage.connect(1)
      const payload = 'x'.repeat(1000)
      let sent = 0
      for (let status = ''; status !== 'laneFull'; ) {
        const outcome = stage.publish(worker, source, { subject: 'a', payload })
        status = outcome.status
        if (status === 'done') sent++
        assert.ok(sent < 10_000)
      }
      assert.equal(stage.texts(1, near).length + stage.texts(2, far).length, sent)
    })
  })
}
