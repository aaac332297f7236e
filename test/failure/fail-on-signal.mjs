/**
 * For `node --import`: on SIGWINCH the newest worker thread of the program is asked to fail, as the
 * supervisor's own hook does it (`failThread`). Lets a test look at a whole server process.
 */
import { syncBuiltinESMExports } from 'node:module'
import threads from 'node:worker_threads'

if (threads.isMainThread) {
  const created = []
  threads.Worker = class extends threads.Worker {
    constructor(...facts) {
      super(...facts)
      created.push(this)
    }
  }
  syncBuiltinESMExports()
  process.on('SIGWINCH', () => created.at(-1)?.postMessage({ type: 'fail', how: 'error' }))
}
