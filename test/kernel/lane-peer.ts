/**
 * Worker thread of lanes-threads.test.ts: sends numbered messages to the other threads and checks
 * what it gets from them. Sleeps and wakes by the sleeping flag alone, as the broker's threads do;
 * a wake-up that gets lost shows as a flag that nobody takes.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { parseFrames } from './frames.ts'
import { KernelThread } from './kernel-thread.ts'
import { CONTROL_GO, CONTROL_READY, Random, type WorkerStart } from './real-threads.ts'

export interface LaneTask {
  readonly peers: readonly number[]
  /** Messages to each peer. */
  readonly count: number
  /** Most messages sent before the lanes are committed. */
  readonly batchMax: number
  /** Sends number n only after number n of the peer has come: one message under way at a time. */
  readonly isPingPong: boolean
  readonly payloadBytesMax: number
}

export interface LaneResult {
  readonly received: number
  readonly laneFull: number
  readonly lent: number
  readonly sleeps: number
  readonly isLentBack: boolean
}

/** A sleeper that nobody wakes for so long, although there is something to do, was forgotten. */
const ASLEEP_MS_MAX = 10_000
const LENT_BACK_MS_MAX = 10_000
const SPINS_MAX = 1000
const YIELD_MS = 0.02
const DRAIN_BYTES = 64 * 1024

const start = workerData as WorkerStart<LaneTask>
const { task } = start
const control = new Int32Array(start.control)
const self = new KernelThread(start.module, start.memory, start.thread, start.seed)
const { exports, layout } = self
const random = new Random(start.seed * 31 + start.thread)
const receiver = self.connect()
const source = self.connect()
const sleepingWord = self.field('THREAD_SLEEPING') >> 2

/** Nobody ever notifies this. */
const idle = new Int32Array(new SharedArrayBuffer(4))
/** Next number to send to a peer, and next number expected from it. */
const sent = new Map(task.peers.map((peer) => [peer, 0]))
const expected = new Map(task.peers.map((peer) => [peer, 0]))
let received = 0
let laneFull = 0
let lent = 0
let sleeps = 0

function sizeOfNext(): number {
  const kind = random.below(100)
  if (kind < 60) return random.below(200)
  if (kind < 90) return random.below(Math.min(4000, task.payloadBytesMax))
  return random.below(task.payloadBytesMax)
}

/** The same at both ends. */
function payloadFor(from: number, number: number, size: number): string {
  const head = `${from}:${number}:${size}:`
  return head + String.fromCharCode(97 + (number % 26)).repeat(size)
}

interface Unsent {
  readonly peer: number
  readonly text: string
}
let unsent: Unsent | undefined

function mayStart(peer: number): boolean {
  if (sent.get(peer)! >= task.count) return false
  if (!task.isPingPong) return true
  const isFirst = start.thread < peer
  return sent.get(peer)! < expected.get(peer)! + (isFirst ? 1 : 0)
}

function nextMessage(): Unsent | undefined {
  const open = task.peers.filter(mayStart)
  if (open.length === 0) return undefined
  const peer = open[random.below(open.length)]!
  const number = sent.get(peer)!
  sent.set(peer, number + 1)
  const payload = payloadFor(start.thread, number, sizeOfNext())
  return { peer, text: `PUB to.${peer} ${payload.length}\r\n${payload}\r\n` }
}

/** Sends a batch. Returns whether anything was sent. */
function send(): boolean {
  let isAny = false
  for (let i = 1 + random.below(task.batchMax); i > 0; i--) {
    unsent ??= nextMessage()
    if (unsent === undefined) break
    const { text } = unsent
    const [at] = self.place(text)
    const end = exports.ingest(source, at!, at! + text.length)
    if (end === at) {
      if (exports.status.value !== layout.STATUS_LANE_FULL) throw new Error('not a full lane')
      laneFull++
      break
    }
    unsent = undefined
    isAny = true
  }
  if (self.hasLent) lent++
  exports.commitLanes()
  return isAny
}

function readLanes(): boolean {
  let isAny = false
  for (const from of [0, ...task.peers]) {
    exports.drainBegin(from)
    exports.drain(from, DRAIN_BYTES)
    if (!exports.drainEnd(from)) continue
    isAny = true
    if (exports.takeBlocked(from) !== 0) exports.wakeUp(from)
  }
  self.takeAllDirty()
  for (const { payload } of parseFrames(self.take(receiver))) checkMessage(payload)
  return isAny
}

function checkMessage(payload: string): void {
  const [fromText, numberText, sizeText] = payload.split(':', 3)
  const [from, number] = [Number(fromText), Number(numberText)]
  if (number !== expected.get(from)) {
    throw new Error(`message ${number} of thread ${from} instead of ${expected.get(from)}`)
  }
  if (payload !== payloadFor(from, number, Number(sizeText))) {
    throw new Error(`message ${number} of thread ${from} is not what was sent`)
  }
  expected.set(from, number + 1)
  received++
}

/** As in workers/io-thread/doorbells.ts: flag, another look, and only then asleep. */
function sleepUntilRung(): void {
  const { words } = self.kernel
  Atomics.store(words, sleepingWord, 1)
  const isAwake = exports.hasInbound() || (unsent !== undefined && !exports.awaitRoom(unsent.peer))
  if (isAwake) {
    Atomics.store(words, sleepingWord, 0)
    return
  }
  sleeps++
  const deadline = performance.now() + ASLEEP_MS_MAX
  for (let spins = 0; Atomics.load(words, sleepingWord) !== 0; spins++) {
    // Others may need the processor.
    if (spins > SPINS_MAX) Atomics.wait(idle, 0, 0, YIELD_MS)
    if (performance.now() > deadline) {
      const wants = `received ${received}, inbound ${exports.hasInbound()}, unsent ${unsent?.peer}`
      throw new Error(`thread ${start.thread} was not woken: ${wants}`)
    }
  }
}

function isDone(): boolean {
  return (
    unsent === undefined &&
    task.peers.every((peer) => sent.get(peer) === task.count && expected.get(peer) === task.count)
  )
}

function isLentBack(): boolean {
  const deadline = performance.now() + LENT_BACK_MS_MAX
  while (self.hasLent && performance.now() < deadline) exports.tidy()
  return !self.hasLent
}

self.subscribe(receiver, `to.${start.thread}`)
exports.commitLanes()
Atomics.add(control, CONTROL_READY, 1)
while (Atomics.load(control, CONTROL_GO) === 0);
while (!isDone()) {
  const hasSent = send()
  const hasRead = readLanes()
  exports.tidy()
  if (!hasSent && !hasRead && !isDone()) sleepUntilRung()
}
const result: LaneResult = { received, laneFull, lent, sleeps, isLentBack: isLentBack() }
parentPort!.postMessage(result)
