import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { streamOf } from '../protocol/streams.ts'
import { ReferenceParser } from '../reference/reference-parser.ts'
import { DeliveryModel, type ModelConnection, Source } from './delivery-model.ts'
import type { KernelThread } from './kernel-thread.ts'
import type { LinkRules } from './permission-model.ts'
import { Session } from './session.ts'
import { KERNELS, Threads } from './threads.ts'
import {
  type Cut,
  controlLine,
  cut,
  cutText,
  linkRules,
  type MessageShape,
  messageShape,
  PATTERNS,
  QUEUES,
  renderMessage,
} from './traffic.ts'

const SEED = 20_261_122
const LANE_CAPACITY = 64 * 1024
const RUNS = { checked: 1000, fast: 200 } as const
const JOINED_RUNS = 200

type Say =
  | { readonly type: 'message'; readonly shape: MessageShape }
  | { readonly type: 'control'; readonly line: string }
type Step =
  | {
      readonly type: 'say'
      readonly source: number
      readonly said: readonly Say[]
      readonly cut: Cut
      readonly stale: string
    }
  | {
      readonly type: 'interest'
      readonly who: number
      readonly subject: string
      readonly queue: string
    }
  | { readonly type: 'removal'; readonly who: number; readonly index: number }

const say: fc.Arbitrary<Say> = fc.oneof(
  { weight: 5, arbitrary: messageShape.map((shape) => ({ type: 'message', shape }) as const) },
  { weight: 1, arbitrary: controlLine.map((line) => ({ type: 'control', line }) as const) },
)

/** What may lie behind the bytes that were read: the rest of something long gone. */
const stale = fc.constantFrom(
  '',
  '\r\n',
  ' 5\r\nhello\r\n',
  'B foo 1\r\nx\r\n',
  '0\r\n\r\n',
  '\r\r\r\r',
)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('say' as const),
      source: fc.nat(2),
      said: fc.array(say, { minLength: 1, maxLength: 8 }),
      cut,
      stale,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('interest' as const),
      who: fc.nat(6),
      subject: fc.constantFrom(...PATTERNS),
      queue: fc.constantFrom(...QUEUES),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('removal' as const),
      who: fc.nat(6),
      index: fc.nat(8),
    }),
  },
)

interface Member {
  readonly model: ModelConnection
  readonly thread: KernelThread
  readonly record: number
  readonly session: Session | undefined
  readonly source: Source | undefined
  /** Slots or entries, in the order of their sids. */
  readonly interest: { readonly sid: string; readonly address: number; isLive: boolean }[]
}

interface Flags {
  readonly echo: boolean
  readonly headers: boolean
  readonly noResponders: boolean
}

/** Connections on three threads and the model of what they get. */
class World {
  readonly threads: Threads
  readonly model = new DeliveryModel()
  readonly members: Member[] = []
  #lastNumber = 0

  constructor(threads: Threads, flags: Flags, rules: readonly LinkRules[]) {
    this.threads = threads
    const plain = { echo: true, headers: true, noResponders: false, origin: 0 }
    this.#add('source', 1, { ...plain, ...flags, kind: 'client' }, true)
    this.#add('link a', 0, { ...plain, kind: 'leaf', origin: 7, rules: rules[0]! }, true)
    this.#add('far source', 2, { ...plain, kind: 'client', echo: false }, true)
    this.#add('near', 1, { ...plain, kind: 'client' }, false)
    this.#add('far', 2, { ...plain, headers: false, kind: 'client' }, false)
    this.#add('link b', 0, { ...plain, kind: 'leaf', origin: 7, rules: rules[1]! }, false)
    this.#add('link c', 0, { ...plain, headers: false, kind: 'leaf', rules: rules[2]! }, false)
  }

  #add(
    name: string,
    thread: number,
    facts: Omit<ModelConnection, 'name'>,
    isSource: boolean,
  ): void {
    const { kind, echo, headers, noResponders, origin } = facts
    const owner = this.threads.worker(thread)
    const options = {
      ...{ kind, echo, headers, noResponders, origin },
      planKey: kind === 'leaf' ? this.members.length + 1 : 0,
      ...(facts.rules === undefined ? {} : { rules: facts.rules }),
    }
    const model = { name, ...facts }
    const session = isSource ? new Session(owner, options, () => this.threads.settle()) : undefined
    this.members.push({
      ...{ model, thread: owner, session },
      record: session?.record ?? owner.connect(options),
      source: isSource ? new Source(this.model, model) : undefined,
      interest: [],
    })
  }

  run(step: Step): void {
    if (step.type === 'say') this.#say(step)
    else if (step.type === 'interest') this.#addInterest(this.members[step.who]!, step)
    else this.#removeInterest(this.members[step.who]!, step.index)
  }

  #say({ source: index, said, cut, stale }: Extract<Step, { type: 'say' }>): void {
    const { session, source, model } = this.members[index]!
    const text = said
      .map((one) => {
        if (one.type === 'control') return model.kind === 'leaf' ? 'PING\r\n' : one.line
        return renderMessage(one.shape, ++this.#lastNumber, model.kind)
      })
      .join('')
    session!.stale = stale
    session!.feedAll(cutText(text, cut))
    source!.feed(text)
    this.threads.settle()
    assert.equal(session!.end, source!.end, 'how reading the stream ended')
  }

  #addInterest(member: Member, { subject, queue }: Extract<Step, { type: 'interest' }>): void {
    const { model, thread, record, session, interest } = member
    const isLeaf = model.kind === 'leaf'
    const sid = isLeaf ? `leaf ${interest.length}` : `s${interest.length}`
    // A leaf link has one interest of a kind: the router counts the rest.
    const isKnown = interest.some((one) => one.isLive && one.sid === `leaf ${subject} ${queue}`)
    if (isLeaf && isKnown) return
    const name = isLeaf ? `leaf ${subject} ${queue}` : sid
    if (!this.model.add(model, subject, queue === '' ? null : queue, name)) return
    const address = isLeaf
      ? this.threads.insertLeaf(record, subject, queue, 1 + (interest.length % 3))
      : thread.subscribe(record, subject, queue, sid)
    if (!isLeaf) session?.slots.set(sid, address)
    interest.push({ sid: name, address, isLive: true })
    this.threads.settle()
  }

  #removeInterest({ model, thread, session, interest }: Member, index: number): void {
    const one = interest[index]
    if (one === undefined || !one.isLive) return
    one.isLive = false
    this.model.removeSid(model, one.sid)
    session?.slots.delete(one.sid)
    if (model.kind === 'leaf') this.threads.router.exports.removeEntry(one.address)
    else thread.unsubscribe(one.address)
    this.threads.settle()
  }

  check(): void {
    this.threads.settle()
    this.model.check(
      new Map(this.members.map(({ model, thread, record }) => [model, thread.take(record)])),
    )
    const { layout } = this.threads.router
    for (const { model, record, thread } of this.members) {
      const filtered = this.model.filtered.get(model) ?? 0
      assert.equal(thread.long(record + layout.CONNECTION_FILTERED), BigInt(filtered), model.name)
    }
  }

  dispose(): void {
    for (const member of this.members) {
      for (let index = 0; index < member.interest.length; index++)
        this.#removeInterest(member, index)
      if (member.session !== undefined) member.session.dispose()
      else member.thread.disconnect(member.record)
    }
    this.threads.settle()
    assert.equal(this.threads.router.sublistField('SUBLIST_COUNT'), 0, 'entries left')
    for (const thread of this.threads.all) assert.equal(thread.hasLent, false, 'blocks left lent')
  }
}

function goesWhereItShould(threads: Threads, numRuns: number): void {
  const flags = fc.record({
    echo: fc.boolean(),
    headers: fc.constant(true),
    noResponders: fc.boolean(),
  })
  const rules = fc.tuple(linkRules, linkRules, linkRules)
  fc.assert(
    fc.property(flags, rules, fc.array(step, { maxLength: 25 }), (given, links, steps) => {
      const world = new World(threads, given, links)
      try {
        for (const one of steps) {
          world.run(one)
          world.check()
        }
      } finally {
        world.dispose()
      }
    }),
    { seed: SEED, numRuns },
  )
}

for (const { name, module } of KERNELS) {
  describe(`messages through the ${name} kernel`, () => {
    test('go to exactly those whom the plain model names, however the bytes are cut', () => {
      goesWhereItShould(new Threads({ module, laneCapacity: LANE_CAPACITY }), RUNS[name])
    })

    test('do so between threads of one event loop, too', () => {
      const threads = new Threads({ module, laneCapacity: LANE_CAPACITY, isJoined: true })
      goesWhereItShould(threads, JOINED_RUNS)
    })

    test('of streams with slips and noise are what the reference parser reads', () => {
      const threads = new Threads({ module })
      const [worker, far] = [threads.worker(1), threads.worker(2)]
      fc.assert(
        fc.property(
          streamOf({ kind: 'client', awaitingAuth: false }),
          cut,
          stale,
          (text, how, rest) => {
            const session = new Session(worker, {}, () => threads.settle())
            const [near, away] = [worker.connect(), far.connect({ headers: false })]
            const slots = [worker.subscribe(near, '>'), far.subscribe(away, 'foo')] as const
            threads.settle()
            session.stale = rest
            session.feedAll(cutText(text, how))
            threads.settle()
            const expected = framesOf(text)
            assert.equal(worker.take(near), expected.all)
            assert.equal(far.take(away), expected.fooWithoutHeaders)
            worker.unsubscribe(slots[0])
            far.unsubscribe(slots[1])
            session.dispose()
            worker.disconnect(near)
            far.disconnect(away)
            threads.settle()
          },
        ),
        { seed: SEED, numRuns: RUNS[name] * 4 },
      )
    })
  })
}

/** What subscriptions with sid 1 to `>`, and to `foo` without headers, get of a client's stream. */
function framesOf(text: string): { readonly all: string; readonly fooWithoutHeaders: string } {
  const options = { kind: 'client', controlLineBytesMax: 4096, awaitingAuth: false } as const
  const parser = new ReferenceParser(options)
  parser.feed(Buffer.from(text, 'latin1'))
  let all = ''
  let fooWithoutHeaders = ''
  for (const { verb, argument, payload } of parser.operations) {
    if (verb !== 'PUB' && verb !== 'HPUB') continue
    const words = argument.split(/[ \t]+/).filter((word) => word !== '')
    const sizes = verb === 'HPUB' && Number(words.at(-2)) > 0 ? words.slice(-2) : words.slice(-1)
    const [subject, reply] = words.slice(0, verb === 'HPUB' ? -2 : -1) as [string, string?]
    if (subject.split('.').includes('')) continue
    const head = `${subject} 1${reply === undefined ? '' : ` ${reply}`}`
    const name = sizes.length === 2 ? 'HMSG' : 'MSG'
    all += `${name} ${head} ${sizes.join(' ')}\r\n${payload}\r\n`
    if (subject !== 'foo') continue
    const skipped = sizes.length === 2 ? Number(sizes[0]) : 0
    const body = payload!.slice(skipped)
    const size = skipped > 0 ? String(body.length) : sizes[0]
    fooWithoutHeaders += `MSG ${head} ${size}\r\n${body}\r\n`
  }
  return { all, fooWithoutHeaders }
}
