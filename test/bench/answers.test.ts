import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { answersTo } from '../../bench/drivers/answers.ts'

interface Request {
  readonly reply: string
  readonly headers: string
  readonly body: string
}

const word = fc.string({ unit: fc.constantFrom('a', 'M', 'H', '.'), minLength: 1, maxLength: 5 })
const request: fc.Arbitrary<Request> = fc.record({
  reply: word,
  headers: fc.constantFrom('', 'NATS/1.0\r\n\r\n', 'NATS/1.0\r\nA: MSG b 1 c 2\r\n\r\n'),
  body: fc.string({ unit: fc.constantFrom('x', '\r', '\n', 'M'), maxLength: 20 }),
})

function frameOf({ reply, headers, body }: Request): string {
  const total = headers.length + body.length
  return headers === ''
    ? `MSG bench.echo 1 ${reply} ${total}\r\n${body}\r\n`
    : `HMSG bench.echo 1 ${reply} ${headers.length} ${total}\r\n${headers}${body}\r\n`
}

test('every request is answered with its body, wherever chunks end', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 })
  fc.assert(
    fc.property(fc.array(request), sizes, (requests, chunkSizes) => {
      const frames = requests.map(frameOf)
      const bytes = Buffer.from(['PING\r\n', ...frames].join('PONG\r\n'), 'latin1')
      const answers = answersTo()
      let given = ''
      let from = 0
      for (let i = 0; from < bytes.length; i++) {
        const to = from + chunkSizes[i % chunkSizes.length]!
        given += answers(bytes.subarray(from, to)).toString('latin1')
        from = to
      }
      const wanted = requests.map(({ reply, body }) => `PUB ${reply} ${body.length}\r\n${body}\r\n`)
      assert.equal(given, wanted.join(''))
    }),
  )
})

test('responders who are asked the same answer the same, in pieces or not', () => {
  const last = { asked: Buffer.alloc(0), answers: Buffer.alloc(0) }
  const bytes = Buffer.from('MSG bench.echo 1 a 2\r\nhi\r\n', 'latin1')
  const wanted = 'PUB a 2\r\nhi\r\n'
  const [first, second, third] = [answersTo(last), answersTo(last), answersTo(last)]
  assert.equal(first(bytes).toString(), wanted)
  assert.equal(second(bytes).toString(), wanted)
  assert.equal(third(bytes.subarray(0, 5)).toString(), '')
  assert.equal(third(bytes.subarray(5)).toString(), wanted)
  assert.equal(third(bytes).toString(), wanted)
  const other = Buffer.from('MSG bench.echo 1 b 0\r\n\r\n', 'latin1')
  assert.equal(second(other).toString(), 'PUB b 0\r\n\r\n')
})
