import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import type { LogLine } from '../../src/base/log-line.ts'
import { LOG_BATCH_LINES_MAX, ThreadLogger } from '../../src/monitor/log/thread-logger.ts'

const MODULE_URL = new URL('../../src/monitor/log/thread-logger.ts', import.meta.url).href

function batchedLogger(): { logger: ThreadLogger; batches: (readonly LogLine[])[] } {
  const batches: (readonly LogLine[])[] = []
  let atUs = 0
  const clock = { wallUs: () => ++atUs, monotonicMs: () => 0 }
  const post = (lines: readonly LogLine[]): void => void batches.push(lines)
  return { logger: new ThreadLogger({ debug: true, trace: true, post, clock }), batches }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('thread logger', () => {
  it('sends the lines of one turn in one message, in order, with their times', async () => {
    const { logger, batches } = batchedLogger()
    logger.info('one')
    logger.trace('two')
    assert.equal(batches.length, 0)
    await turn()
    assert.deepEqual(batches, [
      [
        { level: 'info', atUs: 1, text: 'one' },
        { level: 'trace', atUs: 2, text: 'two' },
      ],
    ])
    logger.info('three')
    await turn()
    assert.equal(batches.length, 2)
  })

  it('sends errors at once, behind the lines before them, and nothing twice', async () => {
    const { logger, batches } = batchedLogger()
    logger.info('before')
    logger.error('trouble')
    logger.fatal('the end')
    assert.deepEqual(
      batches.map((lines) => lines.map((line) => line.text)),
      [['before', 'trouble'], ['the end']],
    )
    await turn()
    assert.equal(batches.length, 2)
  })

  it('sends a full batch without waiting for the turn to end', () => {
    const { logger, batches } = batchedLogger()
    for (let i = 0; i <= LOG_BATCH_LINES_MAX; i++) logger.debug(`line ${i}`)
    assert.equal(batches.length, 1)
    assert.equal(batches[0]?.length, LOG_BATCH_LINES_MAX)
    logger.flush()
    assert.equal(batches[1]?.length, 1)
    logger.flush()
    assert.equal(batches.length, 2)
  })

  it('gets lines out of a thread that ends right after flush()', async () => {
    const code = `
      import { parentPort } from 'node:worker_threads'
      import { ThreadLogger } from '${MODULE_URL}'
      const post = (lines) => parentPort.postMessage(lines)
      const logger = new ThreadLogger({ debug: false, trace: false, post })
      logger.info('last words')
      logger.flush()
      process.exit()`
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`))
    const texts: string[] = []
    worker.on('message', (lines: LogLine[]) => texts.push(...lines.map((line) => line.text)))
    await new Promise((resolve) => worker.once('exit', resolve))
    assert.deepEqual(texts, ['last words'])
  })
})
