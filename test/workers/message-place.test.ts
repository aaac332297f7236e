import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  readFrame,
  writeLatin1,
  writeWholeNumber,
} from '../../src/workers/messages/message-place.ts'

const word = fc.string({ unit: fc.constantFrom('a', 'H', '.', '7'), minLength: 1, maxLength: 6 })
const message = fc.record({
  subject: word,
  sid: fc.nat(),
  reply: fc.option(word, { nil: '' }),
  headers: fc.constantFrom('', 'NATS/1.0\r\n\r\n', 'NATS/1.0\r\nA: b\r\n\r\n'),
  body: fc.string({ unit: fc.constantFrom('x', ' ', '\r', '\n'), maxLength: 12 }),
})

test('the parts of a frame are found', () => {
  fc.assert(
    fc.property(message, fc.nat({ max: 9 }), ({ subject, sid, reply, headers, body }, at) => {
      const total = headers.length + body.length
      const sizes = headers === '' ? `${total}` : `${headers.length} ${total}`
      const verb = headers === '' ? 'MSG' : 'HMSG'
      const line = [verb, subject, sid, ...(reply === '' ? [] : [reply]), sizes].join(' ')
      const frame = `${line}\r\n${headers}${body}\r\n`
      const bytes = Buffer.from(`${'#'.repeat(at)}${frame}MSG next 1 0\r\n`, 'latin1')
      const found = readFrame(bytes, at)
      const text = (from: number, length: number) => bytes.toString('latin1', from, from + length)
      assert.equal(text(found.subject, found.subjectBytes), subject)
      assert.equal(found.sid, sid)
      assert.equal(text(found.reply, found.replyBytes), reply)
      const headerSize = headers === '' ? '' : String(headers.length)
      assert.equal(text(found.headerText, found.headerTextBytes), headerSize)
      assert.equal(text(found.sizeText, found.sizeTextBytes), String(total))
      assert.equal(found.headerBytes, headers.length)
      assert.equal(found.totalBytes, total)
      assert.equal(text(found.payload, found.totalBytes), headers + body)
      assert.equal(found.end, at + frame.length)
    }),
  )
})

test('numbers and texts are written where they belong, and nothing else is', () => {
  fc.assert(
    fc.property(fc.nat(), word, (value, text) => {
      const bytes = Buffer.alloc(40, '#')
      const wanted = `##${value}${text}`
      const end = writeLatin1(bytes, writeWholeNumber(bytes, 2, value), text)
      assert.equal(end, wanted.length)
      assert.equal(bytes.toString('latin1'), wanted.padEnd(40, '#'))
    }),
  )
})
