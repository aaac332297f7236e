import fc from 'fast-check'
import type { ReferenceOptions } from '../reference/reference-parser.ts'

type Kind = ReferenceOptions['kind']
const blanks = fc.constantFrom(' ', ' ', ' ', '\t', '  ', ' \t ')
const word = fc.constantFrom(
  'foo',
  'a.b',
  '*',
  '>',
  '1',
  '12',
  '+',
  '|',
  'q',
  '\xff',
  'a'.repeat(20),
)
const lineEnd = fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '\r\r\n', '\rx\n')
const noise = fc.string({ unit: fc.constantFrom(...'PUBSLM+-ORNGx \t\r\n019'), maxLength: 6 })
const COMMON = ['PING', 'PONG', '+OK', '-ERR', 'CONNECT', 'INFO', 'HMSG', 'PUB', 'ping', 'Connect']
const VERBS: Record<Kind, readonly string[]> = {
  client: [...COMMON, 'SUB', 'UNSUB', 'HPUB', 'sUb', 'LS+'],
  leaf: [...COMMON, 'LS+', 'LS-', 'LMSG', 'RS+', 'RMSG', 'A+', 'Au', 'ls-', 'SUB', 'AU'],
}
const GOOD: Record<Kind, readonly string[]> = {
  client: [
    'PING\r\n',
    'SUB foo 1\r\n',
    'sub\tfoo q  1 \n',
    'UNSUB 1\r\n',
    'PONG x\n',
    'CONNECT{}\r\n',
  ],
  leaf: ['PING\r\n', 'LS+ foo\r\n', 'LS+ foo q 2\r\n', 'LS- foo q\n', 'A- x\r\n', '-ERR x\r\n'],
}
const MESSAGES: Record<Kind, readonly string[]> = {
  client: ['PUB foo', 'pub foo bar', 'HPUB foo', 'HPUB\tfoo bar', 'PUB foo b c', 'PUB'],
  leaf: [
    'LMSG f',
    'LMSG f r',
    'LMSG f + r q',
    'HMSG f | q w',
    'HMSG f',
    'hmsg f + r q',
    'LMSG f - r q',
  ],
}

function anyLine(kind: Kind): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.constantFrom(...VERBS[kind]),
      fc.array(fc.tuple(blanks, word), { maxLength: 5 }),
      lineEnd,
    )
    .map(([verb, words, end]) => verb + words.flat().join('') + end)
}

function message(kind: Kind): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.constantFrom(...MESSAGES[kind]),
      fc.string({ unit: fc.constantFrom('a', '\r', '\n', ' '), maxLength: 12 }),
      fc.constantFrom('\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', 'x'),
    )
    .map(([head, body, end]) => {
      const headers = /^h/i.test(head) ? ` ${Math.min(2, body.length)}` : ''
      return `${head}${headers} ${body.length}\r\n${body}${end}`
    })
}

/**
 * Bytes (one character each) of a connection: mostly sensible operations, some slips, some noise.
 */
export function streamOf({
  kind,
  awaitingAuth,
}: Pick<ReferenceOptions, 'kind' | 'awaitingAuth'>): fc.Arbitrary<string> {
  const part = fc.oneof(
    { weight: 6, arbitrary: message(kind) },
    { weight: 6, arbitrary: fc.constantFrom(...GOOD[kind]) },
    { weight: 3, arbitrary: anyLine(kind) },
    { weight: 1, arbitrary: noise },
  )
  const connect = awaitingAuth ? ['CONNECT {}\r\n', 'connect{}\n', 'CONNECT {}\r\n', ''] : ['']
  return fc
    .tuple(fc.constantFrom(...connect), fc.array(part, { maxLength: 7 }))
    .map(([first, parts]) => first + parts.join(''))
}
