import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServerProgram } from '../support/peers.ts'
import { startServer } from '../support/server-process.ts'
import { within } from '../support/wait.ts'

const BROKER_SCRIPT = join(import.meta.dirname, 'telling-broker.ts')

/** What a server says of one of its leaf links. */
export interface LinkFacts {
  /** Of the server at the other end. */
  readonly name: string
  readonly compression: string
  readonly isSpoke: boolean
  readonly isIsolated: boolean
}

/** A server that can be asked about its links. */
export interface TellingServer extends AsyncDisposable {
  readonly port: number
  readonly leafPort: number
  links(): Promise<readonly LinkFacts[]>
}

/** Starts nats-server with its monitor, and Sable in a process that can be asked. */
export function startTelling(
  program: ServerProgram,
  config: string,
  isListener: boolean,
): Promise<TellingServer> {
  return program.name === 'sable' ? startTold(config) : startMonitored(program, config, isListener)
}

async function startMonitored(
  program: ServerProgram,
  config: string,
  isListener: boolean,
): Promise<TellingServer> {
  const flags = ['-m', '-1']
  const server = await startServer(program, { config, flags, leafListener: isListener })
  return {
    port: server.port,
    leafPort: isListener ? server.leafPort : 0,
    links: async () => {
      const answer = await fetch(`http://127.0.0.1:${server.monitorPort}/leafz`)
      const { leafs } = (await answer.json()) as { leafs?: readonly MonitoredLeaf[] }
      return (leafs ?? []).map((leaf) => ({
        name: leaf.name,
        compression: leaf.compression ?? '',
        isSpoke: leaf.is_spoke,
        isIsolated: leaf.is_isolated === true,
      }))
    },
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

/** A dozen of them start at once, beside other tests. */
const START_MS_MAX = 60_000

interface MonitoredLeaf {
  readonly name: string
  readonly compression?: string
  readonly is_spoke: boolean
  readonly is_isolated?: boolean
}

/** What the process of `telling-broker.ts` sends. */
type Told =
  | { readonly port: number; readonly leafPort: number }
  | { readonly links: readonly LinkFacts[] }

async function startTold(config: string): Promise<TellingServer> {
  const folder = mkdtempSync(join(tmpdir(), 'telling-'))
  const path = join(folder, 'server.conf')
  writeFileSync(path, `host: 127.0.0.1\nport: -1\nworkers: 1\n${config}`)
  const child = fork(BROKER_SCRIPT, [path])
  const ended = once(child, 'exit')
  const end = async () => {
    if (child.connected) child.disconnect()
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  const next = async (): Promise<Told> => {
    const [told] = await Promise.race([
      once(child, 'message'),
      ended.then(() => Promise.reject(new Error('the broker has ended'))),
    ])
    return told as Told
  }
  const started = await within('the broker to start', next(), START_MS_MAX).catch(
    async (error: unknown) => {
      await end()
      throw error
    },
  )
  if (!('port' in started)) throw new Error('the broker has not named its ports')
  return {
    ...started,
    links: async () => {
      const answer = next()
      child.send('links')
      const told = await within('the links of the broker', answer)
      return 'links' in told ? told.links : []
    },
    [Symbol.asyncDispose]: end,
  }
}
