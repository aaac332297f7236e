import assert from 'node:assert/strict'
import test from 'node:test'
import {
  type ArgumentsRefusal,
  parseHpub,
  parseLeafMsg,
  parseLeafSub,
  parseLeafUnsub,
  parsePub,
  parseSize,
  parseSub,
  parseUnsub,
  type Span,
  splitArguments,
} from '../../src/protocol/arguments.ts'

type Parser<T> = (bytes: Uint8Array, from: number, to: number) => T | ArgumentsRefusal

/** Parses with bytes around the argument, so that a parser that looks further is found out. */
function apply<T>(parse: Parser<T>, line: string): Record<string, unknown> {
  const bytes = Buffer.from(`7${line}7`, 'latin1')
  const result = parse(bytes, 1, bytes.length - 1) as Record<string, unknown>
  const text = ({ from, to }: Span) => bytes.toString('latin1', from, to)
  return Object.fromEntries(
    Object.entries(result).map(([key, value]) => {
      if (Array.isArray(value)) return [key, value.map(text)]
      return [key, value !== null && typeof value === 'object' ? text(value as Span) : value]
    }),
  )
}

function message(fields: Record<string, unknown>): Record<string, unknown> {
  const defaults = { reply: null, queues: [], headerBytes: -1, headerSizeText: null }
  return { ok: true, ...defaults, ...fields }
}

test('sizes are one to nine digits and nothing else', () => {
  const size = (text: string) => parseSize(Buffer.from(text), { from: 0, to: text.length })
  assert.equal(size('0'), 0)
  assert.equal(size('005'), 5)
  assert.equal(size('999999999'), 999_999_999)
  for (const bad of ['', '1234567890', '-1', '+1', '1.0', ' 1', '0x1', '1e3', '１']) {
    assert.equal(size(bad), -1, bad)
  }
})

test('arguments are parted by runs of blanks, and by CR and LF where the verb says so', () => {
  const words = (text: string, lineEnds: boolean) =>
    splitArguments(Buffer.from(text), 0, text.length, lineEnds).map(({ from, to }) =>
      text.slice(from, to),
    )
  assert.deepEqual(words(' \ta  b\tc ', true), ['a', 'b', 'c'])
  assert.deepEqual(words('a\rb\nc', true), ['a', 'b', 'c'])
  assert.deepEqual(words('a\rb\nc', false), ['a\rb\nc'])
  assert.deepEqual(words('', true), [])
  assert.deepEqual(words('\r', false), ['\r'])
})

test('PUB takes a subject, perhaps a reply, and a size', () => {
  const foo = message({ subject: 'foo', totalBytes: 5, sizeText: '5' })
  assert.deepEqual(apply(parsePub, 'foo 5'), foo)
  assert.deepEqual(apply(parsePub, '\tfoo \t 5 '), foo)
  assert.deepEqual(apply(parsePub, 'foo bar 005'), {
    ...foo,
    reply: 'bar',
    sizeText: '005',
  })
  assert.deepEqual(apply(parsePub, 'f\ro\n 5')['subject'], 'f\ro\n')
})

test('PUB refuses other counts and sizes in the words of nats-server', () => {
  const why = (line: string) => apply(parsePub, line)['why']
  assert.equal(why('foo'), 'processPub Parse Error: "foo"')
  assert.equal(why('\r'), 'processPub Parse Error: "\\r"')
  assert.equal(why('a b c 1'), 'processPub Parse Error: "a b c 1"')
  assert.equal(why('foo x'), 'processPub Bad or Missing Size: "foo x"')
  assert.equal(why('foo 1234567890'), 'processPub Bad or Missing Size: "foo 1234567890"')
  assert.equal(why('\xff x'), 'processPub Bad or Missing Size: "\\xff x"')
})

test('HPUB takes a subject, perhaps a reply, header size and total size', () => {
  const foo = message({
    subject: 'foo',
    headerBytes: 12,
    totalBytes: 17,
    headerSizeText: '12',
    sizeText: '17',
  })
  assert.deepEqual(apply(parseHpub, 'foo 12 17'), foo)
  assert.deepEqual(apply(parseHpub, 'foo bar 12 17'), { ...foo, reply: 'bar' })
  assert.equal(apply(parseHpub, 'foo 17 17')['ok'], true)
  assert.equal(apply(parseHpub, 'foo 0 0')['ok'], true)
  for (const bad of ['foo 17', 'a b c 1 2', 'foo 18 17', 'foo x 17', 'foo 12 x', 'foo -1 17', '']) {
    assert.equal(apply(parseHpub, bad)['ok'], false, bad)
  }
})

test('SUB takes a subject, perhaps a queue, and a sid', () => {
  const foo = { ok: true, subject: 'foo', queue: null, sid: '1' }
  assert.deepEqual(apply(parseSub, 'foo 1'), foo)
  assert.deepEqual(apply(parseSub, '\nfoo\r1 '), foo)
  assert.deepEqual(apply(parseSub, 'foo q a-b'), { ...foo, queue: 'q', sid: 'a-b' })
  for (const bad of ['foo', '', '\r', 'a b c d']) {
    assert.equal(apply(parseSub, bad)['ok'], false, bad)
  }
})

test('UNSUB takes a sid and perhaps a number; a bad number means at once', () => {
  assert.deepEqual(apply(parseUnsub, '1'), { ok: true, sid: '1', max: -1 })
  assert.deepEqual(apply(parseUnsub, '1 5'), { ok: true, sid: '1', max: 5 })
  assert.deepEqual(apply(parseUnsub, '1 x'), { ok: true, sid: '1', max: -1 })
  assert.equal(apply(parseUnsub, '')['ok'], false)
  assert.equal(apply(parseUnsub, '1 2 3')['ok'], false)
})

test('LS+ takes a subject, or a subject with queue and weight; a bad weight counts as one', () => {
  const foo = { ok: true, subject: 'foo', queue: null, weight: 1 }
  assert.deepEqual(apply(parseLeafSub, 'foo'), foo)
  assert.deepEqual(apply(parseLeafSub, 'foo q 3'), { ...foo, queue: 'q', weight: 3 })
  assert.equal(apply(parseLeafSub, 'foo q 0')['weight'], 1)
  assert.equal(apply(parseLeafSub, 'foo q x')['weight'], 1)
  for (const bad of ['', 'foo q', 'foo q 1 2']) {
    assert.equal(apply(parseLeafSub, bad)['ok'], false, bad)
  }
  assert.equal(apply(parseLeafSub, 'foo q')['why'], "processLeafSub Parse Error: 'foo q'")
})

test('LS- takes a subject and perhaps a queue; any other line names nothing there is', () => {
  assert.deepEqual(apply(parseLeafUnsub, 'foo'), { ok: true, subject: 'foo', queue: null })
  assert.deepEqual(apply(parseLeafUnsub, 'foo q'), { ok: true, subject: 'foo', queue: 'q' })
  assert.deepEqual(apply(parseLeafUnsub, 'a b c'), { ok: true, subject: 'a b c', queue: null })
})

test('LMSG has four shapes', () => {
  const parse: Parser<unknown> = (bytes, from, to) => parseLeafMsg(bytes, from, to, false)
  const foo = message({ subject: 'foo', totalBytes: 5, sizeText: '5' })
  assert.deepEqual(apply(parse, 'foo 5'), foo)
  assert.deepEqual(apply(parse, 'foo bar 5'), { ...foo, reply: 'bar' })
  assert.deepEqual(apply(parse, 'foo | q 5'), { ...foo, queues: ['q'] })
  assert.deepEqual(apply(parse, 'foo | q w 5'), { ...foo, queues: ['q', 'w'] })
  assert.deepEqual(apply(parse, 'foo + bar q w 5'), { ...foo, reply: 'bar', queues: ['q', 'w'] })
  assert.deepEqual(apply(parse, 'foo + bar 5'), { ...foo, reply: 'bar' })
  for (const bad of ['', 'foo', 'foo x', 'foo a b 5', 'foo ++ b 5', 'foo | q x']) {
    assert.equal(apply(parse, bad)['ok'], false, bad)
  }
})

test('HMSG of a leaf has four shapes, each with two sizes', () => {
  const parse: Parser<unknown> = (bytes, from, to) => parseLeafMsg(bytes, from, to, true)
  const sizes = { headerBytes: 2, totalBytes: 5, headerSizeText: '2', sizeText: '5' }
  const foo = message({ subject: 'foo', ...sizes })
  assert.deepEqual(apply(parse, 'foo 2 5'), foo)
  assert.deepEqual(apply(parse, 'foo bar 2 5'), { ...foo, reply: 'bar' })
  assert.deepEqual(apply(parse, 'foo | q 2 5'), { ...foo, queues: ['q'] })
  assert.deepEqual(apply(parse, 'foo + bar q w 2 5'), { ...foo, reply: 'bar', queues: ['q', 'w'] })
  for (const bad of ['foo 5', 'foo 6 5', 'foo x 5', 'foo 2 x', 'foo a b 2 5', '']) {
    assert.equal(apply(parse, bad)['ok'], false, bad)
  }
})
