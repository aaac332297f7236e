import { Broker } from './broker.ts'
import { interpretCommandLine } from './config/command-line.ts'
import type { Options } from './config/options.ts'
import { configurationReader, type ReadConfiguration } from './config/reload/read-again.ts'
import { logSinkOptions } from './lifecycle/log-options.ts'
import { takeSignals } from './lifecycle/signals.ts'
import { createLogSink, type LogSink } from './monitor/log/log-sink.ts'
import { ACCOUNT_RULES } from './router/account-rules.ts'
import type { ThreadsAhead } from './workers/threads/thread-start.ts'

/**
 * The `nats-server` command. Returns when the broker runs, or has nothing to do.
 *
 * @param argv the arguments behind the program's name
 * @param threads what has been started of them; they end with the process
 */
export async function runCommand(argv: readonly string[], threads: ThreadsAhead): Promise<void> {
  const request = interpretCommandLine(argv, process.env, ACCOUNT_RULES)
  if (request.kind === 'exit') {
    process.stdout.write(request.stdout)
    process.stderr.write(request.stderr)
    process.exitCode = request.code
  } else if (request.kind === 'signal') {
    const { sendSignal } = await import('./lifecycle/process-signal.ts')
    const fault = sendSignal(request.command)
    if (fault !== undefined) {
      process.stderr.write(`nats-server: ${fault}\n`)
      process.exitCode = 1
    }
  } else {
    for (const warning of request.warnings) process.stderr.write(`${warning}\n`)
    const { options, configFile: configPath = '', configDigest = '' } = request
    const read = configurationReader(argv, process.env, ACCOUNT_RULES)
    await run({
      options,
      threads,
      configPath,
      configDigest,
      readConfiguration: configPath === '' ? undefined : read,
    })
  }
}

interface Configuration {
  readonly options: Options
  readonly threads: ThreadsAhead
  readonly configPath: string
  readonly configDigest: string
  readonly readConfiguration: ReadConfiguration | undefined
}

async function run(configuration: Configuration): Promise<void> {
  const opening = openLog(configuration.options)
  let broker: Broker | undefined
  const { promise: started, resolve: onStarted } = Promise.withResolvers<Broker>()
  const fail = async (text: string): Promise<never> => {
    const log = await opening
    log.logger.fatal(text)
    await log.drain()
    log.close()
    process.exit(1)
  }
  const end = async (close: Promise<void> | undefined): Promise<never> => {
    await close
    const log = await opening
    await log.drain()
    log.close()
    process.exit(0)
  }
  takeSignals(opening, {
    end: () => end(broker?.close()),
    lameDuck: () => end(broker?.lameDuck()),
    // A file may have changed since it was read for the start.
    reload: async () => (await started).reload(),
    isLameDuck: () => broker?.isLameDuck === true,
  })
  try {
    const onFatal = (text: string) => void fail(text)
    broker = await Broker.start({ ...configuration, log: opening, onFatal })
    onStarted(broker)
  } catch (error) {
    await fail(error instanceof Error ? error.message : String(error))
  }
}

async function openLog(options: Options): Promise<LogSink> {
  try {
    return await createLogSink(logSinkOptions(options))
  } catch (error) {
    process.stderr.write(`nats-server: ${error instanceof Error ? error.message : error}\n`)
    process.exit(1)
  }
}
