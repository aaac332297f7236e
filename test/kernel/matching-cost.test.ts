import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Threads } from './threads.ts'

const threads = new Threads({ workerCount: 1 })
const worker = threads.worker(1)
const LEVELS = 10
const MESSAGES = 400
/** See pace.ts. */
const WORK_MAX = 32_768

describe('a table of wildcards that has a look at half of it for each subject', () => {
  const { exports, layout } = worker
  const connection = worker.connect()
  for (let bits = 0; bits < 2 ** LEVELS; bits++) {
    const tokens = Array.from({ length: LEVELS }, (_, i) => ((bits >> i) & 1 ? '*' : 'a'))
    worker.subscribe(connection, [...tokens, 'z'].join('.'), '', `${bits}`)
  }
  threads.settle()
  const prefix = 'a.'.repeat(LEVELS)

  /** @returns how many of the messages were read before it stopped */
  function publish(from: number): number {
    const lines = Array.from(
      { length: MESSAGES - from },
      (_, i) => `PUB ${prefix}n${1000 + from + i} 1\r\nx\r\n`,
    )
    const text = lines.join('')
    const [at] = worker.place(text)
    return (exports.ingest(connection, at!, at! + text.length) - at!) / lines[0]!.length
  }

  test('lets others have their turn after so much work, and then goes on', () => {
    exports.setPacing(1)
    exports.renewMatching()
    const most = Math.ceil(WORK_MAX / 2 ** LEVELS)
    let sum = 0
    while (sum < MESSAGES) {
      const count = publish(sum)
      sum += count
      assert.ok(count > 0 && count <= most, `${count} messages at once`)
      if (sum === MESSAGES) break
      assert.equal(exports.status.value, layout.STATUS_SPENT)
      assert.equal(publish(sum), 0)
      exports.renewMatching()
    }
    assert.equal(sum, MESSAGES)
  })

  test('costs nothing more where the audience is known', () => {
    exports.renewMatching()
    publish(MESSAGES - 1)
    const [at] = worker.place(`PUB ${prefix}n${1000 + MESSAGES - 1} 1\r\nx\r\n`.repeat(5000))
    const bytes = `PUB ${prefix}n${1000 + MESSAGES - 1} 1\r\nx\r\n`.length * 5000
    assert.equal(exports.ingest(connection, at!, at! + bytes), at! + bytes)
    exports.setPacing(0)
  })
})
