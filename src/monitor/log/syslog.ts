import { statSync } from 'node:fs'
import { hostname } from 'node:os'
import { BrokerError, systemErrorReason } from '../../base/errors.ts'
import type { LogLevel, LogLine } from '../../base/log-line.ts'
import {
  type Carrier,
  type OpenCarrier,
  programCarrier,
  streamCarrier,
  udpCarrier,
} from './syslog-carriers.ts'

/** Where syslog lines go to. */
export type SyslogTarget =
  | { readonly network: 'unix'; readonly path: string }
  | { readonly network: 'udp' | 'tcp'; readonly host: string; readonly port: number }

/** Facility daemon. */
const FACILITY = 3 << 3
/** notice, warning, err, crit, debug. Source: nats-server, which has traces as notices, too. */
const SEVERITIES: Readonly<Record<LogLevel, number>> = {
  info: 5,
  warn: 4,
  error: 3,
  fatal: 2,
  debug: 7,
  trace: 5,
}
const TAG = 'nats-server'

/** Where the syslog of a machine listens. Source: Go's log/syslog. */
const LOCAL_SOCKETS = ['/dev/log', '/var/run/syslog', '/var/run/log'] as const

/** Lines that may wait for a server that is away or slow; what comes on top is lost. */
const WAITING_BYTES_MAX = 2 ** 20
/** Pause between two attempts to reach it; who stays that long is back. */
const RETRY_MS = 1_000
/** How long the end of the process waits for the last lines to leave. */
const END_MS_MAX = 1_000

/**
 * What the option remote_syslog names.
 *
 * @throws BrokerError BRK_SYSLOG when it is no address, with nats-server's text
 */
export function parseSyslogTarget(url: string): SyslogTarget {
  const [, scheme = '', rest = ''] = /^([A-Za-z][A-Za-z\d+.-]*):(?:\/\/)?(.*)$/s.exec(url) ?? []
  const network = scheme.toLowerCase()
  if (network === 'unix') return { network, path: rest.replace(/^[^/]+/, '') }
  if (network !== 'udp' && network !== 'tcp') {
    throw new BrokerError('BRK_SYSLOG', `error invalid network type: ${JSON.stringify(network)}`)
  }
  const authority = rest.replace(/[/?#].*$/s, '')
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(authority) ?? []
  const host = bracketed || plain || '127.0.0.1'
  if (port !== undefined && Number(port) <= 65_535) return { network, host, port: Number(port) }
  const text = `dial ${network}: address ${authority}: no port, or none that is a number`
  throw new BrokerError('BRK_SYSLOG', `error connecting to syslog: ${JSON.stringify(text)}`)
}

/**
 * The syslog of this machine.
 *
 * @throws BrokerError BRK_SYSLOG when there is none, with nats-server's text
 */
export function localSyslogTarget(): SyslogTarget {
  const path = LOCAL_SOCKETS.find((each) => statSync(each, { throwIfNoEntry: false })?.isSocket())
  if (path !== undefined) return { network: 'unix', path }
  throw new BrokerError('BRK_SYSLOG', 'error connecting to syslog: "Unix syslog delivery error"')
}

export interface SyslogOptions {
  readonly target: SyslogTarget
  readonly pid: number
  /** The server cannot be reached. Comes once for each time it is away. */
  readonly onAway: (reason: string) => void
}

/**
 * Sends log lines to a syslog server, in the format of nats-server: that of the local syslog over
 * Unix sockets, RFC 3339 times and the name of the host over the network.
 *
 * Nothing here waits: lines for a server that is away are kept up to a bound, and it is tried again
 * each second.
 */
export class Syslog {
  readonly #options: SyslogOptions
  readonly #way: Way
  #carrier: Carrier | undefined
  #cancel: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  /** Lines for when there is a carrier again. */
  #waiting: LogLine[] = []
  #waitingBytes = 0
  #isAway = false
  #isEnding = false
  #isClosed = false
  #onDecided: (() => void) | undefined

  constructor(options: SyslogOptions) {
    this.#options = options
    this.#way = wayTo(options)
    this.#connect()
  }

  /** Returns false when the line is lost. */
  write(line: LogLine): boolean {
    if (this.#isEnding) return false
    const carrier = this.#carrier
    const lineBytes = line.text.length
    const backlogBytes = carrier?.backlogBytes ?? this.#waitingBytes
    if (backlogBytes + lineBytes > WAITING_BYTES_MAX) return false
    if (carrier !== undefined) this.#send(carrier, line)
    else {
      this.#waiting.push(line)
      this.#waitingBytes += lineBytes
    }
    return true
  }

  /** Resolves when all lines have left, but not later than a second from now; closes it. */
  async end(): Promise<void> {
    if (this.#isEnding) return
    this.#isEnding = true
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, END_MS_MAX)
    })
    await Promise.race([this.#drained(), limit])
    clearTimeout(timer)
    this.close()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isEnding = true
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#cancel?.()
  }

  async #drained(): Promise<void> {
    if (this.#carrier === undefined) {
      if (this.#isAway) return
      await new Promise<void>((resolve) => {
        this.#onDecided = resolve
      })
    }
    await this.#carrier?.end()
  }

  #connect(): void {
    this.#cancel = this.#way.open({
      onReady: (carrier) => this.#onReady(carrier),
      onGone: (reason) => this.#onGone(reason),
    })
  }

  #onReady(carrier: Carrier): void {
    if (this.#isClosed) return
    this.#carrier = carrier
    // One that takes nobody for long is not back.
    this.#later(() => {
      this.#isAway = false
    })
    for (const line of this.#waiting) this.#send(carrier, line)
    this.#waiting = []
    this.#waitingBytes = 0
    this.#onDecided?.()
  }

  #send(carrier: Carrier, { level, atUs, text }: LogLine): void {
    carrier.send(Buffer.from(this.#way.format(FACILITY + SEVERITIES[level], atUs, text)))
  }

  #onGone(reason: Error): void {
    this.#carrier = undefined
    this.#onDecided?.()
    if (this.#isEnding) return
    if (!this.#isAway) this.#options.onAway(systemErrorReason(reason))
    this.#isAway = true
    this.#later(() => this.#connect())
  }

  #later(act: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(act, RETRY_MS)
    this.#timer.unref()
  }
}

interface Way {
  readonly open: OpenCarrier
  /** For the carrier that is open. */
  readonly format: (priority: number, atUs: number, text: string) => string
}

function wayTo({ target, pid }: SyslogOptions): Way {
  const tag = `${TAG}[${pid}]`
  if (target.network !== 'unix') {
    const { network, host, port } = target
    const ownName = hostname()
    return {
      open: network === 'udp' ? udpCarrier(host, port) : streamCarrier({ host, port }),
      format: (priority, atUs, text) =>
        `<${priority}>${networkTime(atUs)} ${ownName} ${tag}: ${text}\n`,
    }
  }
  const { path } = target
  // What the program makes of a line differs from what a socket gets.
  let isProgram = false
  const open: OpenCarrier = ({ onReady, onGone }) => {
    isProgram = false
    let cancel = streamCarrier({ path })({
      onReady,
      onGone: (reason) => {
        if ((reason as NodeJS.ErrnoException).code !== 'EPROTOTYPE') return onGone(reason)
        isProgram = true
        cancel = programCarrier('logger', loggerArgs(path, pid))({ onReady, onGone })
      },
    })
    return () => cancel()
  }
  return {
    open,
    format: (priority, atUs, text) =>
      isProgram
        ? `<${priority}>${text.replaceAll('\n', ' ')}\n`
        : `<${priority}>${localTime(atUs)} ${tag}: ${text}\n`,
  }
}

/** The longest line it passes on in one piece. */
const LOGGER_BYTES_MAX = 16_384

/** For the `logger` of util-linux. */
function loggerArgs(path: string, pid: number): readonly string[] {
  const socket = ['--socket', path, '--socket-errors=on']
  return ['--prio-prefix', `--id=${pid}`, '--tag', TAG, '--size', `${LOGGER_BYTES_MAX}`, ...socket]
}

function networkTime(atUs: number): string {
  return `${new Date(Math.floor(atUs / 1000)).toISOString().slice(0, 19)}Z`
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

/** `Nov  3 09:08:07`, in local time. */
function localTime(atUs: number): string {
  const at = new Date(Math.floor(atUs / 1000))
  const day = String(at.getDate()).padStart(2, ' ')
  return `${MONTHS[at.getMonth()]} ${day} ${at.toTimeString().slice(0, 8)}`
}
