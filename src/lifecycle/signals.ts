import type { LogSink } from '../monitor/log/log-sink.ts'

/** The signals the command takes, by the names nats-server logs. */
const SIGNAL_NAMES = {
  SIGINT: 'interrupt',
  SIGTERM: 'terminated',
  SIGHUP: 'hangup',
  SIGUSR1: 'user defined signal 1',
  SIGUSR2: 'user defined signal 2',
} as const

type SignalName = keyof typeof SIGNAL_NAMES

export interface SignalActions {
  /** Ends the server, and then the process. */
  readonly end: () => Promise<void>
  /** Ends the server without a rush, and then the process. */
  readonly lameDuck: () => Promise<void>
  /**
   * Puts the configuration as it is now in force, as soon as the server has started; rejects when
   * it cannot.
   */
  readonly reload: () => Promise<unknown>
  /** The server is a lame duck: TERM has no effect then. */
  readonly isLameDuck: () => boolean
}

/**
 * Takes signals as nats-server does: INT and TERM end the server, USR1 opens the log file anew,
 * USR2 makes it a lame duck, HUP has it read its configuration again.
 *
 * Once the server is ending, further signals do nothing. For USR1 Node would open its debugger; a
 * listener takes the signal away from it. `--disable-sigusr1` must not be set: in Node 24.21 it
 * leaves the signal blocked, so that no listener hears it.
 */
export function takeSignals(
  log: Promise<LogSink>,
  { end, lameDuck, reload, isLameDuck }: SignalActions,
): void {
  const actions: Readonly<Record<SignalName, (sink: LogSink) => void | Promise<void>>> = {
    SIGINT: end,
    SIGTERM: async () => {
      if (!isLameDuck()) await end()
    },
    SIGHUP: async ({ logger }) => {
      try {
        await reload()
      } catch (error) {
        // Faults of a file end with a line feed each.
        const why = (error instanceof Error ? error.message : String(error)).trimEnd()
        logger.error(`Failed to reload server configuration: ${why}`)
      }
    },
    SIGUSR1: (sink) => sink.reopen(),
    SIGUSR2: lameDuck,
  }
  let isEnding = false
  const take = async (signal: SignalName): Promise<void> => {
    if (isEnding) return
    isEnding = signal === 'SIGINT' || (signal === 'SIGTERM' && !isLameDuck())
    const sink = await log
    sink.logger.info(`Trapped "${SIGNAL_NAMES[signal]}" signal`)
    await actions[signal](sink)
  }
  for (const signal of Object.keys(SIGNAL_NAMES) as SignalName[]) {
    process.on(signal, () => void take(signal))
  }
}
