import { once } from 'node:events'
import type { MessagePort } from 'node:worker_threads'

/** One load driver: opened once, then given one command after the other. */
export interface Driver<Command, Result> {
  open(): Promise<void>
  run(command: Command): Promise<Result>
  close(): void
}

/** Last command of a run; also what a closed port stands for. */
export const END = 'end'

/** First message of a driver to its group, when it is ready for commands. */
export const READY = 'ready'

/**
 * Runs one driver on this thread until its group says END. Rejects with the first failure of any of
 * the driver's connections; these come between commands as well as during one.
 */
export async function serve<Command, Result>(
  port: MessagePort,
  create: (onFailure: (error: Error) => void) => Driver<Command, Result>,
): Promise<void> {
  const failure = Promise.withResolvers<never>()
  failure.promise.catch(() => {}) // it may come when nobody is in the race below
  const orFailure = <T>(promise: Promise<T>): Promise<T> => Promise.race([promise, failure.promise])
  const driver = create(failure.reject)
  try {
    await orFailure(driver.open())
    const closed = once(port, 'close').then((): typeof END => END)
    const nextCommand = (): Promise<Command | typeof END> =>
      Promise.race([once(port, 'message').then(([command]: Command[]) => command!), closed])
    let next = nextCommand()
    port.postMessage(READY)
    for (;;) {
      const command = await orFailure(next)
      if (command === END) return
      next = nextCommand()
      port.postMessage(await orFailure(driver.run(command)))
    }
  } finally {
    driver.close()
    port.close()
  }
}
