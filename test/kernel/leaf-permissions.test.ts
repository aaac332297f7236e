import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import type { SubjectPermission } from '../../src/router/leaf/leaf-types.ts'
import { parseFrames } from './frames.ts'
import { NO_RULES } from './permission-model.ts'
import { Session } from './session.ts'
import { KERNELS, Threads } from './threads.ts'

let planKey = 0

for (const { name, module } of KERNELS) {
  const threads = new Threads({ module, workerCount: 2 })
  const { router } = threads
  const { layout } = router
  const worker = threads.worker(1)
  const settle = () => threads.settle()
  const publisher = new Session(worker, {}, settle)

  function publish(subject: string): void {
    publisher.feed(`PUB ${subject} 1\r\nx\r\n`)
    threads.settle()
  }

  const linkWith = (outgoing: SubjectPermission): number =>
    router.connect({ kind: 'leaf', planKey: ++planKey, rules: { ...NO_RULES, outgoing } })

  const entries = new Map<number, number[]>()
  function want(link: number, subject: string, queue = '', weight = 1): void {
    const known = entries.get(link) ?? []
    entries.set(link, [...known, threads.insertLeaf(link, subject, queue, weight)])
  }
  function forget(link: number): void {
    for (const entry of entries.get(link) ?? []) router.exports.removeEntry(entry)
    entries.delete(link)
  }
  function leave(link: number): void {
    forget(link)
    router.disconnect(link)
  }

  const filteredBy = (link: number): number =>
    Number(router.long(link + layout.CONNECTION_FILTERED))

  describe(`what a leaf link may be sent, ${name} kernel`, () => {
    const CASES: readonly {
      readonly outgoing: SubjectPermission
      readonly sent: readonly string[]
      readonly kept: readonly string[]
    }[] = [
      { outgoing: { allow: ['a.*'] }, sent: ['a.b'], kept: ['a', 'a.b.c', 'b'] },
      { outgoing: { allow: ['a.>'] }, sent: ['a.b', 'a.b.c'], kept: ['a', 'b'] },
      { outgoing: { deny: ['a.*.c'] }, sent: ['a.b', 'a.b.c.d'], kept: ['a.b.c'] },
      { outgoing: { allow: ['>'], deny: ['a'] }, sent: ['b', 'a.b'], kept: ['a'] },
      { outgoing: { allow: [] }, sent: [], kept: ['a', '$MQTT.x', '_R_.x', '$JS.ACK.x'] },
      { outgoing: { allow: ['a'] }, sent: ['a'], kept: ['$MQTT.x'] },
      // Allowing a group opens nothing; three words are no rule.
      { outgoing: { allow: ['a q', 'b'] }, sent: ['b'], kept: ['a'] },
      { outgoing: { deny: ['a b c', ' ', 'd  '] }, sent: ['a', 'b'], kept: ['d'] },
    ]
    for (const { outgoing, sent, kept } of CASES) {
      test(JSON.stringify(outgoing), () => {
        const link = linkWith(outgoing)
        want(link, '>')
        for (const subject of [...kept, ...sent]) publish(subject)
        const subjects = parseFrames(router.take(link)).map(({ words }) => words[0])
        assert.deepEqual(subjects, sent)
        assert.equal(filteredBy(link), kept.length)
        leave(link)
      })
    }

    test('of replies that gateways route is decided by the subject inside', () => {
      const link = linkWith({ allow: ['foo.*'] })
      const source = new Session(router, { kind: 'leaf', planKey: ++planKey }, settle)
      want(link, '>')
      const sent = ['_GR_.abcdef.123456.foo.x', '$GR.abcd.foo.x']
      const kept = ['_GR_.abcdef.123456.bar', '$GR.abcd.bar', '_GR_.foo.x', '_GR_.abcdef.123456.']
      for (const subject of [...kept, ...sent]) source.feed(`LMSG ${subject} 1\r\nx\r\n`)
      const subjects = parseFrames(router.take(link)).map(({ words }) => words[0])
      assert.deepEqual(subjects, sent)
      source.dispose()
      leave(link)
    })

    test('changes with its permissions, also for subjects that were in use', () => {
      const link = linkWith({ deny: ['a'] })
      want(link, 'a')
      publish('a')
      router.setRules(link, { ...NO_RULES, outgoing: { deny: ['b'] } })
      publish('a')
      router.setRules(link, { ...NO_RULES, outgoing: { allow: ['b'] } })
      publish('a')
      assert.equal(parseFrames(router.take(link)).length, 1)
      assert.equal(filteredBy(link), 2)
      leave(link)
    })
  })

  describe(`a deny for a queue group, ${name} kernel`, () => {
    const namesOf = (link: number): string[][] =>
      parseFrames(router.take(link)).map(({ words }) =>
        words.slice(1, -1).filter((word) => word !== '|'),
      )

    test('takes the group out of the line, and no other one', () => {
      const link = linkWith({ allow: ['>'], deny: ['broad.secret workers'] })
      for (const queue of ['workers', 'auditors']) want(link, 'broad.*', queue)
      publish('broad.secret')
      publish('broad.public')
      const [secret, open] = namesOf(link)
      assert.deepEqual([secret, open!.toSorted()], [['auditors'], ['auditors', 'workers']])
      // The message reached the link, but not for every group that wanted it.
      assert.equal(filteredBy(link), 1)
      leave(link)
    })

    test('leaves nothing of a line for that group alone, but plain interest stays', () => {
      const link = linkWith({ deny: ['foo q'] })
      want(link, 'foo', 'q')
      publish('foo')
      assert.equal(router.take(link), '')
      want(link, '*')
      publish('foo')
      assert.equal(router.take(link), 'LMSG foo 1\r\nx\r\n')
      assert.equal(filteredBy(link), 2)
      leave(link)
    })

    test('may have wildcards in both words; names like patterns are covered by wider ones', () => {
      const CASES: readonly (readonly [deny: string, group: string, isDenied: boolean])[] = [
        ['foo.* v1.*', 'v1.a', true],
        ['foo.* v1.*', 'v1.a.b', false],
        ['foo.> >', 'any.thing', true],
        ['foo.bar *', 'one', true],
        ['foo.bar *', 'one.two', false],
        ['foo.bar v1.*', 'v1.*', true],
        ['foo.bar *', '*', true],
        ['foo.bar *', '>', false],
        ['foo.bar v1.>', 'v1.*', true],
        ['foo.bar v1.*', 'v1.>', false],
        ['foo.bar >', '>', true],
        ['bar q', 'q', false],
        ['  foo.bar \t q ', 'q', true],
        ['foo.bar', 'q', true],
      ]
      for (const [deny, group, isDenied] of CASES) {
        const link = linkWith({ deny: [deny] })
        want(link, 'foo.bar', group)
        publish('foo.bar')
        assert.deepEqual(namesOf(link), isDenied ? [] : [[group]], `${deny} for ${group}`)
        leave(link)
      }
    })

    test('sends the group’s message to another link that may have it', () => {
      const [denied, open] = [linkWith({ deny: ['foo q'] }), linkWith({})] as const
      want(denied, 'foo', 'q', 1000)
      want(open, 'foo', 'q', 1)
      for (let i = 0; i < 20; i++) publish('foo')
      assert.equal(namesOf(open).length, 20)
      assert.equal(router.take(denied), '')
      assert.equal(filteredBy(denied), 0, 'nothing was lost')
      for (const link of [denied, open]) leave(link)
    })

    test('is nothing to a member of this server, nor to what the peer sends', () => {
      const rules = { ...NO_RULES, incoming: { deny: ['foo q'] }, outgoing: { deny: ['foo q'] } }
      const options = { kind: 'leaf', planKey: ++planKey, rules } as const
      const link = new Session(router, options, settle)
      const member = worker.connect()
      const slot = worker.subscribe(member, 'foo', 'q')
      want(link.record, 'foo', 'q')
      threads.settle()
      publish('foo')
      link.feed('LMSG foo | q 1\r\nx\r\n')
      threads.settle()
      assert.equal(parseFrames(worker.take(member)).length, 2)
      assert.equal(filteredBy(link.record), 0)
      forget(link.record)
      worker.unsubscribe(slot)
      threads.settle()
      worker.disconnect(member)
      link.dispose()
    })
  })

  describe(`what a peer may send, ${name} kernel`, () => {
    const receiver = worker.connect()
    before(() => {
      worker.subscribe(receiver, '>')
      threads.settle()
    })

    function link(incoming: SubjectPermission, isSpoke: boolean): Session {
      const rules = { outgoing: {}, incoming, isSpoke }
      return new Session(router, { kind: 'leaf', planKey: ++planKey, rules }, settle)
    }

    function subjectsReceived(): (string | undefined)[] {
      threads.settle()
      return parseFrames(worker.take(receiver)).map(({ words }) => words[0])
    }

    test('as a leaf of ours: anything else is reported and reaches nobody', () => {
      for (const line of [
        'LMSG no 1\r\nx\r\n',
        'LMSG no | q 1\r\nx\r\n',
        'LMSG  no 1\r\nx\r\n',
        'HMSG no 12 13\r\nNATS/1.0\r\n\r\nx\r\n',
      ]) {
        const peer = link({ allow: ['ok', 'yes.>'] }, false)
        peer.feed(`LMSG ok 1\r\nx\r\n${line}LMSG yes.x 1\r\nx\r\n`)
        assert.equal(peer.end, 'forbiddenPublish', line)
        assert.equal(peer.operationCount, 1)
        assert.deepEqual(subjectsReceived(), ['ok'])
        assert.equal(router.long(peer.record + layout.CONNECTION_IN_MSGS), 1n)
        peer.dispose()
      }
    })

    test('as a hub of ours: anything else is dropped in silence', () => {
      const peer = link({ allow: ['ok', 'yes.>'], deny: ['yes.no'] }, true)
      const wanted = ['ok', 'no', 'yes.no', 'yes.x', '_GR_.abcdef.123456.no', '$GR.abcd.no']
      for (const subject of wanted) peer.feed(`LMSG ${subject} 1\r\nx\r\n`)
      assert.equal(peer.end, 'open')
      assert.equal(peer.operationCount, 0)
      assert.deepEqual(subjectsReceived(), [
        ...['ok', 'yes.x', '_GR_.abcdef.123456.no', '$GR.abcd.no'],
      ])
      peer.dispose()
    })

    test('always includes replies of services, and JetStream’s subjects like any other', () => {
      for (const isSpoke of [true, false]) {
        const replies = ['_R_.x', '$JS.ACK.x', '_GR_.abcdef.123456._R_.x']
        const peer = link({ allow: ['nothing'] }, isSpoke)
        for (const subject of replies) peer.feed(`LMSG ${subject} 1\r\nx\r\n`)
        assert.equal(peer.end, 'open')
        assert.deepEqual(subjectsReceived(), replies)
        peer.dispose()
        const open = link({}, isSpoke)
        const jetStream = ['$JS.API.x', '$KV.x', '$OBJ.x']
        for (const subject of jetStream) open.feed(`LMSG ${subject} 1\r\nx\r\n`)
        assert.deepEqual(subjectsReceived(), jetStream)
        open.dispose()
      }
    })

    test('is checked by the subject alone, not by who listens', () => {
      const peer = link({ deny: ['foo'] }, false)
      peer.feed('LMSG foo 1\r\nx\r\n')
      assert.equal(peer.end, 'forbiddenPublish')
      peer.dispose()
    })

    test('does not know subjects with empty tokens: no pattern covers them', () => {
      for (const [incoming, end] of [
        [{ allow: ['>'] }, 'forbiddenPublish'],
        [{ deny: ['>'] }, 'open'],
      ] as const) {
        const peer = link(incoming, false)
        peer.feed('LMSG a..b 1\r\nx\r\n')
        assert.equal(peer.end, end)
        peer.dispose()
      }
    })
  })
}
