import { BrokerError, fileErrorText } from '../base/errors.ts'
import { writeFileWhole } from './write-file.ts'

/** Readable by the owner only. Source: nats-server. */
const PID_FILE_MODE = 0o600

/**
 * Writes the process id in decimal, without a line end. The file stays when the process ends, as
 * with nats-server.
 *
 * @throws BrokerError BRK_PID_FILE; its message is nats-server's at start, `Could not write
 *   pidfile: open …`, and `context.reason` is the part behind the colon (a reload says `Failed to
 *   write pidfile: …`)
 */
export function writePidFile(path: string, pid: number): void {
  try {
    writeFileWhole(path, String(pid), PID_FILE_MODE)
  } catch (error) {
    const reason = fileErrorText('open', path, error)
    throw new BrokerError('BRK_PID_FILE', `Could not write pidfile: ${reason}`, {
      context: { path, reason },
      cause: error,
    })
  }
}
