import assert from 'node:assert/strict'
import { openSync } from 'node:fs'
import { createServer } from 'node:net'
import { describe, it } from 'node:test'
import { AssertionError, assert as hold } from '../../src/base/assert.ts'
import { BrokerError, fileErrorText, systemErrorReason } from '../../src/base/errors.ts'

class LaneError extends BrokerError {}

function errorOf(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('broker errors', () => {
  it('carry code, context, cause and the name of their class', () => {
    const cause = new Error('below')
    const error = new LaneError('BRK_LANE', 'Lane broken', { context: { lane: 3 }, cause })
    assert.ok(error instanceof Error && error instanceof BrokerError)
    assert.equal(error.name, 'LaneError')
    assert.equal(error.code, 'BRK_LANE')
    assert.deepEqual(error.context, { lane: 3 })
    assert.equal(error.cause, cause)
  })

  it('have no cause and an empty context when none are given', () => {
    const error = new BrokerError('BRK_X', 'x')
    assert.deepEqual(error.context, {})
    assert.ok(!('cause' in error))
  })

  it('make one log line, whatever the context holds', () => {
    const context = { cid: 7, isOpen: true, snippet: 'PUB a\r\n"b"' }
    const { logText } = new BrokerError('BRK_X', 'Refused', { context })
    assert.equal(logText, 'Refused: BRK_X cid=7 isOpen=true snippet="PUB a\\r\\n\\"b\\""')
    assert.equal(new BrokerError('BRK_X', 'Refused').logText, 'Refused: BRK_X')
  })
})

describe('assert', () => {
  it('is silent when the condition holds, and narrows its type', () => {
    const value: string | undefined = ['here'][0]
    hold(value !== undefined, 'value is there')
    assert.equal(value.length, 4)
  })

  it('throws what should have held, with its numbers', () => {
    const error = errorOf(() => hold(1 > 2, 'one is more than two', { one: 1 }))
    assert.ok(error instanceof AssertionError)
    assert.equal(error.code, 'BRK_ASSERTION')
    assert.equal(error.message, 'assertion failed: one is more than two')
    assert.deepEqual(error.context, { one: 1 })
  })
})

describe('texts of system errors', () => {
  it('are worded as Go words them', () => {
    const missing = errorOf(() => openSync('/nonexistent/x', 'r'))
    assert.equal(
      fileErrorText('open', '/nonexistent/x', missing),
      'open /nonexistent/x: no such file or directory',
    )
    assert.equal(systemErrorReason(errorOf(() => openSync('/tmp', 'w'))), 'is a directory')
  })

  it('fall back to the message of errors that are not from the system', () => {
    assert.equal(systemErrorReason(new Error('odd')), 'odd')
    assert.equal(systemErrorReason('odd'), 'odd')
  })

  it('name a taken port as nats-server does', async () => {
    const first = createServer()
    await new Promise<void>((resolve) => first.listen(0, '127.0.0.1', resolve))
    const address = first.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const error = await new Promise((resolve) => {
      createServer().once('error', resolve).listen(port, '127.0.0.1')
    })
    first.close()
    assert.equal(systemErrorReason(error), 'address already in use')
  })
})
