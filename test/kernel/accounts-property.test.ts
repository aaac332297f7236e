import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  AccountModel,
  type ModelImport,
  type ModelInterest,
  type ModelMapping,
  type ModelMember,
  type ModelResult,
} from './account-model.ts'
import { AccountStage, type TestImport } from './account-stage.ts'
import type { LinkRules } from './permission-model.ts'
import { KERNELS } from './threads.ts'

const SEED = 20_261_123
const RUNS = { checked: 1500, fast: 300 } as const
const LANE_CAPACITY = 64 * 1024
const ACCOUNTS = 3
const THREADS = 3

const SUBJECTS = ['a', 'b', 'a.b', 'a.b.c', 'm', 'm.a', `${'long.'.repeat(30)}x`, 'a..b', '_R_.x']
const PATTERNS = ['a', 'b', 'a.*', 'a.>', '*', '*.a', '>', '*.>', 'm.>', 'a.b.c', '_R_.*', 'k.>']
const QUEUES = ['', '', 'q', 'p', 'q.a']
const RULES = ['a', 'a.*', '*.>', '>', 'm', 'k.>', 'b', '*.a']
const GROUP_RULES = ['> q', 'a.* p', '*.> q.*', 'a q']

/** What an import makes of a subject; each has subjects of its own, or leaves them as they are. */
const TRANSFORMS: readonly ((id: number) => (subject: string) => string | undefined)[] = [
  (id) => (subject) => `k.${id}.${subject}`,
  (id) => () => `k.${id}`,
  (id) => (subject) => (subject.includes('b') ? undefined : `a.${id}`),
]
/** '' = lost. */
const MAPPINGS: readonly (ModelMapping | undefined)[] = [
  undefined,
  (subject) => (subject.startsWith('a') ? `m.${subject}` : undefined),
  (subject) => (subject === 'm' ? 'a' : undefined),
  (subject) => (subject === 'b' ? '' : subject),
]

const denies = fc.array(fc.constantFrom(...RULES, ...GROUP_RULES), { maxLength: 2 })
const rules: fc.Arbitrary<LinkRules> = fc
  .tuple(
    fc.option(fc.array(fc.constantFrom(...RULES), { maxLength: 3 }), { nil: undefined, freq: 1 }),
    fc.array(fc.constantFrom(...RULES), { maxLength: 1 }),
    denies,
    fc.boolean(),
  )
  .map(([allow, deny, outgoing, isSpoke]) => ({
    incoming: allow === undefined ? { deny } : { allow, deny },
    outgoing: { deny: outgoing },
    isSpoke,
  }))
const flags = fc.record({ rules, echo: fc.boolean(), noResponders: fc.boolean() })

type Step =
  | {
      readonly type: 'publish'
      readonly who: number
      readonly subject: string
      readonly hasReply: boolean
      readonly groups: readonly string[]
      readonly size: number
    }
  | {
      readonly type: 'interest'
      readonly who: number
      readonly subject: string
      readonly queue: string
    }
  | { readonly type: 'removal'; readonly index: number }
  | {
      readonly type: 'stream'
      readonly from: number
      readonly to: number
      readonly subject: string
      readonly how: number
    }
  | { readonly type: 'service'; readonly account: number; readonly subject: string }
  | { readonly type: 'import removal'; readonly index: number }
  | { readonly type: 'mapping'; readonly account: number; readonly how: number }
  | { readonly type: 'deny'; readonly who: number; readonly deny: readonly string[] }

const members = fc.nat(ACCOUNTS * THREADS - 1)
const account = fc.nat(ACCOUNTS - 1)
const patternOf = fc.constantFrom(...PATTERNS)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('publish' as const),
      who: members,
      subject: fc.constantFrom(...SUBJECTS),
      hasReply: fc.boolean(),
      groups: fc.subarray(QUEUES.slice(2)),
      size: fc.constantFrom(0, 0, 1, 20, 3000, 17_000),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('interest' as const),
      who: members,
      subject: patternOf,
      queue: fc.constantFrom(...QUEUES),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('removal' as const), index: fc.nat(10) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('stream' as const),
      from: account,
      to: account,
      subject: patternOf,
      how: fc.nat(TRANSFORMS.length),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('service' as const), account, subject: patternOf }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('import removal' as const), index: fc.nat(4) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('mapping' as const),
      account,
      how: fc.nat(MAPPINGS.length - 1),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('deny' as const), who: members, deny: denies }),
  },
)

interface Member {
  model: ModelMember
  readonly thread: number
  readonly record: number
}

interface Live {
  readonly interest: ModelInterest
  readonly member: Member
  /** Slot or entry. */
  readonly address: number
}

/** Three accounts, each with a client on two threads and a leaf link; and the plain truth. */
class World {
  readonly stage: AccountStage
  readonly model = new AccountModel()
  readonly members: Member[] = []
  readonly #live: Live[] = []
  readonly #imports: { readonly model: ModelImport; readonly made: TestImport }[] = []
  readonly #blocks = new Map<number, number>()
  #lastNumber = 0

  constructor(
    stage: AccountStage,
    members: readonly Pick<ModelMember, 'rules' | 'echo' | 'noResponders'>[],
  ) {
    this.stage = stage
    for (const [i, own] of members.entries()) {
      const thread = i % THREADS
      const kind = thread === 0 ? 'leaf' : 'client'
      const origin = kind === 'leaf' && i > 0 ? 7 : 0
      const rules = { ...own.rules, isSpoke: own.rules.isSpoke && kind === 'leaf' }
      const facts = { name: `m${i}`, account: Math.floor(i / THREADS), kind, origin } as const
      const model = { ...own, ...facts, rules }
      this.members.push({ model, thread, record: stage.connect(thread, model) })
    }
  }

  run(one: Step): void {
    if (one.type === 'publish') this.#publish(one)
    else if (one.type === 'interest') this.#want(this.members[one.who]!, one.subject, one.queue)
    else if (one.type === 'removal') this.#forget(one.index)
    else if (one.type === 'import removal') this.#removeImport(one.index)
    else if (one.type === 'mapping') this.#map(one.account, MAPPINGS[one.how])
    else if (one.type === 'deny') this.#deny(this.members[one.who]!, one.deny)
    else this.#import(one)
    this.stage.threads.settle()
  }

  #want(member: Member, subject: string, queue: string): void {
    const { stage } = this
    const sid = `s${++this.#lastNumber}`
    const interest = { member: member.model, subject, queue, sid }
    if (member.model.kind === 'leaf') {
      const isSame = (one: Live) =>
        one.member === member && one.interest.subject === subject && one.interest.queue === queue
      if (this.#live.some(isSame)) return
    }
    const address =
      member.model.kind === 'leaf'
        ? stage.threads.insertLeaf(member.record, subject, queue)
        : stage.threads.worker(member.thread).subscribe(member.record, subject, queue, sid)
    this.#live.push({ interest, member, address })
    this.model.interest.add(interest)
  }

  #forget(index: number): void {
    const [one] = this.#live.splice(index, 1)
    if (one === undefined) return
    this.model.interest.delete(one.interest)
    if (one.member.model.kind === 'leaf') this.stage.router.exports.removeEntry(one.address)
    else this.stage.threads.worker(one.member.thread).unsubscribe(one.address)
  }

  #import(one: Extract<Step, { type: 'stream' | 'service' }>): void {
    if (one.type === 'service') {
      const made = this.stage.importService(one.account, one.subject)
      const model = { ...one, kind: 'service', id: made.id, to: 0 } as const
      this.#addImport({ ...model, transform: () => undefined }, made)
      return
    }
    const { from, to, subject, how } = one
    if (from === to) return
    const isIdentity = how === TRANSFORMS.length
    const isKnown = ({ model }: { model: ModelImport }) =>
      model.account === from && model.to === to && model.transform('?') === '?'
    if (isIdentity && this.#imports.some(isKnown)) return
    const transform = isIdentity ? undefined : TRANSFORMS[how]!(++this.#lastNumber)
    const made = this.stage.importStream(from, subject, to, transform)
    this.#addImport(
      {
        ...{ kind: 'stream', id: made.id, account: from, subject, to },
        transform: transform ?? ((text) => text),
      },
      made,
    )
  }

  #addImport(model: ModelImport, made: TestImport): void {
    this.#imports.push({ model, made })
    this.model.imports.add(model)
  }

  #removeImport(index: number): void {
    const [one] = this.#imports.splice(index, 1)
    if (one === undefined) return
    this.model.imports.delete(one.model)
    this.stage.remove(one.made)
  }

  #map(number: number, mapping: ModelMapping | undefined): void {
    const old = this.#blocks.get(number) ?? 0
    const answer = (subject: string) => {
      const to = mapping!(subject)
      if (to === undefined) return undefined
      return { destinations: to === '' ? [] : [{ subject: to, upTo: 100 }] }
    }
    this.#blocks.set(number, this.stage.map(number, mapping === undefined ? undefined : answer))
    if (old !== 0) this.stage.router.exports.retireBlock(old)
    if (mapping === undefined) this.model.mappings.delete(number)
    else this.model.mappings.set(number, mapping)
  }

  #deny(member: Member, deny: readonly string[]): void {
    if (member.model.kind === 'leaf') return
    const slots = this.#live.filter((one) => one.member === member).map(({ address }) => address)
    this.stage.deny(member.record, slots, deny)
    Object.assign(member.model, { rules: { ...member.model.rules, outgoing: { deny } } })
  }

  #publish({ who, subject, hasReply, groups, size }: Extract<Step, { type: 'publish' }>): void {
    const { stage } = this
    const source = this.members[who]!
    const expected = this.model.publish(source.model, { subject, hasReply, groups })
    const payload = `#${++this.#lastNumber}`.padEnd(size, '.')
    const outcome = stage.publish(stage.threads.worker(source.thread), source.record, {
      ...{ subject, reply: hasReply ? 'r' : '', payload },
      groups: source.model.kind === 'leaf' ? groups : [],
    })
    assert.equal(outcome.status, expected.status)
    assert.equal(outcome.subject, expected.subject)
    const inOrder = (ids: readonly number[]) => ids.toSorted((a, b) => a - b)
    assert.deepEqual(inOrder(outcome.services), inOrder(expected.services))
    const frames: string[] = []
    const lines: { readonly text: string; readonly names: readonly string[] }[] = []
    for (const { model, thread, record } of this.members) {
      for (const { words, payload: got } of stage.take(thread, record)) {
        assert.equal(got, payload)
        const text = `${model.name} ${words[0]}`
        const hasNames = words[1] === '|' || words[1] === '+'
        const names = hasNames ? words.slice(hasReply ? 3 : 2, -1) : []
        if (model.kind === 'leaf') lines.push({ text, names })
        else frames.push(`${text} ${words[1]}`)
      }
    }
    assert.equal(outcome.delivered, frames.length + lines.length)
    checkFrames(expected, frames)
    checkLines(expected, lines)
  }

  dispose(): void {
    while (this.#live.length > 0) this.#forget(0)
    while (this.#imports.length > 0) this.#removeImport(0)
    for (let number = 0; number < ACCOUNTS; number++) this.#map(number, undefined)
    this.stage.threads.settle()
    for (const { thread, record } of this.members) {
      this.stage.threads.worker(thread).disconnect(record)
    }
    this.stage.threads.settle()
    assert.equal(this.stage.router.sublistField('SUBLIST_COUNT'), 0, 'entries left')
    for (const thread of this.stage.threads.all) assert.equal(thread.hasLent, false)
  }
}

function checkFrames({ frames, choices }: ModelResult, got: string[]): void {
  const left = [...got]
  const takeOne = (text: string) => {
    const at = left.indexOf(text)
    if (at >= 0) left.splice(at, 1)
    return at >= 0
  }
  for (const frame of frames) assert.ok(takeOne(frame), `${frame} is missing: ${got}`)
  for (const choice of choices) {
    assert.equal(choice.filter(takeOne).length, 1, `one of ${choice}: ${got}`)
  }
  assert.deepEqual(left, [], 'delivered without reason')
}

function checkLines(
  { lines, linkChoices }: ModelResult,
  got: readonly { readonly text: string; readonly names: readonly string[] }[],
): void {
  const texts = got.map(({ text }) => text)
  assert.equal(new Set(texts).size, texts.length, `each line once: ${texts}`)
  for (const line of lines) assert.ok(texts.includes(line), `${line} is missing: ${texts}`)
  const isExpected = (text: string, group: string) =>
    linkChoices.some((choice) => choice.group === group && choice.lines.includes(text))
  for (const { text, names } of got) {
    assert.ok(lines.includes(text) || names.length > 0, `${text} has no reason`)
    for (const group of names) assert.ok(isExpected(text, group), `${text} for ${group}`)
  }
  const named = got.flatMap(({ names }) => names)
  assert.deepEqual(named.toSorted(), linkChoices.map(({ group }) => group).toSorted())
}

for (const { name, module } of KERNELS) {
  describe(`accounts, imports and mappings through the ${name} kernel`, () => {
    test('do what the plain model does that knows no plans', () => {
      const stage = new AccountStage({ module, laneCapacity: LANE_CAPACITY })
      const facts = fc.tuple(...Array.from({ length: ACCOUNTS * THREADS }, () => flags))
      fc.assert(
        fc.property(
          facts,
          fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }),
          (own, steps) => {
            const world = new World(stage, own)
            try {
              for (const one of steps) world.run(one)
            } finally {
              world.dispose()
            }
          },
        ),
        { seed: SEED, numRuns: RUNS[name] },
      )
    })
  })
}
