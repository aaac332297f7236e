/**
 * Worker thread of imports-threads.test.ts: publishes while the test's own thread changes imports
 * and mappings, and checks that whatever it reads of them is whole.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { KernelHost } from '../../src/kernel/kernel.ts'
import { parseFrames } from './frames.ts'
import { EXPORTER, IMPORTER, type ImportReaderResult } from './import-names.ts'
import { KernelThread } from './kernel-thread.ts'
import { CONTROL_READY, CONTROL_STOP, Random, type WorkerStart } from './real-threads.ts'

const SUBJECTS = ['a', 'b', 'a.b', 'a.c', 'b.c.d']
const LAST_MESSAGES = 300
const DROP_PLANS_EVERY = 20
const FULL_WEIGHT = 100

const start = workerData as WorkerStart<undefined>
const control = new Int32Array(start.control)
const bytes = Buffer.from(start.memory.buffer)
const words = new Int32Array(start.memory.buffer)
const random = new Random(start.seed * 17 + start.thread)

/** What a block says, which its number says again. */
function nameOf(block: number, kind: string): string {
  const { layout } = self
  const length = words[(block + layout.IMPORT_TEXT_BYTES) >> 2]!
  const name = bytes.toString(
    'latin1',
    block + layout.IMPORT_TEXT,
    block + layout.IMPORT_TEXT + length,
  )
  const id = words[(block + layout.IMPORT_ID) >> 2]!
  if (name !== `${kind}${id}`) throw new Error(`block ${id} says ${JSON.stringify(name)}`)
  return name
}

const host: KernelHost = {
  transform(block, at, length, out) {
    return bytes.write(
      `${nameOf(block, 'i')}.${bytes.toString('latin1', at, at + length)}`,
      out,
      'latin1',
    )
  },
  destinations(block, at, length, out) {
    const to = `${nameOf(block, 'm')}.${bytes.toString('latin1', at, at + length)}`
    words[out >> 2] = FULL_WEIGHT
    words[(out + 4) >> 2] = to.length
    bytes.write(to, out + 8, 'latin1')
    return 1
  },
}

const self = new KernelThread(start.module, start.memory, start.thread, start.seed, host)
const { exports, layout } = self
const source = self.connect({ account: EXPORTER })
const receiver = self.connect({ account: IMPORTER })
const counts = { imported: 0, services: 0, mapped: 0 }

function publish(subject: string, message: string, isQuiet: boolean): void {
  const text = `PUB ${subject} ${message.length}\r\n${message}\r\n`
  const [at] = self.place(text)
  while (exports.ingest(source, at!, at! + text.length) === at) {
    if (exports.status.value !== layout.STATUS_LANE_FULL) throw new Error(`not sent: ${subject}`)
    exports.commitLanes()
    self.drainLanes()
  }
  const sent = self.latin1(exports.subject.value, exports.subjectBytes.value)
  if (sent.replace(/^m\d+\./, '') !== subject) throw new Error(`sent as ${sent}`)
  if (sent !== subject) counts.mapped++
  const hasServices = exports.status.value === layout.STATUS_IMPORTS
  const count = hasServices ? exports.serviceCount.value : 0
  for (let i = 0; i < count; i++) nameOf(self.word(exports.services.value + i * 4), 's')
  counts.services += count
  let own = 0
  for (const { words: line, payload } of parseFrames(self.take(receiver))) {
    if (!/^i\d+\.(?:m\d+\.)?[a-d.]+$/.test(line[0]!)) throw new Error(`delivered as ${line[0]}`)
    if (payload !== message) continue
    if (!line[0]!.endsWith(`.${sent}`)) throw new Error(`${sent} was delivered as ${line[0]}`)
    own++
  }
  self.takeAllDirty()
  counts.imported += own
  if (isQuiet && (own > 0 || count > 0 || sent !== subject)) {
    throw new Error(
      `there is nothing any more, and ${sent} had ${own} deliveries, ${count} services`,
    )
  }
}

function run(): ImportReaderResult {
  self.subscribe(receiver, '>')
  exports.commitLanes()
  Atomics.add(control, CONTROL_READY, 1)
  while (Atomics.load(control, CONTROL_STOP) === -1) self.drainLanes()
  let published = 0
  const next = (isQuiet: boolean) => {
    const subject = SUBJECTS[random.below(SUBJECTS.length)]!
    if (random.below(DROP_PLANS_EVERY) === 0) exports.dropPlans()
    publish(subject, `${start.thread}:${++published}`, isQuiet)
    exports.commitLanes()
    self.drainLanes()
  }
  while (Atomics.load(control, CONTROL_STOP) === 0) next(false)
  for (let i = 0; i < LAST_MESSAGES; i++) next(true)
  return { published, ...counts }
}

parentPort!.postMessage(run())
