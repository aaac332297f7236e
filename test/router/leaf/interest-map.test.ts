import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { InterestMap, interestKey } from '../../../src/router/leaf/interest-map.ts'
import { StrictPeer } from './strict-peer.ts'

test('plain interest is announced when it begins and taken back when it ends', () => {
  const map = new InterestMap()
  assert.equal(map.update('foo', 1), 'LS+ foo\r\n')
  assert.equal(map.update('foo', 1), '')
  assert.equal(map.update('foo', -1), '')
  assert.equal(map.update('foo', -1), 'LS- foo\r\n')
  assert.equal(map.size, 0)
})

test('a queue group is told at each change with its new total', () => {
  const map = new InterestMap()
  const key = interestKey('foo', 'q')
  assert.equal(map.update(key, 1), 'LS+ foo q 1\r\n')
  assert.equal(map.update(key, 4), 'LS+ foo q 5\r\n')
  assert.equal(map.update(key, -2), 'LS+ foo q 3\r\n')
  assert.equal(map.update(key, -3), 'LS- foo q\r\n')
  assert.equal(map.count(key), 0)
})

test('what was never announced cannot be taken back', () => {
  const map = new InterestMap()
  assert.equal(map.update('foo', -1), '')
  assert.equal(map.update(interestKey('foo', 'q'), -3), '')
  assert.equal(map.update('foo', 0), '')
  assert.equal(map.size, 0)
})

test('a subject and a group on it are different interest', () => {
  const map = new InterestMap()
  map.update('foo', 1)
  assert.equal(map.update(interestKey('foo', 'q'), 1), 'LS+ foo q 1\r\n')
  assert.equal(map.update('foo', -1), 'LS- foo\r\n')
  assert.equal(map.count('foo q'), 1)
})

test('the burst names each subject once and each group with its total, in bounded pieces', () => {
  const map = new InterestMap()
  map.load('foo', 1)
  map.load('foo', 2)
  map.load('foo q', 3)
  map.load('none', 0)
  assert.deepEqual([...map.lines()], ['LS+ foo\r\nLS+ foo q 3\r\n'])
  const many = new InterestMap()
  for (let i = 0; i < 20_000; i++) many.load(`some.subject.${i}`, 1)
  const chunks = [...many.lines()]
  assert.ok(chunks.length > 1)
  assert.ok(chunks.every((chunk) => chunk.length < 70_000 && chunk.endsWith('\r\n')))
  assert.equal(chunks.join('').split('\r\n').length, 20_001)
})

test('a peer that applies the lines knows exactly what is wanted', () => {
  const keys = ['a', 'b', 'a q', 'b q', 'a r']
  const change = fc.tuple(fc.constantFrom(...keys), fc.integer({ min: -3, max: 3 }))
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const map = new InterestMap()
      const peer = new Map<string, number>()
      const counts = new Map<string, number>()
      for (const [key, delta] of changes) {
        counts.set(key, Math.max(0, (counts.get(key) ?? 0) + delta))
        const [verb, subject, queue, weight] = map.update(key, delta).trim().split(' ')
        if (verb === 'LS+') peer.set(interestKey(subject!, queue), Number(weight ?? 1))
        if (verb === 'LS-') assert.ok(peer.delete(interestKey(subject!, queue)))
      }
      for (const key of keys) {
        const count = counts.get(key) ?? 0
        assert.equal(peer.get(key) ?? 0, key.includes(' ') ? count : Math.min(1, count), key)
      }
    }),
  )
})

test('the lines from one table to another are the differences, and never anything else', () => {
  const keys = ['a', 'b', 'c', 'a q', 'b q', 'c r']
  const table = fc.dictionary(fc.constantFrom(...keys), fc.integer({ min: 1, max: 3 }))
  fc.assert(
    fc.property(table, table, (before, after) => {
      const maps = [before, after].map((counts) => {
        const map = new InterestMap()
        for (const [key, count] of Object.entries(counts)) map.load(key, count)
        return map
      }) as [InterestMap, InterestMap]
      const peer = new StrictPeer()
      for (const lines of maps[0].lines()) peer.apply(lines)
      assert.deepEqual(peer.table, new Map(known(before)))
      for (const lines of maps[1].linesSince(maps[0])) peer.apply(lines)
      assert.deepEqual(new Map([...peer.table].sort()), new Map(known(after)))
      assert.deepEqual([...maps[1].linesSince(maps[1])], [])
    }),
  )
})

/** What a peer knows of a table: of plain subjects not how often they are wanted. */
function known(counts: Record<string, number>): [string, number][] {
  return Object.entries(counts)
    .map(([key, count]): [string, number] => [key, key.includes(' ') ? count : 1])
    .sort()
}

test('what goes is taken back before what is new is told, in bounded pieces', () => {
  const before = new InterestMap()
  const after = new InterestMap()
  for (let i = 0; i < 10_000; i++) {
    before.load(`going.${i}`, 1)
    after.load(`coming.${i}`, 1)
  }
  const chunks = [...after.linesSince(before)]
  assert.ok(chunks.length > 1 && chunks.every((chunk) => chunk.length < 70_000))
  const text = chunks.join('')
  assert.equal(text.split('\r\n').length, 20_001)
  assert.ok(text.lastIndexOf('LS- ') < text.indexOf('LS+ '))
})
