import type { Worker } from 'node:worker_threads'
import { timerMs } from '../base/clock.ts'
import type { FromThread } from './thread-messages.ts'

/**
 * The next message of one type from a thread.
 *
 * @returns undefined when the thread ends before, or does not answer in time
 */
export function threadReply<T extends FromThread['type']>(
  worker: Worker,
  type: T,
  timeoutMs: number,
): Promise<Extract<FromThread, { type: T }> | undefined> {
  return new Promise((resolve) => {
    const done = (reply?: Extract<FromThread, { type: T }>) => {
      clearTimeout(timer)
      worker.off('message', onMessage)
      worker.off('exit', onExit)
      resolve(reply)
    }
    const onMessage = (message: FromThread) => {
      if (message.type === type) done(message as Extract<FromThread, { type: T }>)
    }
    const onExit = () => done()
    const timer = setTimeout(done, timerMs(timeoutMs))
    worker.on('message', onMessage)
    worker.on('exit', onExit)
  })
}
