/**
 * Worker thread of sublist-threads.test.ts: publishes to random subjects while the test's own
 * thread changes the sublist, and checks who gets what.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { subjectMatches } from '../../src/protocol/subjects.ts'
import { ReferenceSublist } from '../reference/reference-sublist.ts'
import { type Frame, parseFrames } from './frames.ts'
import { KernelThread } from './kernel-thread.ts'
import { CONTROL_READY, CONTROL_STOP, Random, type WorkerStart } from './real-threads.ts'

export interface ReaderTask {
  /** Subscriptions that are there all the time: subject, queue. */
  readonly permanent: readonly (readonly [subject: string, queue: string])[]
  /** Subscriptions that come and go: their slots are in `slots`. */
  readonly sometimes: readonly string[]
  /** Where the reader puts its slots: those of `sometimes`, then one that is never inserted. */
  readonly slots: SharedArrayBuffer
}

export interface ReaderResult {
  readonly published: number
  readonly planMisses: number
  readonly sometimes: number
}

const TOKENS = 'abcd'
const TOKENS_MAX = 4
/** One message of so many finds an empty plan cache. */
const DROP_PLANS_EVERY = 40
const LAST_MESSAGES = 500
const NEVER_SID = 'never'

const start = workerData as WorkerStart<ReaderTask>
const { task } = start
const control = new Int32Array(start.control)
const self = new KernelThread(start.module, start.memory, start.thread, start.seed)
const { exports, layout } = self
const random = new Random(start.seed * 17 + start.thread)
const receiver = self.connect()
const source = self.connect()
const reference = new ReferenceSublist<string>()
const expectedOf = new Map<string, readonly string[]>()
let sometimes = 0

function randomSubject(): string {
  const count = 1 + random.below(TOKENS_MAX)
  return Array.from({ length: count }, () => TOKENS[random.below(TOKENS.length)]).join('.')
}

/** Sids of the permanent subscriptions that a subject must reach. */
function expectedSids(subject: string): readonly string[] {
  const known = expectedOf.get(subject)
  if (known !== undefined) return known
  const { plain, queues } = reference.match(subject)
  // Groups are this reader's own: its member is the only one that exists.
  const sids = [...plain, ...[...queues.values()].flat()].toSorted()
  expectedOf.set(subject, sids)
  return sids
}

/** The payload says whose message it is, and which one. */
function publish(subject: string, message: string): void {
  const text = `PUB ${subject} ${message.length}\r\n${message}\r\n`
  const [at] = self.place(text)
  while (exports.ingest(source, at!, at! + text.length) === at) {
    if (exports.status.value !== layout.STATUS_LANE_FULL) throw new Error(`not sent: ${subject}`)
    exports.commitLanes()
    self.drainLanes()
  }
}

/** Checks everything that came: the message just published, and those of the other readers. */
function check(own: string, ownSubject: string, isQuiet: boolean): void {
  const copies = new Map<string, Frame[]>([[own, []]])
  for (const frame of parseFrames(self.take(receiver))) {
    const known = copies.get(frame.payload)
    if (known === undefined) copies.set(frame.payload, [frame])
    else known.push(frame)
  }
  self.takeAllDirty()
  for (const [message, frames] of copies) {
    const subject = message === own ? ownSubject : frames[0]!.words[0]!
    if (frames.some(({ words }) => words[0] !== subject)) {
      throw new Error(`message ${message} came as ${frames.map(({ words }) => words.join(' '))}`)
    }
    const sids = frames.map(({ words }) => words[1]!)
    checkSids(subject, sids, isQuiet && message === own)
  }
}

function checkSids(subject: string, sids: readonly string[], isQuiet: boolean): void {
  for (const sid of sids) {
    if (!sid.startsWith('m')) continue
    const pattern = task.sometimes[Number(sid.slice(1))]!
    if (isQuiet) throw new Error(`${pattern} is gone, and got ${subject}`)
    if (!subjectMatches(pattern, subject)) throw new Error(`${pattern} got ${subject}`)
    sometimes++
  }
  const permanent = sids.filter((sid) => !sid.startsWith('m')).toSorted()
  const expected = expectedSids(subject)
  if (permanent.join() !== expected.join()) {
    throw new Error(`${subject} reached ${permanent}, not ${expected}`)
  }
}

function subscribe(): void {
  for (const [i, [subject, queue]] of task.permanent.entries()) {
    self.subscribe(receiver, subject, queue, `p${i}`)
    reference.insert({ subject, queue: queue === '' ? null : queue, value: `p${i}` })
  }
  const slots = new Int32Array(task.slots)
  for (const [i, subject] of task.sometimes.entries()) {
    slots[i] = self.createSubscription(receiver, subject, '', `m${i}`)
  }
  slots[task.sometimes.length] = self.createSubscription(receiver, 'a.b', '', NEVER_SID)
  exports.commitLanes()
  Atomics.add(control, CONTROL_READY, 1)
}

function run(): ReaderResult {
  subscribe()
  // The permanent subscriptions are in the sublist when this is set.
  while (Atomics.load(control, CONTROL_STOP) === -1) self.drainLanes()
  let number = 0
  while (Atomics.load(control, CONTROL_STOP) === 0) {
    const subject = randomSubject()
    if (random.below(DROP_PLANS_EVERY) === 0) exports.dropPlans()
    const message = `${start.thread}:${++number}`
    publish(subject, message)
    exports.commitLanes()
    self.drainLanes()
    check(message, subject, false)
  }
  for (let i = 0; i < LAST_MESSAGES; i++) {
    const subject = randomSubject()
    const message = `${start.thread}:${++number}`
    publish(subject, message)
    check(message, subject, true)
  }
  const planMisses = Number(self.long(self.field('THREAD_PLAN_MISSES')))
  return { published: number, planMisses, sometimes }
}

parentPort!.postMessage(run())
