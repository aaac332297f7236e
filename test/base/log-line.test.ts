import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LineLogger, type LogLevel } from '../../src/base/log-line.ts'

function logAll(debug: boolean, trace: boolean): LogLevel[] {
  const levels: LogLevel[] = []
  const logger = new LineLogger({ debug, trace }, (level, text) => {
    assert.equal(text, `text of ${level}`)
    levels.push(level)
  })
  assert.equal(logger.debugEnabled, debug)
  assert.equal(logger.traceEnabled, trace)
  for (const level of ['info', 'warn', 'error', 'fatal', 'debug', 'trace'] as const) {
    logger[level](`text of ${level}`)
  }
  return levels
}

describe('logger', () => {
  it('drops debug and trace unless switched on, each for itself', () => {
    assert.deepEqual(logAll(false, false), ['info', 'warn', 'error', 'fatal'])
    assert.deepEqual(logAll(true, false), ['info', 'warn', 'error', 'fatal', 'debug'])
    assert.deepEqual(logAll(false, true), ['info', 'warn', 'error', 'fatal', 'trace'])
  })

  it('obeys switches that change while it is in use', () => {
    const texts: string[] = []
    const logger = new LineLogger({ debug: false, trace: false }, (_level, text) => {
      texts.push(text)
    })
    logger.debug('early')
    logger.setSwitches({ debug: true, trace: true })
    logger.debug('late')
    assert.deepEqual(texts, ['late'])
  })
})
