import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pacer } from '../../src/workers/accounts/pacer.ts'
import { VerifiedPasswords } from '../../src/workers/accounts/verified-passwords.ts'
import { inSlicesOf } from '../../src/workers/io-thread/slices.ts'

function asker(connection: number) {
  return { address: '127.0.0.1', connection, deadlineMs: 0 }
}

/** Counts what is computed; a password fits the hash that has its name. */
function counted(): { passwords: VerifiedPasswords; asked: string[] } {
  const asked: string[] = []
  const passwords = new VerifiedPasswords(async (password, hash, by) => {
    asked.push(`${by?.connection} ${password} ${hash}`)
    return hash === `hash of ${password}`
  })
  return { passwords, asked }
}

test('what a connection was let in with is not computed again', async () => {
  const { passwords, asked } = counted()
  assert.equal(await passwords.verify('a', 'hash of a', asker(1)), true)
  assert.equal(await passwords.verify('a', 'hash of a', asker(1)), true)
  assert.equal(asked.length, 1)
  assert.deepEqual(passwords.of(1), { password: 'a', hash: 'hash of a' })

  // Anything else is: another connection, password, or hash.
  assert.equal(await passwords.verify('a', 'hash of a', asker(2)), true)
  assert.equal(await passwords.verify('b', 'hash of a', asker(1)), false)
  assert.equal(await passwords.verify('a', 'hash of b', asker(1)), false)
  assert.equal(asked.length, 4)
  assert.equal(await passwords.verify('b', 'hash of a', asker(1)), false)
  assert.equal(asked.length, 5, 'what was found wrong is not remembered')

  passwords.forget(1)
  assert.equal(await passwords.verify('a', 'hash of a', asker(1)), true)
  assert.equal(asked.length, 6)
  passwords.restore(3, passwords.of(1))
  passwords.restore(4, undefined)
  assert.equal(await passwords.verify('a', 'hash of a', asker(3)), true)
  assert.equal(asked.length, 6)
})

test('while many are judged, equal questions have one answer', async () => {
  const { passwords, asked } = counted()
  passwords.share()
  const answers = [1, 2, 3].map((cid) => passwords.verify('a', 'hash of a', asker(cid)))
  const wrong = passwords.verify('b', 'hash of a', asker(4))
  assert.deepEqual(await Promise.all([...answers, wrong]), [true, true, true, false])
  // Nobody's end takes the question away from the others.
  assert.deepEqual(asked, ['0 a hash of a', '0 b hash of a'])
  passwords.shareNoMore()
  await passwords.verify('a', 'hash of a', asker(5))
  assert.equal(asked.length, 3)
  assert.deepEqual(passwords.of(2), { password: 'a', hash: 'hash of a' })
})

test('slices let others have their turn, and wait for what is unfinished', async () => {
  const items = Array.from({ length: 500 }, (_, index) => index)
  const done: number[] = []
  let open = 0
  let openMax = 0
  let turns = 0
  const count = setImmediate(function again() {
    turns++
    if (done.length < items.length) setImmediate(again)
  })
  let pauses = 0
  const pause = async () => {
    pauses++
    assert.equal(open, 0, 'nothing is unfinished in a pause')
  }
  const isWhole = await inSlicesOf(
    items,
    async (item) => {
      openMax = Math.max(openMax, ++open)
      await undefined
      open--
      done.push(item)
    },
    pause,
  )
  clearImmediate(count)
  assert.equal(isWhole, true)
  assert.deepEqual(done, items)
  assert.ok(openMax <= 32, `${openMax} at a time`)
  assert.ok(pauses >= 8 && turns >= 7, `${pauses} pauses, ${turns} turns`)

  let seen = 0
  const isStale = () => seen >= 64
  assert.equal(await inSlicesOf(items, () => void seen++, pause, isStale), false)
  assert.ok(seen < 128, `${seen} before it was looked at`)
})

test('a pace ends when all who were told have answered, or died', async () => {
  const asked: string[] = []
  const pacer = new Pacer((thread, id) => asked.push(`${thread} ${id}`))
  await pacer.wait()
  assert.deepEqual(asked, [])
  pacer.note(1)
  pacer.note(2)
  pacer.note(1)
  let isDone = false
  const first = pacer.wait().then(() => {
    isDone = true
  })
  assert.deepEqual(asked, ['1 1', '2 1'])
  pacer.onPaced(1, 1)
  pacer.onPaced(3, 1)
  pacer.onPaced(2, 7)
  await Promise.resolve()
  assert.equal(isDone, false)
  pacer.forget(2)
  await first
  pacer.note(2)
  pacer.forget(2)
  await pacer.wait()
  assert.equal(asked.length, 2)
})
