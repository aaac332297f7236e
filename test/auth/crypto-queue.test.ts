import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CryptoQueue, networkOf } from '../../src/workers/threads/crypto-queue.ts'

function filled(entries: readonly (readonly [address: string, password: string])[]) {
  const queue = new CryptoQueue()
  const answered: string[] = []
  for (const [index, [address, password]] of entries.entries()) {
    queue.add({
      password,
      hash: '',
      asker: { address, connection: index, deadlineMs: 0 },
      answer: () => answered.push(password),
    })
  }
  const rest = (): string[] => {
    const names: string[] = []
    for (let task = queue.next(0); task !== undefined; task = queue.next(0)) {
      names.push(task.password)
    }
    return names
  }
  return { queue, answered, rest }
}

describe('networks', () => {
  it('are IPv4 addresses, and the first half of IPv6 addresses', () => {
    const same = [
      ['2001:db8::1', '2001:db8::ffff:1:2:3'],
      ['2001:db8::1', '2001:0DB8:0:0:1::'],
      ['fe80::1%eth0', 'fe80::2'],
      ['::1', '::2'],
      ['1:2:3:4:5:6:7:8', '1:2:3:4::'],
    ] as const
    for (const [one, other] of same) assert.equal(networkOf(one), networkOf(other), one)
    assert.notEqual(networkOf('2001:db8::1'), networkOf('2001:db8:0:1::1'))
    assert.equal(networkOf('192.0.2.1'), '192.0.2.1')
    assert.notEqual(networkOf('::ffff:192.0.2.1'), networkOf('::ffff:192.0.2.2'))
    assert.equal(networkOf(''), '')
    assert.equal(networkOf('no address'), 'no address')
  })
})

describe('queue of verifications', () => {
  it('serves its lines in turn', () => {
    const { queue, rest } = filled([
      ['a', 'a1'],
      ['a', 'a2'],
      ['b', 'b1'],
      ['a', 'a3'],
      ['c', 'c1'],
      ['c', 'c2'],
    ])
    assert.equal(queue.size, 6)
    assert.deepEqual(rest(), ['a1', 'b1', 'c1', 'a2', 'c2', 'a3'])
    assert.equal(queue.size, 0)
  })

  it('gives up the last of the longest line', () => {
    const { queue, rest } = filled([
      ['a', 'a1'],
      ['a', 'a2'],
      ['a', 'a3'],
      ['b', 'b1'],
      ['b', 'b2'],
    ])
    assert.equal(queue.giveUp()?.password, 'a3')
    assert.equal(queue.giveUp()?.password, 'b2')
    assert.equal(queue.giveUp()?.password, 'a2')
    assert.equal(queue.size, 2)
    assert.equal(queue.giveUp()?.password, 'b1')
    assert.deepEqual(rest(), ['a1'])
    assert.equal(queue.giveUp(), undefined)
  })

  it('answers who is gone, and everybody at the end', () => {
    const { queue, answered, rest } = filled([
      ['a', 'a1'],
      ['b', 'b1'],
      ['a', 'a2'],
    ])
    queue.forget(1)
    queue.forget(99)
    assert.deepEqual(answered, ['b1'])
    assert.equal(queue.size, 2)
    queue.clear()
    assert.deepEqual(answered, ['b1', 'a1', 'a2'])
    assert.deepEqual(rest(), [])
  })

  it('passes over those whose time has come', () => {
    const queue = new CryptoQueue()
    const answered: boolean[] = []
    const answer = (isRight: boolean) => answered.push(isRight)
    const add = (password: string, deadlineMs: number) =>
      queue.add({ password, hash: '', asker: { address: '', connection: 1, deadlineMs }, answer })
    add('late', 1000)
    add('just', 1001)
    assert.equal(queue.next(1000)?.password, 'just')
    assert.deepEqual(answered, [false])
  })
})
