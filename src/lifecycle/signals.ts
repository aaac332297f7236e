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

/**
 * Takes signals as nats-server does: INT and TERM end the server, USR1 opens the log file anew.
 * What HUP and USR2 ask for does not exist here, but untaken they would kill the process.
 *
 * Once the server is ending, further signals do nothing. For USR1 Node would open its debugger; a
 * listener takes the signal away from it. `--disable-sigusr1` must not be set: in Node 24.21 it
 * leaves the signal blocked, so that no listener hears it.
 */
export function takeSignals(log: Promise<LogSink>, end: () => Promise<void>): void {
  const actions: Readonly<Record<SignalName, (sink: LogSink) => void | Promise<void>>> = {
    SIGINT: end,
    SIGTERM: end,
    SIGHUP: ({ logger }) =>
      logger.error(
        'Failed to reload server configuration: reload is not supported by this version of Sable',
      ),
    SIGUSR1: (sink) => sink.reopen(),
    SIGUSR2: ({ logger }) =>
      logger.error('Lame duck mode is not supported by this version of Sable'),
  }
  let isEnding = false
  const take = async (signal: SignalName): Promise<void> => {
    if (isEnding) return
    isEnding = actions[signal] === end
    const sink = await log
    sink.logger.info(`Trapped "${SIGNAL_NAMES[signal]}" signal`)
    await actions[signal](sink)
  }
  for (const signal of Object.keys(SIGNAL_NAMES) as SignalName[]) {
    process.on(signal, () => void take(signal))
  }
}
