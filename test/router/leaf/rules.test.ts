import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { subjectMatches } from '../../../src/protocol/subjects.ts'
import {
  LeafPermissions,
  subjectCovers,
  withoutEmptyAllow,
} from '../../../src/router/leaf/leaf-permissions.ts'
import { leafClusterName } from '../../../src/router/leaf/leaf-server-info.ts'
import { isDeniedOnLeaf, isExemptFromPermissions } from '../../../src/router/leaf/leaf-subjects.ts'
import { isVersionAtLeast } from '../../../src/router/leaf/version-order.ts'

test('subjects below the JetStream names are denied, their parents and neighbours are not', () => {
  // As a nats-server hub was seen to announce (or not) subscriptions of its clients.
  const denied = [
    '$JS.API.INFO',
    '$JS.API.>',
    '$JS.API.*.x',
    '$KV.x.>',
    '$KV.*',
    '$KV.>',
    '$OBJ.a.b',
  ]
  const announced = ['>', '*', '$JS.>', '$JS.API', '$JS.*.INFO', '*.API.>', '$KV', '$JS.ACK.>']
  for (const subject of denied) assert.ok(isDeniedOnLeaf(subject), subject)
  for (const subject of announced) assert.ok(!isDeniedOnLeaf(subject), subject)
})

test('link bookkeeping is exempt from permissions', () => {
  const none = new LeafPermissions({ deny: ['>'] }, { deny: ['>'] })
  for (const subject of ['$LDS.abc', '$GR.x.y', '_GR_.x']) {
    assert.ok(isExemptFromPermissions(subject))
    assert.ok(none.mayAnnounce(subject) && none.mayAccept(subject))
  }
  assert.ok(!none.mayAnnounce('foo'))
})

test('a wildcard wider than what is allowed is announced, one beside it is not', () => {
  const permissions = new LeafPermissions({ allow: ['a.b', 'c.>'] })
  for (const subject of ['a.b', 'a.*', '>', 'c.x', 'c.>', 'c.*']) {
    assert.ok(permissions.mayAnnounce(subject), subject)
  }
  for (const subject of ['a.c', 'b.>', 'd']) assert.ok(!permissions.mayAnnounce(subject), subject)
})

test('a deny stops what it covers, not what only overlaps, and not for one group of many', () => {
  const permissions = new LeafPermissions({ deny: ['a.*', 'jobs q'] })
  for (const subject of ['a.b', 'a.*']) assert.ok(!permissions.mayAnnounce(subject), subject)
  for (const subject of ['a.>', '>', 'jobs']) assert.ok(permissions.mayAnnounce(subject), subject)
})

test('interest of the peer is checked if literal; an empty list allows nothing', () => {
  const permissions = new LeafPermissions(undefined, { allow: [] }, [], ['x'])
  assert.ok(!permissions.mayAccept('a'))
  assert.ok(permissions.mayAccept('*'))
  assert.ok(new LeafPermissions().mayAccept('a'))
  assert.ok(!new LeafPermissions(undefined, undefined, [], ['x']).mayAccept('x'))
})

test('entries are text, subjects are bytes', () => {
  const bytes = (text: string) => Buffer.from(text).toString('latin1')
  const permissions = new LeafPermissions({ allow: ['ü.*'], deny: ['ü.ö'] }, {}, [], ['€'])
  assert.ok(permissions.mayAnnounce(bytes('ü.x')))
  assert.ok(!permissions.mayAnnounce(bytes('ü.ö')))
  assert.ok(!permissions.mayAnnounce(bytes('ö.x')))
  assert.ok(!permissions.mayAccept(bytes('€')))
  assert.deepEqual(permissions.outgoing.deny, [bytes('€')])
})

test('of what may be subscribed to, a list of nothing is no list', () => {
  assert.deepEqual(withoutEmptyAllow({ allow: [], deny: ['a'] }), { deny: ['a'] })
  assert.deepEqual(withoutEmptyAllow({ allow: ['b'] }), { allow: ['b'] })
  assert.equal(withoutEmptyAllow(undefined), undefined)
})

test('a pattern that covers another matches whatever the other matches', () => {
  const token = fc.constantFrom('a', 'b', '*')
  const pattern = fc
    .tuple(fc.array(token, { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([tokens, open]) => [...tokens, ...(open ? ['>'] : [])].join('.'))
  const literals = [
    'a',
    'b',
    'a.a',
    'a.b',
    'b.a',
    'b.b',
    'a.a.a',
    'a.b.a',
    'b.a.b',
    'a.a.a.a',
    'b.b.b.b.b',
  ]
  fc.assert(
    fc.property(pattern, pattern, (outer, inner) => {
      if (!subjectCovers(outer, inner)) return
      for (const literal of literals) {
        if (subjectMatches(inner, literal)) assert.ok(subjectMatches(outer, literal), literal)
      }
    }),
  )
  assert.ok(subjectCovers('a.>', 'a.*.b'))
  assert.ok(!subjectCovers('a.*', 'a.>'))
  assert.ok(!subjectCovers('a.b', 'a.*'))
})

test('the cluster name is the configured one, else a made-up one, else the server name of a server with remotes', () => {
  const facts = {
    configuredCluster: 'c',
    generatedCluster: 'g',
    configuredServerName: 's',
    hasRemotes: true,
  }
  assert.equal(leafClusterName(facts), 'c')
  assert.equal(leafClusterName({ ...facts, configuredCluster: '' }), 'g')
  const single = { ...facts, configuredCluster: '', generatedCluster: '' }
  assert.equal(leafClusterName(single), 's')
  assert.equal(leafClusterName({ ...single, hasRemotes: false }), '')
  assert.equal(leafClusterName({ ...single, configuredServerName: '' }), '')
})

test('versions are compared number by number', () => {
  assert.ok(isVersionAtLeast('2.10.0', '2.9.9'))
  assert.ok(isVersionAtLeast('2.8.0', '2.8.0'))
  assert.ok(isVersionAtLeast('v2.8.1-RC.1', '2.8.1'))
  assert.ok(!isVersionAtLeast('2.8.0', '2.8.1'))
  assert.ok(!isVersionAtLeast('1.99.99', '2.0.0'))
  for (const text of ['', '2', 'new', '2.x.1']) assert.ok(!isVersionAtLeast(text, '2.8.0'))
})
