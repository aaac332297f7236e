import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { threadField } from '../../src/kernel/shared-memory.ts'
import { SOON_MS, SPIN_MS, Spinner } from '../../src/workers/io-thread/spinner.ts'
import { Threads } from '../kernel/threads.ts'

const SPINNER = 1
const OTHER = 2
const LOOK_MS = 0.002

let threads: Threads
let nowMs: number
let look: (() => void) | undefined
let polls: number
let ends: number
let spinner: Spinner

/** One where both other threads sleep, on four processors. */
function create(processors = 4): void {
  threads = new Threads()
  nowMs = 1000
  look = undefined
  polls = 0
  ends = 0
  for (const thread of [0, OTHER]) setSleeping(thread, 1)
  const spinning = { poll: () => void polls++, endSpin: () => void ends++ }
  const clock = {
    nowMs: () => nowMs,
    soon: (next: () => void) => {
      assert.equal(look, undefined, 'the event loop was asked twice')
      look = next
    },
  }
  spinner = new Spinner(spinning, threads.worker(SPINNER).kernel, SPINNER, processors, clock)
}

beforeEach(() => create())

function setSleeping(thread: number, flag: 0 | 1): void {
  const { kernel, layout } = threads.router
  Atomics.store(kernel.words, threadField(kernel, thread, layout.THREAD_SLEEPING) >> 2, flag)
}

function count(field: 'THREAD_IN_MSGS' | 'THREAD_IN_BYTES', amount: number): void {
  const { kernel, layout } = threads.router
  kernel.words[threadField(kernel, SPINNER, layout[field]) >> 2]! += amount
}

/** A turn so long after the one before. */
function turn(gapMs: number): boolean {
  nowMs += gapMs
  spinner.onTurn(nowMs)
  return spinner.begin()
}

/** What turns in a row say. */
function turns(gaps: readonly number[]): boolean[] {
  return gaps.map(turn)
}

function goRound(lookMs = LOOK_MS): void {
  nowMs += lookMs
  const next = look
  look = undefined
  next?.()
}

function trust(): void {
  for (let i = 0; i < 8; i++) turn(SOON_MS / 2)
}

test('spins once turns have come soon for a while, and for the time given', () => {
  assert.deepEqual(turns([1, 0.1, 0.1, 0.1, 0.1]), [false, false, false, false, true])
  let looks = 0
  for (; look !== undefined; looks++) goRound()
  assert.equal(ends, 1)
  assert.ok(Math.abs(looks * LOOK_MS - SPIN_MS) <= 2 * LOOK_MS, `looks=${looks}`)
})

test('one that answers a request now and then never spins', () => {
  const pairs = Array.from({ length: 100 }, () => [2, 0.05]).flat()
  assert.ok(turns(pairs).every((spins) => !spins))
  assert.equal(look, undefined)
})

test('stops when turns come late, and not for a single one', () => {
  trust()
  assert.deepEqual(turns([1, 1, 1]), [true, false, false])
})

test('a turn ends the spin, and the next spin needs no second place in the event loop', () => {
  trust()
  assert.equal(turn(0.01), true)
  spinner.onTurn(nowMs)
  goRound()
  assert.equal(look, undefined)
  assert.equal(ends, 0)
})

test('bulks are not spun after, however soon they come', () => {
  trust()
  count('THREAD_IN_MSGS', 100)
  assert.equal(turn(0.01), false)
  create()
  trust()
  count('THREAD_IN_BYTES', 64 * 1024)
  assert.equal(turn(0.01), false)
})

test('leaves a processor to others', () => {
  create(2)
  trust()
  assert.equal(turn(0.01), true)
  setSleeping(OTHER, 0)
  assert.equal(turn(0.01), false)
  create(1)
  trust()
  assert.equal(turn(0.01), false)
})

test('whose processor is taken away does not spin for a while', () => {
  trust()
  goRound(3)
  assert.equal(ends, 1)
  trust()
  assert.equal(turn(0.01), false)
  nowMs += 60
  trust()
  assert.equal(turn(0.01), true)
})

test('a lane is looked at, too', () => {
  trust()
  const { exports, layout } = threads.worker(OTHER)
  assert.ok(exports.sendControl(SPINNER, layout.RECORD_UNSUBSCRIBE, 0, 0))
  exports.commitLanes()
  goRound()
  assert.equal(polls, 1)
  assert.equal(look, undefined)
})

test('the option forbids it', () => {
  spinner.isAllowed = false
  trust()
  assert.equal(look, undefined)
})
