import fc from 'fast-check'
import type { LinkRules } from './permission-model.ts'

const LONG = `long.${'token'.repeat(20)}`
/** Subjects of messages, wildcards (ordinary text there) and empty tokens among them. */
const SUBJECTS = [
  ...['foo', 'foo.bar', 'foo.*', 'a.b.c', 'a.>', 'a..c', '\xff.x', 'x', LONG],
  ...['_R_.x', '$JS.ACK.x', '$JS.API.x', '$KV.x', '$MQTT.x', '_GR_.abcdef.123456.foo'],
]
export const PATTERNS = [
  ...['foo', 'foo.*', 'foo.>', '>', '*', '*.*', 'a.*.c', 'a.b.c', 'a.>', '\xff.*', LONG],
  ...['long.*', 'r.>', 'nobody', 'a..c', '>.a'],
]
export const QUEUES = ['', '', '', 'q1', 'q2', `group${'x'.repeat(30)}`, 'q.a']

/** Entries of permissions; those of two words are for a queue group. */
const RULES = ['>', 'foo', 'foo.*', 'a.>', '*.b.*', '\xff.*', 'r.>', '$KV.>', '$MQTT.>', 'x']
const GROUP_RULES = ['> q1', 'foo q2', 'foo.> *', '* q.*', 'a.b.c >', '*.* q1']
const subjectRules = fc.array(fc.constantFrom(...RULES), { maxLength: 3 })
const permission: fc.Arbitrary<LinkRules['outgoing']> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({}) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.option(subjectRules, { nil: undefined }),
        fc.array(fc.constantFrom(...RULES.slice(1), ...GROUP_RULES), { maxLength: 3 }),
      )
      .map(([allow, deny]) => (allow === undefined ? { deny } : { allow, deny })),
  },
)

/** What a leaf link permits. */
export const linkRules: fc.Arbitrary<LinkRules> = fc.record({
  outgoing: permission,
  incoming: permission,
  isSpoke: fc.boolean(),
})
const HEADERS = ['', '', '', 'NATS/1.0\r\n\r\n', 'NATS/1.0\r\nA: b\r\n\r\n', 'no headers at all']
const EMPTY_HEADER = 'empty'

export interface MessageShape {
  readonly subject: string
  readonly hasReply: boolean
  /** EMPTY_HEADER: a header block of no bytes. */
  readonly header: string
  readonly body: string
  readonly blank: string
  readonly lineEnd: string
  readonly isLower: boolean
  readonly zeros: number
  /** Leaf lines. */
  readonly queues: readonly string[]
}

const body = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.string({ unit: fc.constantFrom('a', '\r', '\n', ' '), maxLength: 40 }),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1000, max: 40_000 }).map((length) => 'y'.repeat(length)),
  },
)

export const messageShape: fc.Arbitrary<MessageShape> = fc.record({
  subject: fc.constantFrom(...SUBJECTS),
  hasReply: fc.boolean(),
  header: fc.constantFrom(...HEADERS, EMPTY_HEADER),
  body,
  blank: fc.constantFrom(' ', ' ', ' ', ' ', '  ', '\t'),
  lineEnd: fc.constantFrom('\r\n', '\r\n', '\r\n', '\n'),
  isLower: fc.boolean(),
  zeros: fc.constantFrom(0, 0, 0, 2),
  queues: fc.subarray(QUEUES.filter((name) => name !== '')),
})

/** The line and payload of a message; `number` is how the model knows it again. */
export function renderMessage(
  shape: MessageShape,
  number: number,
  kind: 'client' | 'leaf',
): string {
  const { subject, header, blank, lineEnd, zeros, queues } = shape
  const block = header === EMPTY_HEADER ? '' : header
  const payload = `${block}#${number}#${shape.body}`
  const reply = shape.hasReply ? [`r.#${number}#`] : []
  const pad = (size: number) => '0'.repeat(zeros) + size
  const sizes = header === '' ? [pad(payload.length)] : [pad(block.length), pad(payload.length)]
  const verb = kind === 'leaf' ? (header === '' ? 'LMSG' : 'HMSG') : header === '' ? 'PUB' : 'HPUB'
  const between =
    kind === 'leaf' && queues.length > 0 ? [shape.hasReply ? '+' : '|', ...reply, ...queues] : reply
  const words = [shape.isLower ? verb.toLowerCase() : verb, subject, ...between, ...sizes]
  return `${words.join(blank)}${lineEnd}${payload}\r\n`
}

const pattern = fc.constantFrom(...PATTERNS)
const plainSid = fc.integer({ min: 1, max: 4 })
/** Members of groups have no maximum: which of them is chosen is up to the kernel. */
const memberSid = fc.integer({ min: 5, max: 6 })
const max = fc.constantFrom('', '', ' 1', ' 2', ' 5', ' x')

/** What a client says between its messages. */
export const controlLine = fc.oneof(
  fc.constantFrom('PING\r\n', 'PONG\r\n', '+OK\r\n'),
  fc.tuple(pattern, plainSid).map(([subject, sid]) => `SUB ${subject} ${sid}\r\n`),
  fc.tuple(pattern, memberSid).map(([subject, sid]) => `SUB ${subject} q1 ${sid}\r\n`),
  fc.tuple(plainSid, max).map(([sid, text]) => `UNSUB ${sid}${text}\r\n`),
  memberSid.map((sid) => `UNSUB ${sid}\r\n`),
)

/** How a stream is cut into reads. */
export type Cut = 'whole' | 'bytes' | readonly number[]

export const cut: fc.Arbitrary<Cut> = fc.oneof(
  fc.constantFrom('whole' as const, 'bytes' as const),
  fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 }),
)

/** Above this a stream is not fed byte by byte: each read copies what is kept. */
const BYTES_MAX = 4000

export function cutText(text: string, how: Cut): string[] {
  if (how === 'bytes' && text.length <= BYTES_MAX) return [...text]
  if (typeof how === 'string') return [text]
  const positions = how.map((part) => Math.floor(part * text.length))
  const ends = [...new Set([...positions, text.length])].toSorted((a, b) => a - b)
  return ends.map((end, i) => text.slice(i === 0 ? 0 : ends[i - 1], end))
}
