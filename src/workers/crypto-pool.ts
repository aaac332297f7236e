import type { Piscina } from 'piscina'
import type { BcryptTask } from './crypto-task.ts'
import { threadEntry } from './thread-entry.ts'

/**
 * Verifications that may wait or run at once; more are refused. Chosen: at bcrypt cost 10 a thread
 * does about 14 a second, so who stands behind a thousand others has met the authentication timeout
 * (2 s) long before.
 */
export const CRYPTO_TASKS_MAX = 1024

/**
 * bcrypt is wanted when clients connect, which comes in waves; between them the thread gives its
 * memory back.
 */
const IDLE_MS = 30_000

export interface CryptoPoolOptions {
  /** Default 1. */
  readonly threadCount?: number
  /** Default CRYPTO_TASKS_MAX. */
  readonly tasksMax?: number
  /**
   * Gets a text for the log when a verification could not be done; called once per verification, so
   * limit its rate.
   */
  readonly onTrouble?: (text: string) => void
}

/** Threads for cryptography that would hold up an IO thread for more than a millisecond. */
export interface CryptoPool {
  /** Never rejects: false also when the pool is full or closed, or its thread died. */
  verifyBcrypt(password: string, hash: string): Promise<boolean>
  /** Ends the threads; what waits is answered with false. */
  close(): Promise<void>
}

/**
 * Costs nothing until the first verification: piscina is imported (11-21 ms) and its thread started
 * then.
 */
export function createCryptoPool(options: CryptoPoolOptions = {}): CryptoPool {
  const { threadCount = 1, tasksMax = CRYPTO_TASKS_MAX, onTrouble = () => {} } = options
  let pool: Promise<Piscina> | undefined
  let taskCount = 0
  let isClosed = false

  async function start(): Promise<Piscina> {
    const { Piscina } = await import('piscina')
    return new Piscina({
      filename: threadEntry('crypto-task').href,
      minThreads: 0,
      maxThreads: threadCount,
      idleTimeout: IDLE_MS,
      atomics: 'disabled',
    })
  }

  async function run(task: BcryptTask): Promise<boolean> {
    pool ??= start()
    const piscina = await pool
    return !isClosed && (await piscina.run(task, { name: 'verifyBcrypt' })) === true
  }

  return {
    async verifyBcrypt(password, hash) {
      if (isClosed) return false
      // Counted here and not by piscina's maxQueue, which does not see those that wait for its
      // import.
      if (taskCount >= tasksMax) {
        onTrouble(`Password not verified: ${taskCount} verifications are waiting already`)
        return false
      }
      taskCount++
      try {
        return await run({ password, hash })
      } catch (error) {
        if (!isClosed) onTrouble(`Password not verified: ${String(error)}`)
        return false
      } finally {
        taskCount--
      }
    },

    async close() {
      isClosed = true
      await (await pool)?.destroy()
    },
  }
}
