import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SublistAccess } from './sublist-access.ts'
import { Threads } from './threads.ts'

const TOKEN_COUNT_MAX = 2048

function freshSublist(sublistBytes?: number): { threads: Threads; sublist: SublistAccess } {
  const threads = new Threads({ workerCount: 1, ...(sublistBytes && { sublistBytes }) })
  return { threads, sublist: new SublistAccess(threads.router) }
}

const { threads, sublist } = freshSublist()

/** Runs with some entries, targets 1, 2, … in their order, and removes them again. */
function withEntries(
  entries: readonly (readonly [subject: string, queue?: string, weight?: number])[],
  run: (addresses: readonly number[]) => void,
): void {
  const addresses = entries.map(([subject, queue, weight], i) =>
    sublist.insert({ subject, target: i + 1, ...(queue && { queue }), ...(weight && { weight }) }),
  )
  assert.ok(!addresses.includes(0), 'an entry was refused')
  try {
    run(addresses)
  } finally {
    for (const address of addresses) threads.router.exports.removeEntry(address)
    threads.router.exports.reclaim()
  }
}

/** Targets of the plain entries that a subject reaches. */
function plain(subject: string): number[] {
  return sublist
    .match(subject)!
    .plain.map((text) => Number.parseInt(text, 10))
    .toSorted()
}

function groups(subject: string): Record<string, string[]> {
  const { queues } = sublist.match(subject)!
  return Object.fromEntries([...queues].map(([name, members]) => [name, members.toSorted()]))
}

describe('matching', () => {
  test('a literal reaches exactly its own subject', () => {
    withEntries([['foo'], ['foo.bar'], ['foo.bar.baz'], ['fo'], ['fooo']], () => {
      assert.deepEqual(plain('foo'), [1])
      assert.deepEqual(plain('foo.bar'), [2])
      assert.deepEqual(plain('foo.bar.baz'), [3])
      assert.deepEqual(plain('foo.baz'), [])
      assert.deepEqual(plain('Foo'), [])
    })
  })

  test('* is any one token, first, in the middle and last', () => {
    withEntries([['*'], ['*.bar'], ['foo.*.baz'], ['foo.*'], ['*.*.*']], () => {
      assert.deepEqual(plain('foo'), [1])
      assert.deepEqual(plain('foo.bar'), [2, 4])
      assert.deepEqual(plain('foo.x.baz'), [3, 5])
      assert.deepEqual(plain('foo.x.y.baz'), [])
    })
  })

  test('> is one or more tokens at the end', () => {
    withEntries([['>'], ['foo.>'], ['foo.bar.>']], () => {
      assert.deepEqual(plain('foo'), [1])
      assert.deepEqual(plain('foo.bar'), [1, 2])
      assert.deepEqual(plain('foo.bar.baz'), [1, 2, 3])
      assert.deepEqual(plain('bar'), [1])
    })
  })

  test('* and > inside a longer token are ordinary characters', () => {
    withEntries([['foo.b*'], ['foo.>>'], ['**'], ['f>.x']], () => {
      assert.deepEqual(plain('foo.b*'), [1])
      assert.deepEqual(plain('foo.bar'), [])
      assert.deepEqual(plain('foo.>>'), [2])
      assert.deepEqual(plain('foo.>>.x'), [])
      assert.deepEqual(plain('**'), [3])
      assert.deepEqual(plain('f>.x'), [4])
    })
  })

  test('wildcards in the published subject are ordinary tokens', () => {
    withEntries([['foo.*'], ['foo.>'], ['foo.bar'], ['*'], ['>']], () => {
      assert.deepEqual(plain('foo.*'), [1, 2, 5])
      assert.deepEqual(plain('foo.>'), [1, 2, 5])
      assert.deepEqual(plain('*'), [4, 5])
      assert.deepEqual(plain('>'), [4, 5])
    })
  })

  test('a subject with an empty token reaches nobody', () => {
    withEntries([['>'], ['*'], ['foo.*'], ['foo.*.bar'], ['*.*'], ['foo.>']], () => {
      for (const subject of ['', '.', 'foo.', '.foo', 'foo..bar', 'foo.bar.', '..']) {
        assert.deepEqual(plain(subject), [], JSON.stringify(subject))
      }
    })
  })

  test('one subject subscribed to twice is reached twice', () => {
    withEntries([['foo'], ['foo'], ['foo.*'], ['foo.*']], ([, second]) => {
      assert.deepEqual(plain('foo'), [1, 2])
      assert.deepEqual(plain('foo.x'), [3, 4])
      assert.notEqual(second, 0)
    })
  })

  test('every byte but the dot is part of a token', () => {
    const odd = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i)).replace('.', '')
    withEntries([[odd], [`${odd}.\xff`], ['\xe9']], () => {
      assert.deepEqual(plain(odd), [1])
      assert.deepEqual(plain(`${odd}.\xff`), [2])
      assert.deepEqual(plain('\xe9'), [3])
      assert.deepEqual(plain('\xc3\xa9'), [])
    })
  })

  test('tokens of any length are told apart, also when only their ends differ', () => {
    const lengths = [1, 7, 8, 9, 15, 16, 17, 63, 64, 65, 4000]
    const tokens = lengths.flatMap((length) => ['a', 'b'].map((end) => 'x'.repeat(length) + end))
    withEntries(
      tokens.map((token) => [`t.${token}`] as const),
      () =>
        assert.deepEqual(
          tokens.map((token) => plain(`t.${token}`)),
          tokens.map((_, i) => [i + 1]),
        ),
    )
  })

  test('says how many nodes match when the scratch is too small for them', () => {
    withEntries([['>'], ['a.>'], ['a.*'], ['*.b'], ['a.b']], () => {
      assert.throws(() => sublist.match('a.b', 2), /5 nodes match/)
    })
  })
})

describe('queue groups', () => {
  test('of one name are one group, whatever patterns their members gave', () => {
    withEntries(
      [['foo.*', 'q'], ['foo.>', 'q'], ['foo.bar', 'q'], ['foo.bar', 'r'], ['foo.bar']],
      () => {
        assert.deepEqual(groups('foo.bar'), { q: ['1:0', '2:0', '3:0'], r: ['4:0'] })
        assert.deepEqual(groups('foo.x'), { q: ['1:0', '2:0'] })
        assert.deepEqual(plain('foo.bar'), [5])
      },
    )
  })

  test('are told apart by every byte of their names', () => {
    const names = ['q', 'Q', 'q ', 'qq', `${'q'.repeat(64)}a`, `${'q'.repeat(64)}b`, '\xff']
    withEntries(
      names.map((name) => ['foo', name] as const),
      () => {
        const expected = names.map((name, i) => [name, [`${i + 1}:0`]])
        assert.deepEqual(groups('foo'), Object.fromEntries(expected))
      },
    )
  })

  test('end with their last member', () => {
    const first = sublist.insert({ subject: 'foo', queue: 'q', target: 1 })
    const second = sublist.insert({ subject: 'foo', queue: 'q', target: 2 })
    threads.router.exports.removeEntry(first)
    assert.deepEqual(groups('foo'), { q: ['2:0'] })
    threads.router.exports.removeEntry(second)
    assert.deepEqual(groups('foo'), {})
  })

  test('have leaf links for members, by weight', () => {
    withEntries(
      [
        ['foo', 'q'],
        ['foo', 'q', 3],
        ['foo', '', 1],
      ],
      ([, link]) => {
        assert.deepEqual(groups('foo'), { q: ['1:0', '2:3'] })
        assert.deepEqual(sublist.match('foo')!.plain, ['3:1'])
        threads.router.exports.setWeight(link!, 7)
        assert.deepEqual(groups('foo'), { q: ['1:0', '2:7'] })
      },
    )
  })
})

describe('removal', () => {
  test('of the first, a middle or the last entry of a subject leaves the others', () => {
    for (const victim of [0, 1, 2]) {
      const entries = [1, 2, 3].map((target) => sublist.insert({ subject: 'a.b', target }))
      threads.router.exports.removeEntry(entries[victim]!)
      assert.deepEqual(
        plain('a.b'),
        [1, 2, 3].filter((target) => target !== victim + 1),
      )
      entries.splice(victim, 1)
      for (const entry of entries) threads.router.exports.removeEntry(entry)
      assert.deepEqual(plain('a.b'), [])
    }
  })

  test('of a subject leaves those above and below it', () => {
    const subjects = ['a', 'a.b', 'a.b.c', 'a.*', 'a.*.c', 'a.>', 'a.b.>']
    for (const [victim] of subjects.entries()) {
      const entries = subjects.map((subject, i) => sublist.insert({ subject, target: i + 1 }))
      threads.router.exports.removeEntry(entries[victim]!)
      const left = (targets: number[]) => targets.filter((target) => target !== victim + 1)
      assert.deepEqual(plain('a'), left([1]))
      assert.deepEqual(plain('a.b'), left([2, 4, 6]))
      assert.deepEqual(plain('a.b.c'), left([3, 5, 6, 7]))
      entries.splice(victim, 1)
      for (const entry of entries) threads.router.exports.removeEntry(entry)
      threads.router.exports.reclaim()
    }
    assert.equal(sublist.count, 0)
  })
})

describe('depth', () => {
  const deep = (tokens: number, token = 'd') => Array(tokens).fill(token).join('.')

  test(`a subject of ${TOKEN_COUNT_MAX} tokens is taken, also as the very first one`, () => {
    const { threads: own, sublist: fresh } = freshSublist()
    const subject = deep(TOKEN_COUNT_MAX)
    const entry = fresh.insert({ subject, target: 1 })
    assert.notEqual(entry, 0)
    assert.deepEqual(fresh.match(subject)!.plain, ['1:0'])
    assert.deepEqual(fresh.match(deep(TOKEN_COUNT_MAX - 1))!.plain, [])
    assert.deepEqual(fresh.match(deep(TOKEN_COUNT_MAX + 1))!.plain, [])
    own.router.exports.removeEntry(entry)
    assert.equal(fresh.count, 0)
  })

  test('one token more is refused, and leaves nothing behind', () => {
    const { threads: own, sublist: fresh } = freshSublist()
    const insert = () => fresh.insert({ subject: deep(TOKEN_COUNT_MAX + 1), target: 1 })
    assert.equal(insert(), 0)
    own.router.exports.reclaim()
    const { breakAddress } = fresh
    for (let i = 0; i < 3; i++) {
      assert.equal(insert(), 0)
      own.router.exports.reclaim()
    }
    assert.equal(fresh.breakAddress, breakAddress)
    assert.equal(fresh.count, 0)
    assert.deepEqual(fresh.match(deep(TOKEN_COUNT_MAX))!.plain, [])
  })

  test('wildcards at every level do not hinder', () => {
    const subjects = [deep(TOKEN_COUNT_MAX, '*'), `${deep(TOKEN_COUNT_MAX - 1, '*')}.>`]
    const entries = subjects.map((subject, i) => sublist.insert({ subject, target: i + 1 }))
    assert.deepEqual(plain(deep(TOKEN_COUNT_MAX)), [1, 2])
    assert.deepEqual(plain(deep(2 * TOKEN_COUNT_MAX)), [2])
    for (const entry of entries) threads.router.exports.removeEntry(entry)
  })
})

describe('memory', () => {
  /** Inserts entries, not a multiple of 7, removes them in another order, and frees what can be. */
  function churn(own: Threads, list: SublistAccess, subjects: readonly string[]): void {
    const entries = subjects.map((subject, i) =>
      list.insert({ subject, target: i + 1, ...(i % 3 === 0 && { queue: `q${i % 5}` }) }),
    )
    assert.ok(!entries.includes(0))
    for (let i = 0; i < entries.length; i++) {
      own.router.exports.removeEntry(entries[(i * 7) % entries.length]!)
      if (i % 11 === 0) own.router.exports.reclaim()
    }
    own.router.exports.reclaim()
    assert.equal(list.count, 0)
  }

  test('is given back: the same churn again needs no more', () => {
    const { threads: own, sublist: fresh } = freshSublist()
    const subjects = Array.from({ length: 101 }, (_, i) => `a.${i % 13}.${'t'.repeat(i)}.*`)
    churn(own, fresh, subjects)
    const { breakAddress } = fresh
    churn(own, fresh, subjects)
    assert.equal(fresh.breakAddress, breakAddress)
  })

  test('of many churns with new subjects each time stays bounded, tombstones included', () => {
    const { threads: own, sublist: fresh } = freshSublist()
    const round = (n: number) => Array.from({ length: 300 }, (_, i) => `r${n % 100}.s${i}.${n}`)
    for (let n = 0; n < 20; n++) churn(own, fresh, round(n))
    const { breakAddress, tableSlots } = fresh
    for (let n = 20; n < 120; n++) churn(own, fresh, round(n))
    assert.equal(fresh.breakAddress, breakAddress)
    assert.equal(fresh.tableSlots, tableSlots)
  })

  test('a growing table loses no subject', () => {
    const { threads: own, sublist: fresh } = freshSublist()
    const slots = fresh.tableSlots
    const entries = Array.from({ length: 10_000 }, (_, i) =>
      fresh.insert({ subject: `t.${i}`, target: i }),
    )
    assert.ok(fresh.tableSlots > slots * 8)
    for (const [i] of entries.entries()) {
      assert.deepEqual(fresh.match(`t.${i}`)!.plain, [`${i}:0`])
    }
    for (let i = 0; i < entries.length; i += 2) own.router.exports.removeEntry(entries[i]!)
    own.router.exports.reclaim()
    for (const [i] of entries.entries()) {
      assert.deepEqual(fresh.match(`t.${i}`)!.plain, i % 2 === 0 ? [] : [`${i}:0`])
    }
  })

  test('that is exhausted refuses what is new and keeps what there is', () => {
    const { threads: own, sublist: small } = freshSublist(96 * 1024)
    const subject = (i: number) => `level.${i % 40}.${i}`
    const fill = () => {
      const entries: number[] = []
      for (;;) {
        const entry = small.insert({ subject: subject(entries.length), target: entries.length })
        if (entry === 0) return entries
        entries.push(entry)
      }
    }
    const entries = fill()
    assert.ok(entries.length > 300, `${entries.length} entries fit`)
    for (const [i] of entries.entries()) {
      assert.deepEqual(small.match(subject(i))!.plain, [`${i}:0`])
    }
    assert.deepEqual(small.match(subject(entries.length))!.plain, [])
    assert.equal(small.count, entries.length)
    // What is removed makes room for as much again, or nearly: some of it describes free blocks.
    const removed = entries.splice(0, 200)
    for (const entry of removed) own.router.exports.removeEntry(entry)
    own.router.exports.reclaim()
    const again = removed.filter((_, i) => small.insert({ subject: subject(i), target: i }) !== 0)
    assert.ok(again.length > removed.length * 0.9, `${again.length} entries fit again`)
  })

  test('that was full is whole again when everything is gone, over and over', () => {
    const { threads: own, sublist: small } = freshSublist(96 * 1024)
    const counts = Array.from({ length: 5 }, () => {
      const entries: number[] = []
      for (let entry = -1; entry !== 0; ) {
        entry = small.insert({ subject: `a.b${entries.length}`, target: entries.length })
        if (entry !== 0) entries.push(entry)
      }
      for (const entry of entries) own.router.exports.removeEntry(entry)
      own.router.exports.reclaim()
      return entries.length
    })
    // Blocks keep the size they were first made for, so the first filling may do a little better.
    const least = Math.min(...counts)
    assert.ok(least > counts[0]! * 0.9, `entries that fit, time after time: ${counts}`)
  })

  test('that is refused in the middle of a long subject gives back its beginning', () => {
    const { threads: own, sublist: small } = freshSublist(96 * 1024)
    const long = Array.from({ length: 1500 }, (_, i) => `t${i}`).join('.')
    const isRefused = () => small.insert({ subject: long, target: 1 }) === 0
    for (let i = 0; i < 50; i++) {
      assert.ok(isRefused())
      own.router.exports.reclaim()
    }
    assert.notEqual(small.insert({ subject: long.slice(0, 1000), target: 2 }), 0)
  })
})

describe('without an open sublist', () => {
  test('nothing is matched and nothing concluded', () => {
    const { threads: own, sublist: fresh } = freshSublist()
    fresh.insert({ subject: 'foo', target: 1 })
    own.router.exports.formatSublist()
    assert.equal(fresh.match('foo'), null)
    own.router.exports.openSublist()
    assert.deepEqual(fresh.match('foo')!.plain, [])
  })
})
