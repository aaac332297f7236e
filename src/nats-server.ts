/** The `nats-server` command. */
import { isatty } from 'node:tty'
import { Broker } from './broker.ts'
import { interpretCommandLine } from './config/command-line.ts'
import type { Options } from './config/options.ts'
import { takeSignals } from './lifecycle/signals.ts'
import { createLogSink, type LogSink } from './monitor/log/log-sink.ts'
import { ACCOUNT_RULES } from './router/account-rules.ts'

const STDERR_FD = 2

/** What `ps`, `pgrep` and /proc show. */
process.title = 'nats-server'

const request = interpretCommandLine(process.argv.slice(2), process.env, ACCOUNT_RULES)
if (request.kind === 'exit') {
  process.stdout.write(request.stdout)
  process.stderr.write(request.stderr)
  process.exitCode = request.code
} else {
  for (const warning of request.warnings) process.stderr.write(`${warning}\n`)
  await run(request.options, request.configFile ?? '', request.configDigest ?? '')
}

async function run(options: Options, configPath: string, configDigest: string): Promise<void> {
  const opening = openLog(options)
  let broker: Broker | undefined
  const fail = async (text: string): Promise<never> => {
    const log = await opening
    log.logger.fatal(text)
    log.close()
    process.exit(1)
  }
  const end = async (close: Promise<void> | undefined): Promise<never> => {
    await close
    const log = await opening
    log.close()
    process.exit(0)
  }
  takeSignals(opening, {
    end: () => end(broker?.close()),
    lameDuck: () => end(broker?.lameDuck()),
    reloadCertificates: () => broker?.reloadCertificates(),
    isLameDuck: () => broker?.isLameDuck === true,
  })
  try {
    const onFatal = (text: string) => void fail(text)
    broker = await Broker.start({ options, log: opening, configPath, configDigest, onFatal })
  } catch (error) {
    await fail(error instanceof Error ? error.message : String(error))
  }
}

async function openLog(options: Options): Promise<LogSink> {
  try {
    return await createLogSink({
      format: options.logFormat,
      file: options.logFile === '' ? undefined : options.logFile,
      sizeLimitBytes: options.logSizeLimit,
      maxFiles: options.logMaxNum,
      logtime: options.logtime,
      logtimeUtc: options.logtimeUtc,
      debug: options.debug,
      trace: options.trace,
      pid: process.pid,
      isTerminal: isatty(STDERR_FD),
    })
  } catch (error) {
    process.stderr.write(`nats-server: ${error instanceof Error ? error.message : error}\n`)
    process.exit(1)
  }
}
