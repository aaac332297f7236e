import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PermissionClaims, PermissionList } from '../../../src/auth/jwt/claims.ts'
import { expandPermissions } from '../../../src/auth/jwt/permission-template.ts'

const SOURCE = {
  user: {
    name: 'bob',
    subject: 'UBOB',
    issuerAccount: 'AACC',
    tags: ['dept:a', 'dept:b', 'size:1', 'size:2', 'bad: x'],
  },
  account: { name: 'ACME', tags: ['region:eu', 'region:us'] },
}

function expand(permissions: Partial<PermissionClaims>, source = SOURCE) {
  const none = { allow: undefined, deny: undefined }
  return expandPermissions(
    { publish: none, subscribe: none, responses: undefined, ...permissions },
    source,
  )
}

/** What becomes of a list of what may be published. */
function allowed(...allow: string[]): PermissionList {
  const expanded = expand({ publish: { allow, deny: undefined } })
  assert.ok(expanded.ok)
  return expanded.permissions.publish
}

/** What becomes of a list of what may not be subscribed to. */
function denied(...deny: string[]): PermissionList {
  const expanded = expand({ subscribe: { allow: undefined, deny } })
  assert.ok(expanded.ok)
  return expanded.permissions.subscribe
}

function whyNot(permissions: Partial<PermissionClaims>): string {
  const expanded = expand(permissions)
  return expanded.ok ? 'it was taken' : expanded.why
}

const whyNotAllowed = (...allow: string[]) => whyNot({ publish: { allow, deny: undefined } })
const whyNotDenied = (...deny: string[]) => whyNot({ subscribe: { allow: undefined, deny } })

describe('a template', () => {
  it('is filled in with names and keys, in any case and with blanks', () => {
    assert.deepEqual(allowed('{{name()}}.{{subject()}}', '{{ Account-Name() }}', 'x').allow, [
      'bob.UBOB',
      'ACME',
      'x',
    ])
    assert.deepEqual(denied('_.{{account-subject()}}.>').deny, ['_.AACC.>'])
  })

  it('becomes a subject for each value of a tag, and each combination of several', () => {
    assert.deepEqual(allowed('{{tag(dept)}}.>').allow, ['a.>', 'b.>'])
    assert.deepEqual(allowed('{{tag(DEPT)}}.{{account-tag(region)}}').allow, [
      ...['a.eu', 'a.us', 'b.eu', 'b.us'],
    ])
    assert.deepEqual(denied('{{tag(dept)}}.{{name()}}.{{tag(size)}}').deny, [
      ...['a.bob.1', 'a.bob.2', 'b.bob.1', 'b.bob.2'],
    ])
    assert.deepEqual(allowed('{{tag(dept)}}.{{tag(dept)}}').allow, ['a.a', 'a.a', 'b.b', 'b.b'])
  })

  it('that comes to no subject is left out of what is allowed', () => {
    assert.deepEqual(allowed('{{tag(none)}}.x', 'y').allow, ['y'])
    assert.deepEqual(allowed('{{tag(bad)}}', 'y').allow, ['y'])
    assert.deepEqual(allowed('{{TAG(dept)}}', 'y').allow, ['y'], 'so it is in nats-server')
  })

  it('that leaves nothing that is allowed denies everything', () => {
    assert.deepEqual(allowed('{{tag(none)}}'), { allow: [], deny: ['>'] })
    const both = expand({ subscribe: { allow: ['{{tag(none)}}'], deny: ['a', '>'] } })
    assert.ok(both.ok)
    assert.deepEqual(both.permissions.subscribe.deny, ['a', '>'])
  })

  it('that comes to no subject is an error in what is denied', () => {
    const missing = 'generated invalid subject "{{tag(none)}}.x": "none" is not defined'
    assert.equal(whyNotDenied('{{tag(none)}}.x'), missing)
    assert.equal(whyNotDenied('{{tag(bad)}}'), 'generated invalid subject')
    const unnamed = { ...SOURCE, user: { ...SOURCE.user, name: '' } }
    const expanded = expand({ publish: { allow: undefined, deny: ['a.{{name()}}'] } }, unnamed)
    assert.deepEqual(expanded, { ok: false, why: 'generated invalid subject' })
  })

  it('of an operation that is not known is an error everywhere', () => {
    const why = 'template operation in "{{x()}}": "x()" is not defined'
    assert.equal(whyNotAllowed('{{x()}}'), why)
    assert.equal(whyNotDenied('{{x()}}'), why)
  })

  it('and nothing else is touched: lists without one stay as they are', () => {
    assert.deepEqual(allowed('not a subject', 'a queue'), {
      allow: ['not a subject', 'a queue'],
      deny: undefined,
    })
    assert.deepEqual(allowed('{{name}', '{name()}}').allow, ['{{name}', '{name()}}'])
  })

  it('takes what a name says for text, not for a pattern', () => {
    const source = { ...SOURCE, user: { ...SOURCE.user, name: '$&$1' } }
    const expanded = expand({ publish: { allow: ['{{name()}}.x'], deny: undefined } }, source)
    assert.ok(expanded.ok)
    assert.deepEqual(expanded.permissions.publish.allow, ['$&$1.x'])
  })
})

describe('the limit of expansions', () => {
  const source = (count: number) => ({
    ...SOURCE,
    user: { ...SOURCE.user, tags: Array.from({ length: count }, (_, at) => `n:${at}`) },
  })
  const two = { publish: { allow: ['{{tag(n)}}.{{tag(n)}}x'.replace('x', '')], deny: undefined } }

  it('is 4096 subjects for one list', () => {
    const most = expand(two, source(64))
    assert.equal(most.ok && most.permissions.publish.allow?.length, 4096)
    const why = 'template expansion exceeds limit: 4096'
    assert.deepEqual(expand(two, source(65)), { ok: false, why })
    const together = { publish: { allow: ['{{tag(n)}}', ...two.publish.allow], deny: undefined } }
    assert.deepEqual(expand(together, source(64)), { ok: false, why })
  })

  it('holds for any number of templates and any length', () => {
    const many = { publish: { allow: ['{{tag(n)}}'.repeat(1000)], deny: undefined } }
    assert.equal(expand(many, source(2)).ok, false)
    const long = { ...SOURCE, user: { ...SOURCE.user, name: 'x'.repeat(100_000) } }
    const repeated = { publish: { allow: ['{{name()}}.'.repeat(10_000)], deny: undefined } }
    assert.equal(expand(repeated, long).ok, false)
  })
})
