import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import {
  createPublishPermission,
  createSubscribePermission,
  effectivePermissions,
  withPublishDenied,
} from '../../src/auth/permissions.ts'
import { isLiteralSubject } from '../../src/protocol/subjects.ts'
import {
  isDenied,
  isOverlap,
  literals,
  mayPublish,
  maySubscribe,
  patterns,
  publishPermissions,
  queues,
  rulesOf,
  subscribePermissions,
} from './permission-reference.ts'

type Row = readonly [subject: string, queue: string, verdict: 'allowed' | 'refused']

function checkSubscribe(
  permission: Parameters<typeof createSubscribePermission>[0],
  rows: readonly Row[],
): void {
  const subscribe = createSubscribePermission(permission)
  for (const [subject, queue, verdict] of rows) {
    assert.equal(subscribe.verdict(subject, queue), verdict, `${subject} ${queue}`)
  }
}

describe('subscribing', () => {
  it('is open without lists, and with an empty list of what is allowed', () => {
    for (const permission of [undefined, {}, { allow: [] }, { deny: [] }]) {
      checkSubscribe(permission, [
        ['foo', '', 'allowed'],
        ['>', 'q', 'allowed'],
      ])
      assert.equal(createSubscribePermission(permission).needsFilter('>', 'q'), false)
    }
  })

  it('looks subjects up as if they were literals', () => {
    checkSubscribe({ allow: ['foo.*', 'bar.>', 'one'] }, [
      ['foo.*', '', 'allowed'],
      ['foo.bar', '', 'allowed'],
      ['foo.>', '', 'allowed'],
      ['foo.*', 'q', 'allowed'],
      ['foo', '', 'refused'],
      ['foo.*.*', '', 'refused'],
      ['bar.>', '', 'allowed'],
      ['bar.*', '', 'allowed'],
      ['bar', '', 'refused'],
      ['>', '', 'refused'],
      ['*', '', 'refused'],
      ['one', '', 'allowed'],
      ['foo..bar', '', 'refused'],
      ['foo.', '', 'refused'],
    ])
  })

  it('is denied by what covers the subject, and by what only meets it at delivery', () => {
    const subscribe = createSubscribePermission({ allow: ['foo.*'], deny: ['foo.baz'] })
    assert.equal(subscribe.verdict('foo.baz'), 'refused')
    assert.equal(subscribe.verdict('foo.*'), 'allowed')
    assert.equal(subscribe.needsFilter('foo.*'), true)
    assert.equal(subscribe.needsFilter('foo.bar'), false)
    assert.equal(subscribe.delivers('foo.baz'), false)
    assert.equal(subscribe.delivers('foo.bar'), true)
    assert.deepEqual(subscribe.denied, [{ subject: 'foo.baz', queue: '' }])
  })

  it('in a queue group is decided by entries with a group, if any match', () => {
    checkSubscribe(
      { allow: ['foo', 'foo v1', 'foo v1.>', 'foo *.dev', 'bar q'], deny: ['> *.prod'] },
      [
        ['foo', '', 'allowed'],
        ['foo', 'v1', 'allowed'],
        ['foo', 'v1.beta', 'allowed'],
        ['foo', 'v2.dev', 'allowed'],
        ['foo', 'v1.prod', 'refused'],
        ['foo', 'v2', 'refused'],
        ['foo', 'v2.dev.x', 'refused'],
        ['bar', '', 'refused'],
        ['bar', 'q', 'allowed'],
        ['bar', 'r', 'refused'],
      ],
    )
    const subscribe = createSubscribePermission({ deny: ['foo v1'] })
    assert.equal(subscribe.verdict('foo'), 'allowed')
    assert.equal(subscribe.verdict('foo', 'v1'), 'refused')
    assert.equal(subscribe.needsFilter('*', 'v1'), true)
    assert.equal(subscribe.delivers('foo', 'v1'), false)
    assert.equal(subscribe.delivers('foo', 'v2'), true)
    assert.equal(subscribe.delivers('foo'), true)
  })

  it('takes a token of a queue pattern that begins with an asterisk for any, as nats-server', () => {
    checkSubscribe({ allow: ['foo *x.*'] }, [['foo', 'a.b', 'allowed']])
    checkSubscribe({ allow: ['foo *x'] }, [['foo', 'a', 'refused']])
  })

  it('compares bytes of UTF-8', () => {
    const wire = (text: string) => Buffer.from(text).toString('latin1')
    checkSubscribe({ allow: ['grüße', 'grüße für'] }, [
      [wire('grüße'), '', 'allowed'],
      [wire('grüße'), wire('für'), 'allowed'],
      ['grüße', '', 'refused'],
    ])
  })

  it('names entries that are none and goes on without them', () => {
    const entries = ['foo..bar', 'a b c', '', 'a b..c', 'ok']
    const { faults, verdict } = createSubscribePermission({ allow: entries })
    assert.deepEqual(
      faults,
      ['foo..bar', 'a b c', '', 'a b..c'].map((entry) => `invalid subject-queue "${entry}"`),
    )
    assert.equal(verdict('ok'), 'allowed')
    assert.equal(verdict('a'), 'refused')
  })

  it('is what the plain reference says', () => {
    fc.assert(
      fc.property(
        subscribePermissions,
        patterns,
        fc.option(queues, { nil: '' }),
        literals,
        (permission, subject, queue, literal) => {
          const subscribe = createSubscribePermission(permission)
          const deny = rulesOf(permission.deny ?? [])
          const verdict = maySubscribe(permission, subject, queue) ? 'allowed' : 'refused'
          assert.equal(subscribe.verdict(subject, queue), verdict)
          assert.equal(subscribe.delivers(literal, queue), !isDenied(deny, literal, queue))
          const mayMeet = queue !== '' || !isLiteralSubject(subject)
          const needsFilter = mayMeet && deny.some((rule) => isOverlap(rule.subject, subject))
          assert.equal(subscribe.needsFilter(subject, queue), needsFilter)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('publishing', () => {
  it('is open without a list of what is allowed, and closed with an empty one', () => {
    for (const permission of [undefined, {}, { deny: [] }]) {
      const publish = createPublishPermission(permission)
      assert.equal(publish.isOpen, true)
      assert.equal(publish.isAllowed('foo'), true)
    }
    const closed = createPublishPermission({ allow: [] })
    assert.equal(closed.isOpen, false)
    assert.equal(closed.isAllowed('foo'), false)
  })

  it('keeps what stands before a queue group denied', () => {
    const { isAllowed, faults } = createPublishPermission({
      allow: ['a.>', 'b..c', 'd e'],
      deny: ['a.b q', 'x y z'],
    })
    assert.equal(isAllowed('a.b'), false)
    assert.equal(isAllowed('a.c'), true)
    assert.equal(isAllowed('d'), false)
    assert.deepEqual(faults, [
      'invalid publish subject "b..c"',
      'invalid publish subject "d e"',
      'queue qualifier is not valid for publish deny subject "a.b q"',
      'invalid publish deny subject "x y z"',
    ])
  })

  it('is what the plain reference says', () => {
    fc.assert(
      fc.property(publishPermissions, fc.oneof(literals, patterns), (permission, subject) => {
        const { isAllowed, isOpen } = createPublishPermission(permission)
        assert.equal(isAllowed(subject), mayPublish(permission, subject))
        const hasLists = permission.allow !== undefined || (permission.deny ?? []).length > 0
        assert.equal(isOpen, !hasLists)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('permissions in force', () => {
  const responses = { max: 1, expiresMs: 1000 }
  const own = { publish: { deny: ['x'] }, subscribe: undefined, responses }
  const fallback = { publish: { allow: ['y'] }, subscribe: undefined, responses }

  it('are the own ones, else those of the block or account', () => {
    assert.equal(effectivePermissions(undefined, undefined), undefined)
    assert.equal(effectivePermissions(undefined, fallback), fallback)
    assert.deepEqual(effectivePermissions(own, fallback), {
      ...own,
      publish: { allow: [], deny: ['x'] },
    })
  })

  it('can be narrowed', () => {
    assert.deepEqual(withPublishDenied(undefined, ['a']), {
      publish: { deny: ['a'] },
      subscribe: undefined,
      responses: undefined,
    })
    assert.deepEqual(withPublishDenied(own, ['x', 'a']).publish, { deny: ['x', 'a'] })
  })
})
