import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { SubjectPermission } from '../../src/router/leaf/leaf-types.ts'
import { ReferenceSublist } from '../reference/reference-sublist.ts'
import { AccountStage } from './account-stage.ts'
import { NO_RULES } from './permission-model.ts'
import { KERNELS } from './threads.ts'

const SEED = 20_261_123
const RUNS = 1000

const token = fc.constantFrom('a', 'b', 'ab', '*', '>', '\xff', '$MQTT', '_R_', 'x'.repeat(40))
const subject = fc
  .array(fc.oneof({ weight: 20, arbitrary: token }, { weight: 1, arbitrary: fc.constant('') }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((tokens) => tokens.join('.'))
  .filter((text) => text !== '' && text !== '_R_')
const pattern = fc
  .array(fc.constantFrom('a', 'b', 'ab', '*', '*', '\xff', '$MQTT', '_R_'), {
    minLength: 1,
    maxLength: 4,
  })
  .chain((tokens) => fc.constantFrom(tokens.join('.'), `${tokens.join('.')}.>`, '>'))
const patterns = fc.array(pattern, { maxLength: 4 })

/** nats-server's verdict: its own sublist of patterns, asked with a literal subject. */
function mayPublish({ allow, deny }: SubjectPermission, text: string): boolean {
  const matches = (list: readonly string[]) => {
    const sublist = new ReferenceSublist<string>()
    for (const entry of list) sublist.insert({ subject: entry, queue: null, value: entry })
    return sublist.match(text).plain.length > 0
  }
  return (allow === undefined || matches(allow)) && (deny === undefined || !matches(deny))
}

for (const { name, module } of KERNELS) {
  describe(`what a client may publish, ${name} kernel`, () => {
    test('is what the reference sublist says of its patterns', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      const permission = fc.tuple(fc.option(patterns, { nil: undefined }), patterns)
      fc.assert(
        fc.property(permission, fc.array(subject, { minLength: 1 }), ([allow, deny], texts) => {
          const incoming = allow === undefined ? { deny } : { allow, deny }
          const source = stage.connect(1, { rules: { ...NO_RULES, incoming } })
          for (const text of texts) {
            const outcome = stage.publish(worker, source, { subject: text })
            const expected = mayPublish(incoming, text) ? 'done' : 'forbidden'
            assert.deepEqual([outcome.status, outcome.subject], [expected, text])
            const trusted = stage.publishParts(worker, source, { subject: text }, 1)
            assert.equal(trusted.status, 'done')
          }
          worker.disconnect(source)
          stage.router.exports.reclaim()
        }),
        { seed: SEED, numRuns: RUNS },
      )
    })

    test('has none of the exceptions of leaf links', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      const source = stage.connect(1, { rules: { ...NO_RULES, incoming: { allow: ['foo'] } } })
      const subjects = ['_R_.x', '$JS.ACK.x', '$MQTT.x', '$GR.abcd.foo', '_GR_.abcdef.123456.foo']
      for (const text of subjects) {
        assert.equal(stage.publish(worker, source, { subject: text }).status, 'forbidden', text)
      }
      assert.equal(stage.publish(worker, source, { subject: 'foo' }).status, 'done')
    })

    test('reaches nobody if it is refused, and is counted when TypeScript says so', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      const { exports, layout } = worker
      stage.importStream(0, '>', 1)
      stage.importService(0, '>')
      const receivers = [0, 1].map((account) => stage.connect(1, { account }))
      for (const receiver of receivers) worker.subscribe(receiver, '>')
      stage.threads.settle()
      const source = stage.connect(1, { rules: { ...NO_RULES, incoming: { deny: ['foo'] } } })
      const outcome = stage.publish(worker, source, { subject: 'foo', payload: 'xyz' })
      assert.deepEqual(outcome, {
        ...{ status: 'forbidden', subject: 'foo', delivered: 0, services: [] },
      })
      for (const receiver of receivers) assert.deepEqual(stage.take(1, receiver), [])
      assert.equal(worker.long(source + layout.CONNECTION_IN_MSGS), 0n)
      exports.countInbound(source, 3)
      assert.equal(worker.long(source + layout.CONNECTION_IN_MSGS), 1n)
      assert.equal(worker.long(source + layout.CONNECTION_IN_BYTES), 3n)
    })

    test('is not decided by the plans of others, nor are theirs by its own', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      const rules = { ...NO_RULES, incoming: { deny: ['foo'] } }
      const [open, closed] = [stage.connect(1), stage.connect(1, { rules })]
      for (let i = 0; i < 3; i++) {
        assert.equal(stage.publish(worker, open, { subject: 'foo' }).status, 'done')
        assert.equal(stage.publish(worker, closed, { subject: 'foo' }).status, 'forbidden')
        assert.equal(stage.publishParts(worker, closed, { subject: 'foo' }, 1).status, 'done')
      }
    })
  })

  describe(`what a client’s subscriptions are denied, ${name} kernel`, () => {
    test('never reaches them, from any thread', () => {
      const stage = new AccountStage({ module })
      const rules = { ...NO_RULES, outgoing: { deny: ['a.secret', 'a.*.secret.>'] } }
      const receivers = [1, 2].map((thread) => {
        const connection = stage.connect(thread, { rules })
        stage.threads.worker(thread).subscribe(connection, 'a.>')
        return connection
      })
      stage.threads.settle()
      const subjects = ['a.x', 'a.secret', 'a.b.secret', 'a.b.secret.c', 'a.secret.x']
      for (const thread of [1, 2]) {
        const worker = stage.threads.worker(thread)
        const source = stage.connect(thread)
        for (const text of subjects) stage.publish(worker, source, { subject: text })
        for (const [i, receiver] of receivers.entries()) {
          const got = stage.texts(i + 1, receiver)
          assert.deepEqual(got, ['a.x ', 'a.b.secret ', 'a.secret.x '])
        }
      }
    })

    test('makes a request find nobody', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      const receiver = stage.connect(1, { rules: { ...NO_RULES, outgoing: { deny: ['foo'] } } })
      worker.subscribe(receiver, '*')
      stage.threads.settle()
      const source = stage.connect(1, { noResponders: true })
      const outcome = stage.publish(worker, source, { subject: 'foo', reply: 'r' })
      assert.equal(outcome.status, 'noResponders')
      assert.equal(stage.publish(worker, source, { subject: 'bar', reply: 'r' }).status, 'done')
      assert.equal(worker.long(receiver + worker.layout.CONNECTION_FILTERED), 0n)
    })

    test('leaves a group to its other members, and then to a leaf link', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      const rules = { ...NO_RULES, outgoing: { deny: ['foo q1', '*.x v1.>', 'all'] } }
      const denied = stage.connect(1, { rules })
      const open = stage.connect(2)
      const sids = ['q1', 'q2', 'v1.a'].flatMap((queue) => {
        return [
          worker.subscribe(denied, '>', queue, `denied-${queue}`),
          stage.threads.worker(2).subscribe(open, '>', queue, `open-${queue}`),
        ]
      })
      stage.threads.settle()
      const source = stage.connect(1)
      const deliveries = (text: string) => {
        const seen = new Set<string>()
        for (let i = 0; i < 60; i++) {
          assert.equal(stage.publish(worker, source, { subject: text }).delivered, 3)
          for (const [thread, connection] of [
            [1, denied],
            [2, open],
          ] as const) {
            for (const { words } of stage.take(thread, connection)) seen.add(words[1]!)
          }
        }
        return [...seen].toSorted()
      }
      const free = ['denied-q1', 'denied-q2', 'denied-v1.a', 'open-q1', 'open-q2', 'open-v1.a']
      assert.deepEqual(deliveries('bar'), free)
      assert.deepEqual(
        deliveries('foo'),
        free.filter((sid) => sid !== 'denied-q1'),
      )
      assert.deepEqual(
        deliveries('a.x'),
        free.filter((sid) => sid !== 'denied-v1.a'),
      )
      assert.deepEqual(
        deliveries('all'),
        free.filter((sid) => sid.startsWith('open')),
      )
      const link = stage.connect(0, { kind: 'leaf' })
      stage.threads.insertLeaf(link, 'foo', 'q1')
      for (const slot of sids.filter((_, i) => i % 2 === 1))
        stage.threads.worker(2).unsubscribe(slot)
      stage.threads.settle()
      stage.publish(worker, source, { subject: 'foo' })
      assert.deepEqual(
        stage.take(0, link).map(({ words }) => words),
        [['foo', '|', 'q1', '0']],
      )
    })

    test('changes at once, and costs no room in the entries', () => {
      const stage = new AccountStage({ module })
      const worker = stage.threads.worker(1)
      const receiver = stage.connect(1)
      const slots = ['a', '*'].map((text, i) => worker.subscribe(receiver, text, '', `${i}`))
      stage.threads.settle()
      const source = stage.connect(2)
      const count = (): number => {
        stage.publish(stage.threads.worker(2), source, { subject: 'a' })
        return stage.take(1, receiver).length
      }
      const used = stage.router.sublistField('SUBLIST_BREAK')
      for (let i = 0; i < 100; i++) {
        assert.equal(count(), 2)
        stage.deny(receiver, slots.slice(1), ['a'])
        assert.equal(count(), 1)
        stage.deny(receiver, slots, ['a'])
        assert.equal(count(), 0)
        stage.deny(receiver, slots, ['b'])
        stage.router.exports.reclaim()
      }
      assert.ok(stage.router.sublistField('SUBLIST_BREAK') - used < 1000)
    })
  })
}
