import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { KernelThread } from './kernel-thread.ts'
import { KERNELS, Threads } from './threads.ts'

/** The kernel takes messages with the same control line together: nobody may see that. */

const SEED = 20_261_123
const RUNS = { checked: 150, fast: 50 } as const
const LONG = `long.${'token'.repeat(20)}`
const SUBJECTS = ['a', 'foo', 'foo.bar', 'foo.bar.bazbaz', 'foo.middle.sized.subject', LONG]
const PATTERNS = [...SUBJECTS, '>', 'foo.>', '*']
const TRACED = 'NATS/1.0\r\nNats-Trace-Dest: x\r\n\r\n'
const HEADERS = ['', '', 'NATS/1.0\r\n\r\n', `NATS/1.0\r\nA: ${'b'.repeat(30)}\r\n\r\n`]

interface Receiver {
  readonly subjects: readonly string[]
  readonly sid: string
  readonly headers: boolean
  readonly pendingBytesMax: number
  /** Auto-unsubscribe of its first subscription, 0 = never. */
  readonly max: number
}

interface Said {
  readonly subject: string
  readonly reply: string
  readonly header: string
  readonly bodyBytes: number
  readonly times: number
}

const receiver: fc.Arbitrary<Receiver> = fc.record({
  subjects: fc.array(fc.constantFrom(...PATTERNS), { maxLength: 2 }),
  sid: fc.constantFrom('1', '12', '123456789012345'),
  headers: fc.boolean(),
  pendingBytesMax: fc.constantFrom(1000, 30_000, 64 * 1024 * 1024),
  max: fc.constantFrom(0, 0, 0, 1, 7),
})

const said: fc.Arbitrary<Said> = fc.record({
  subject: fc.constantFrom(...SUBJECTS),
  reply: fc.constantFrom('', '', '', 'inbox.1'),
  header: fc.constantFrom(...HEADERS),
  bodyBytes: fc.oneof(fc.nat(40), fc.constantFrom(100, 1000, 3000)),
  times: fc.constantFrom(1, 2, 3, 20, 60),
})

function messagesOf({ subject, reply, header, bodyBytes, times }: Said, from: number): string[] {
  return Array.from({ length: times }, (_, i) => {
    const text = `${from + i} `.padEnd(bodyBytes, 'x').slice(0, bodyBytes)
    const words = [subject, reply, header === '' ? '' : header.length, header.length + bodyBytes]
    const line = words.filter((word) => word !== '').join(' ')
    return `${header === '' ? 'PUB' : 'HPUB'} ${line}\r\n${header}${text}\r\n`
  })
}

/** Of whatever thread; the routing worker has no lane to itself. */
function subscribe(owner: KernelThread, record: number, subject: string, sid: string): number {
  const { exports, layout, thread } = owner
  if (thread !== layout.ROUTER_THREAD) return owner.subscribe(record, subject, '', sid)
  const slot = owner.createSubscription(record, subject, '', sid)
  exports.applySubscribe(slot, owner.generation(slot), thread)
  return slot
}

/**
 * A publisher, who may subscribe as well, and receivers; joined, also those of the routing worker,
 * which has a leaf link.
 */
class Stage {
  readonly worker: KernelThread
  readonly publisher: number
  readonly #all: (readonly [KernelThread, record: number])[]

  constructor(
    module: WebAssembly.Module,
    receivers: readonly Receiver[],
    echo: boolean,
    isJoined = false,
  ) {
    const threads = new Threads({ workerCount: 1, module, isJoined })
    const { router } = threads
    this.worker = threads.worker(1)
    this.publisher = this.worker.connect({ echo })
    this.#all = [[this.worker, this.publisher]]
    for (const [i, { subjects, sid, max, ...options }] of receivers.entries()) {
      const owner = isJoined && i % 2 === 1 ? router : this.worker
      const record = i === 0 && !echo ? this.publisher : owner.connect(options)
      if (record !== this.publisher) this.#all.push([owner, record])
      for (const [at, subject] of subjects.entries()) {
        const slot = subscribe(owner, record, subject, sid)
        if (at === 0) this.worker.setWord(slot + this.worker.layout.SUB_MAX, max)
      }
    }
    if (isJoined) {
      const link = router.connect({ kind: 'leaf', planKey: 9 })
      this.#all.push([router, link])
      threads.insertLeaf(link, 'foo.>')
    }
    threads.settle()
  }

  /** Returns how many bytes were not consumed. */
  say(text: string): number {
    const [at] = this.worker.place(text)
    return at! + text.length - this.worker.exports.ingest(this.publisher, at!, at! + text.length)
  }

  /** What everybody got, and what was counted. */
  results(): unknown[] {
    const { layout } = this
    const counters = [
      ...[layout.CONNECTION_IN_MSGS, layout.CONNECTION_IN_BYTES, layout.CONNECTION_OUT_MSGS],
      ...[layout.CONNECTION_OUT_BYTES, layout.CONNECTION_DROPPED, layout.CONNECTION_OVERFLOW],
      ...[layout.CONNECTION_PENDING, layout.CONNECTION_STALLS],
    ]
    return this.#all.map(([thread, record]) => [
      ...counters.map((field) => thread.word(record + field)),
      thread.take(record),
    ])
  }

  get layout(): KernelThread['layout'] {
    return this.worker.layout
  }
}

for (const { name, module } of KERNELS) {
  test(`messages of one read are delivered as if each came alone, ${name} kernel`, () => {
    fc.assert(
      fc.property(
        fc.array(receiver, { maxLength: 5 }),
        fc.array(said, { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        fc.boolean(),
        (receivers, saids, echo, isJoined) => {
          const alone = new Stage(module, receivers, echo, isJoined)
          const together = new Stage(module, receivers, echo, isJoined)
          const messages = saids.flatMap((one, i) => messagesOf(one, i * 1000))
          for (const message of messages) assert.equal(alone.say(message), 0)
          assert.equal(together.say(messages.join('')), 0)
          assert.deepEqual(together.results(), alone.results())
        },
      ),
      { seed: SEED, numRuns: RUNS[name] },
    )
  })
}

describe('a message is looked at for itself', () => {
  const FOLLOWERS = [
    ['another subject', 'PUB fop 2\r\nhi\r\n', 2],
    ['a longer subject', 'PUB foo.bar 2\r\nhi\r\n', 2],
    ['a longer size', 'PUB foo 21\r\nhihihihihihihihihihih\r\n', 2],
    ['a line that is not ended', 'PUB foo 2\r', 1],
    ['a payload that is not whole', 'PUB foo 2\r\nhi', 1],
    ['a payload that is too long', 'PUB foo 2\r\nhih\r\n', 1],
    ['another verb', 'PING\r\n', 1],
  ] as const
  for (const [what, text, delivered] of FOLLOWERS) {
    test(what, () => {
      const stage = new Stage(
        KERNELS[0].module,
        [{ subjects: ['>'], sid: '1', headers: true, pendingBytesMax: 1e6, max: 0 }],
        true,
      )
      const left = stage.say(`PUB foo 2\r\nho\r\n${text}`)
      assert.equal(left, delivered === 1 ? text.length : 0)
      const messages = stage.worker.word(stage.publisher + stage.layout.CONNECTION_IN_MSGS)
      assert.equal(messages, delivered)
    })
  }

  test('a header that asks for a trace', () => {
    const plain = `NATS/1.0\r\nA: ${'x'.repeat(TRACED.length - 17)}\r\n\r\n`
    assert.equal(plain.length, TRACED.length)
    const line = `HPUB foo ${plain.length} ${plain.length}\r\n`
    const stage = new Stage(KERNELS[0].module, [], true)
    const left = stage.say(
      [plain, plain, plain, TRACED].map((text) => `${line}${text}\r\n`).join(''),
    )
    assert.equal(left, line.length + TRACED.length + 2)
    assert.equal(stage.worker.exports.status.value, stage.layout.STATUS_OPERATION)
  })
})
