import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { KERNELS, Threads } from '../kernel/threads.ts'

const SIZE = 300_000
/** Kept by lanes and lent payloads together for one slow thread, with room to spare. */
const LENT_BYTES_MAX = 3 * 1024 * 1024

/** Three workers; two of them have a subscriber, the third publishes what no lane can take. */
class Scene {
  readonly threads: Threads
  readonly publisher: number
  readonly subscribers: readonly number[]

  constructor(module: WebAssembly.Module) {
    this.threads = new Threads({ workerCount: 3, module })
    this.publisher = this.threads.worker(1).connect()
    this.subscribers = [2, 3].map((thread) => {
      const connection = this.threads.worker(thread).connect()
      this.threads.worker(thread).subscribe(connection, 'large')
      return connection
    })
    this.threads.settle()
  }

  /** Returns the status, STATUS_*. */
  publish(letter: string): number {
    const worker = this.threads.worker(1)
    const { exports, layout } = worker
    const text = `PUB large ${SIZE}\r\n${letter.repeat(SIZE)}\r\n`
    const [at] = worker.place(text)
    const end = exports.ingest(this.publisher, at!, at! + text.length)
    exports.commitLanes()
    if (exports.status.value === layout.STATUS_DONE) assert.equal(end, at! + text.length)
    return exports.status.value
  }

  /** Letters of the messages that came to worker 2 or 3, each checked to be whole. */
  received(thread: 2 | 3): string {
    const worker = this.threads.worker(thread)
    while (worker.drainLanes()) {}
    const text = worker.take(this.subscribers[thread - 2]!)
    const frames = text.split(`MSG large 1 ${SIZE}\r\n`).slice(1)
    return frames
      .map((frame) => {
        const letter = frame[0]!
        assert.equal(frame, `${letter.repeat(SIZE)}\r\n`, 'a whole payload')
        return letter
      })
      .join('')
  }
}

for (const { name, module } of KERNELS) {
  describe(`payloads lent between threads, ${name} kernel`, () => {
    test('stay with the living when one of their readers dies', () => {
      const scene = new Scene(module)
      const { layout } = scene.threads.router
      const lender = scene.threads.worker(1)
      scene.publish('z')
      assert.equal(scene.received(2) + scene.received(3), 'zz')
      lender.exports.tidy()
      const freeBefore = lender.freePages
      scene.publish('a')
      scene.publish('b')
      // Worker 3 dies before it has read anything; worker 2 has not read either.
      scene.threads.worker(3).setState(layout.THREAD_STATE_DEAD)
      lender.exports.resetLanes(3)
      lender.exports.forgetReader(3)
      // What is not lent any more is used again at once.
      scene.publish('c')
      scene.publish('d')
      assert.equal(scene.received(2), 'abcd')
      lender.exports.tidy()
      assert.equal(lender.hasLent, false, 'blocks still lent')
      assert.equal(lender.freePages, freeBefore, 'pages of the lender')
    })

    test('are bounded: a thread that does not read holds its publisher back', () => {
      const scene = new Scene(module)
      const { STATUS_DONE, STATUS_LANE_FULL } = scene.threads.router.layout
      let sent = ''
      for (let i = 0; i < 26; i++) {
        if (scene.publish(letterOf(i)) !== STATUS_DONE) break
        sent += letterOf(i)
      }
      assert.ok(sent.length * SIZE < LENT_BYTES_MAX, `${sent.length} payloads were lent`)
      const { exports } = scene.threads.worker(1)
      assert.equal(exports.status.value, STATUS_LANE_FULL)
      // It waits for a thread that owes something, and is woken by it.
      assert.equal(scene.received(2), sent)
      assert.equal(scene.publish('z'), STATUS_LANE_FULL, 'worker 3 has not read')
      assert.equal(exports.fullLane.value, 3, 'the thread that is waited for')
      assert.equal(exports.awaitRoom(3), 1, 'it has made no room yet')
      assert.equal(scene.received(3), sent)
      assert.equal(scene.threads.worker(3).exports.takeBlocked(1), 1, 'the publisher is rung')
      assert.equal(scene.publish('z'), STATUS_DONE)
      assert.equal(scene.received(2) + scene.received(3), 'zz')
    })

    test('are read in portions, like everything else in a lane', () => {
      const scene = new Scene(module)
      scene.publish('a')
      scene.publish('b')
      scene.publish('c')
      const worker = scene.threads.worker(2)
      // 512 KiB are two of them: then what came must be flushed before there is more.
      worker.drainLanes()
      const first = worker.take(scene.subscribers[0]!)
      assert.equal(first.length, 2 * (`MSG large 1 ${SIZE}\r\n\r\n`.length + SIZE), 'one portion')
      assert.equal(scene.received(2), 'c')
    })
  })
}

function letterOf(index: number): string {
  return String.fromCharCode('a'.charCodeAt(0) + index)
}
