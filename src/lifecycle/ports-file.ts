import { unlinkSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { isWildcard } from '../base/addresses.ts'
import { BrokerError, fileErrorText } from '../base/errors.ts'
import { writeFileWhole } from './write-file.ts'

/** Before the umask. Source: nats-server. */
const PORTS_FILE_MODE = 0o666

/** Launchers build the file's name from the name of the program they stand in for. */
const PROGRAM_NAME = 'nats-server'

/** A bound listener; the port is the real one, not -1 or 0. */
export interface BoundListener {
  /**
   * IP address it is bound to, without brackets; a wildcard stands for every address of the
   * machine.
   */
  readonly address: string
  readonly port: number
  readonly isTls: boolean
}

/**
 * In the order of nats-server's file; `leafnodes` is ours, so that a random leaf port can be found
 * too.
 */
export interface Listeners {
  readonly nats?: BoundListener | undefined
  readonly monitoring?: BoundListener | undefined
  readonly cluster?: BoundListener | undefined
  readonly profile?: BoundListener | undefined
  readonly websocket?: BoundListener | undefined
  readonly leafnodes?: BoundListener | undefined
}

/** Plain and TLS scheme of each key, in the order of the file. */
const SCHEMES = {
  nats: ['nats', 'tls'],
  monitoring: ['http', 'https'],
  cluster: ['nats', 'tls'],
  profile: ['http', 'http'],
  websocket: ['ws', 'wss'],
  leafnodes: ['nats', 'tls'],
} as const

export function portsFilePath(folder: string, pid: number): string {
  return join(folder, `${PROGRAM_NAME}_${pid}.ports`)
}

/** JSON on one line, keys of absent listeners left out. */
export function portsFileText(
  listeners: Listeners,
  machineAddresses: () => readonly string[] = interfaceAddresses,
): string {
  const ports: Record<string, readonly string[]> = {}
  for (const key of Object.keys(SCHEMES) as (keyof typeof SCHEMES)[]) {
    const listener = listeners[key]
    if (listener === undefined) continue
    const scheme = SCHEMES[key][listener.isTls ? 1 : 0]
    const addresses = isWildcard(listener.address) ? machineAddresses() : [listener.address]
    ports[key] = addresses.map((address) => `${scheme}://${joinHostPort(address, listener.port)}`)
  }
  return JSON.stringify(ports)
}

/**
 * To be called when every listener is up: programs take the file's presence for "ready".
 *
 * @throws BrokerError BRK_PORTS_FILE with nats-server's text; the server goes on without the file
 */
export function writePortsFile(folder: string, pid: number, listeners: Listeners): void {
  const path = portsFilePath(folder, pid)
  try {
    writeFileWhole(path, portsFileText(listeners), PORTS_FILE_MODE)
  } catch (error) {
    const reason = fileErrorText('open', path, error)
    const text = `Error writing ports file (${path}): ${reason}`
    throw new BrokerError('BRK_PORTS_FILE', text, { context: { path }, cause: error })
  }
}

/**
 * To be called at a clean exit, and at a reload that moves the file.
 *
 * @throws BrokerError BRK_PORTS_FILE with nats-server's text, also when the file is not there
 */
export function removePortsFile(folder: string, pid: number): void {
  const path = portsFilePath(folder, pid)
  try {
    unlinkSync(path)
  } catch (error) {
    const reason = fileErrorText('remove', path, error)
    const text = `Error cleaning up ports file ${path}: ${reason}`
    throw new BrokerError('BRK_PORTS_FILE', text, { context: { path }, cause: error })
  }
}

/** `127.0.0.1:4222`, `[::1]:4222`. */
export function joinHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Of both families. */
function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).map(({ address }) => address),
  )
}
