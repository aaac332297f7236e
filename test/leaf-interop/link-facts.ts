import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LineLogger } from '../../src/base/log-line.ts'
import { Broker } from '../../src/broker.ts'
import { readConfigFile } from '../../src/config/config-file.ts'
import { checkedOptions } from '../../src/config/options.ts'
import type { ServerProgram } from '../support/peers.ts'
import { startServer } from '../support/server-process.ts'

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

/** Starts nats-server with its monitor, and Sable inside this process, where it can be asked. */
export function startTelling(
  program: ServerProgram,
  config: string,
  isListener: boolean,
): Promise<TellingServer> {
  return program.name === 'sable' ? startHere(config) : startMonitored(program, config, isListener)
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

interface MonitoredLeaf {
  readonly name: string
  readonly compression?: string
  readonly is_spoke: boolean
  readonly is_isolated?: boolean
}

async function startHere(config: string): Promise<TellingServer> {
  const folder = mkdtempSync(join(tmpdir(), 'telling-'))
  const path = join(folder, 'server.conf')
  writeFileSync(path, `host: 127.0.0.1\nport: -1\nworkers: 1\n${config}`)
  const { options } = readConfigFile(path, {})
  const broker = await Broker.start({
    options: checkedOptions(options, { warnings: [], errors: [] } as never),
    log: Promise.resolve({
      logger: new LineLogger({ debug: false, trace: false }, () => {}),
      lostLineCount: 0,
      accept: () => {},
      reopen: () => {},
      reconfigure: () => {},
      close: () => {},
    }),
    configPath: '',
    configDigest: '',
    onFatal: (text) => {
      throw new Error(text)
    },
  })
  return {
    port: broker.port,
    leafPort: broker.leafPort,
    links: async () => (await broker.leafReport())?.links ?? [],
    [Symbol.asyncDispose]: async () => {
      await broker.close()
      rmSync(folder, { recursive: true })
    },
  }
}
