import { availableParallelism } from 'node:os'
import type { Piscina } from 'piscina'
import type { BcryptAsker, VerifyBcrypt } from '../../auth/password.ts'
import type { BcryptTask } from '../crypto-task.ts'
import { threadEntry } from '../thread-entry.ts'
import { CryptoQueue, type WaitingTask } from './crypto-queue.ts'

/**
 * Verifications that may wait; of more, the network with the most of them loses one. Chosen: at
 * bcrypt cost 10 a thread does about 14 a second, so who stands behind a thousand others has met
 * the authentication timeout (2 s) long before.
 */
export const CRYPTO_TASKS_MAX = 1024

/**
 * bcrypt is wanted when clients connect, which comes in waves; between them the thread gives its
 * memory back.
 */
const IDLE_MS = 30_000

/** bcrypt looks at 72 bytes; each character is one at least, and the last may be half of one. */
const PASSWORD_CHARS_MAX = 73

/** They give way to all other threads, so that half of the processors is not too much. */
const PROCESSORS_PER_THREAD = 2

const NOBODY: BcryptAsker = { address: '', connection: 0, deadlineMs: 0 }

export interface CryptoPoolOptions {
  /** Default: one for two processors. */
  readonly threadCount?: number
  /** Default CRYPTO_TASKS_MAX. */
  readonly tasksMax?: number
  /**
   * Gets a text for the log when a verification could not be done; called once per verification, so
   * limit its rate.
   */
  readonly onTrouble?: (text: string) => void
}

/** Verifications that wait for a thread, and that have one. */
export interface CryptoLoad {
  readonly waiting: number
  readonly running: number
}

/** Threads for cryptography that would hold up an IO thread for more than a millisecond. */
export interface CryptoPool {
  /**
   * Never rejects: false also when too many wait, the deadline is over, the connection is gone, the
   * pool is closed, or its thread died.
   */
  readonly verifyBcrypt: VerifyBcrypt
  /** The connection is gone: what waits for it is not computed. */
  forget(connection: number): void
  load(): CryptoLoad
  /** Ends the threads; what waits is answered with false. */
  close(): Promise<void>
}

/**
 * Costs nothing until the first verification: piscina is imported (11-21 ms) and its thread started
 * then. Its threads give way to all others of the machine, see crypto-task.ts.
 */
export function createCryptoPool(options: CryptoPoolOptions = {}): CryptoPool {
  const { tasksMax = CRYPTO_TASKS_MAX, onTrouble = () => {} } = options
  const { threadCount = Math.ceil(availableParallelism() / PROCESSORS_PER_THREAD) } = options
  const queue = new CryptoQueue()
  let pool: Promise<Piscina> | undefined
  let runningCount = 0
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

  /** Gives each thread one task at a time: what waits, waits here, where it can be taken back. */
  function advance(): void {
    while (runningCount < threadCount) {
      const task = queue.next(Date.now())
      if (task === undefined) return
      runningCount++
      void run(task).then((isRight) => {
        runningCount--
        task.answer(isRight)
        advance()
      })
    }
  }

  async function run({ password, hash }: WaitingTask): Promise<boolean> {
    const task: BcryptTask = { password, hash }
    try {
      pool ??= start()
      const piscina = await pool
      return !isClosed && (await piscina.run(task, { name: 'verifyBcrypt' })) === true
    } catch (error) {
      if (!isClosed) onTrouble(`Password not verified: ${String(error)}`)
      return false
    }
  }

  function refuseSurplus(): void {
    if (queue.size <= tasksMax) return
    onTrouble(`Password not verified: ${tasksMax} verifications are waiting already`)
    queue.giveUp()?.answer(false)
  }

  return {
    verifyBcrypt: (password, hash, asker = NOBODY) =>
      new Promise((answer) => {
        const task: WaitingTask = { password: enoughOf(password), hash, asker, answer }
        if (isClosed) return answer(false)
        queue.add(task)
        advance()
        refuseSurplus()
      }),

    forget: (connection) => queue.forget(connection),

    load: () => ({ waiting: queue.size, running: runningCount }),

    async close() {
      isClosed = true
      queue.clear()
      await (await pool)?.destroy()
    },
  }
}

/** What waits shall not hold on to long passwords; the copy lets go of the text it is a part of. */
function enoughOf(password: string): string {
  if (password.length <= PASSWORD_CHARS_MAX) return password
  return Buffer.from(password.slice(0, PASSWORD_CHARS_MAX)).toString()
}
