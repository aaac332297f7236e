import { isatty } from 'node:tty'
import type { Options } from '../config/option-types.ts'
import type { LogSinkOptions } from '../monitor/log/log-sink.ts'
import { localSyslogTarget, parseSyslogTarget, type SyslogTarget } from '../monitor/log/syslog.ts'

const STDERR_FD = 2

/**
 * What the options say of the log, at the start and after a reload.
 *
 * @throws BrokerError BRK_SYSLOG when `remoteSyslog` is no address, or the machine has no syslog
 */
export function logSinkOptions(options: Options): LogSinkOptions {
  return {
    format: options.logFormat,
    file: options.logFile === '' ? undefined : options.logFile,
    syslog: options.logFile === '' ? syslogTarget(options) : undefined,
    sizeLimitBytes: options.logSizeLimit,
    maxFiles: options.logMaxNum,
    logtime: options.logtime,
    logtimeUtc: options.logtimeUtc,
    debug: options.debug,
    trace: options.trace,
    pid: process.pid,
    isTerminal: isatty(STDERR_FD),
  }
}

function syslogTarget({ syslog, remoteSyslog }: Options): SyslogTarget | undefined {
  if (remoteSyslog !== '') return parseSyslogTarget(remoteSyslog)
  return syslog ? localSyslogTarget() : undefined
}
