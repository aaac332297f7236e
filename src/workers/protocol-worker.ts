/** Thread of one protocol worker. */
import { parentPort, workerData } from 'node:worker_threads'
import { runProtocolThread } from './protocol-thread.ts'
import type { ThreadStart } from './threads/thread-messages.ts'

await runProtocolThread(workerData as ThreadStart, parentPort!)
