import { mkdirSync, type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { durationMs, durationNs, formatDuration, parseDuration } from '../base/duration.ts'
import { fileErrorText } from '../base/errors.ts'
import { goQuote } from '../protocol/go-quote.ts'
import type { ResolverOptions } from './account-types.ts'
import { type ConfigMap, type ConfigNode, isConfigMap } from './config-value.ts'
import { conversionError, type GoType, goTypeOf } from './go-types.ts'
import { parseGoUrl } from './go-url.ts'
import { completeResolver, resolverDefaults } from './operator-defaults.ts'
import { redactUrl } from './remote-url.ts'
import type { Occurrence } from './section-reading.ts'

const NO_RESOLVER =
  'error parsing account resolver, should be MEM or  URL("url") or a map containing dir and type ' +
  'state=[FULL|CACHE])'

/**
 * Reads the option `resolver`: a word, a word with a URL, or a map. The directory of a map is made
 * if it is missing, as by nats-server, also when the file is only checked.
 */
export function readResolver({ node, faults }: Occurrence): ResolverOptions | undefined {
  const { data } = node
  let resolver: ResolverOptions | undefined
  if (typeof data === 'string') {
    const result = resolverOfText(data)
    if (result !== undefined && 'error' in result) {
      faults.report(node, result.error)
      return undefined
    }
    resolver = result
  } else if (isConfigMap(data)) {
    try {
      resolver = new ResolverMap(node, data, faults).read()
    } catch (error) {
      if (!(error instanceof ResolverFault)) throw error
      faults.report(error.node, error.message)
      return undefined
    }
  } else {
    faults.report(node, `error parsing operator resolver, wrong type ${goTypeOf(data)}`)
    return undefined
  }
  if (resolver === undefined) faults.report(node, NO_RESOLVER)
  return resolver
}

/** Both words count wherever they stand in the text; nats-server's way. */
const MEMORY_WORD = /mem/i
const URL_WORD = /url(?:\(\s*"?([^\s"]*)"?\s*\))?/i

function resolverOfText(text: string): ResolverOptions | { error: string } | undefined {
  if (MEMORY_WORD.test(text)) return { kind: 'memory' }
  const match = URL_WORD.exec(text)
  if (match === null) return undefined
  const url = match[1] ?? ''
  if (!('error' in parseGoUrl(url))) return { kind: 'url', url }
  return { error: `error parsing account resolver url [${goQuote(redactUrl(url))}]` }
}

class ResolverFault extends Error {
  readonly node: ConfigNode

  constructor(node: ConfigNode, text: string) {
    super(text)
    this.node = node
  }
}

type Faults = Occurrence['faults']

/** The keys of the map are compared as they are; others in it are passed over. */
class ResolverMap {
  readonly #node: ConfigNode
  readonly #map: ConfigMap
  readonly #faults: Faults

  constructor(node: ConfigNode, map: ConfigMap, faults: Faults) {
    this.#node = node
    this.#map = map
    this.#faults = faults
  }

  /** @throws ResolverFault for the one fault that ends the reading */
  read(): ResolverOptions | undefined {
    const directory = this.#text('dir') ?? ''
    const type = (this.#text('type') ?? '').toUpperCase()
    const allowDelete = this.#boolean('allow_delete') ?? false
    const hardDelete = this.#boolean('hard_delete')
    const limit = this.#integer('limit') ?? 0
    const ttlMs = this.#durationMs('ttl') ?? 0
    const intervalMs = this.#durationMs('interval') ?? 0
    const timeoutMs = this.#durationMs('timeout')
    const common = { directory, limit, timeoutMs: timeoutMs ?? 0 }
    if (type === 'MEM' || type === 'MEMORY') return { kind: 'memory' }
    if (type === 'CACHE') {
      this.#checkDirectory(directory)
      if (intervalMs !== 0) this.#report('CACHE does not accept sync')
      if (allowDelete) this.#report('CACHE does not accept allow_delete')
      if (hardDelete !== undefined) this.#report('CACHE does not accept hard_delete')
      this.#prepare(directory, timeoutMs)
      return completeResolver({ kind: 'cache', ...common, ttlMs })
    }
    if (type !== 'FULL') return undefined
    this.#checkDirectory(directory)
    if (ttlMs !== 0) this.#report('FULL does not accept ttl')
    if (hardDelete !== undefined && !allowDelete) {
      this.#report('hard_delete has no effect without delete')
    }
    this.#prepare(directory, timeoutMs)
    const deletion = { allowDelete, hardDelete: hardDelete ?? false }
    return completeResolver({
      ...resolverDefaults('full'),
      kind: 'full',
      ...common,
      ...deletion,
      intervalMs,
    })
  }

  #report(text: string): void {
    this.#faults.report(this.#node, text)
  }

  #checkDirectory(directory: string): void {
    const fault = directoryFault(directory)
    if (fault !== undefined) this.#report(fault)
  }

  #prepare(directory: string, timeoutMs: number | undefined): void {
    const fault = makeDirectory(directory)
    if (fault !== undefined) throw new ResolverFault(this.#node, fault)
    if (timeoutMs === undefined || timeoutMs > 0) return
    const shown = formatDuration(durationNs(timeoutMs))
    throw new ResolverFault(this.#node, `Fetch timeout ${shown} is too smal`)
  }

  #text(key: string): string | undefined {
    return this.#value(key, 'string') as string | undefined
  }

  #boolean(key: string): boolean | undefined {
    return this.#value(key, 'bool') as boolean | undefined
  }

  #integer(key: string): number | undefined {
    const value = this.#value(key, 'int64') as bigint | undefined
    return value === undefined ? undefined : Number(value)
  }

  #durationMs(key: string): number | undefined {
    const text = this.#text(key)
    if (text === undefined) return undefined
    const parsed = parseDuration(text)
    if ('error' in parsed) throw new ResolverFault(this.#node, parsed.error)
    return durationMs(parsed.ns)
  }

  #value(key: string, type: GoType): unknown {
    const node = this.#map.get(key)
    if (node === undefined) return undefined
    if (goTypeOf(node.data) === type) return node.data
    throw new ResolverFault(node, conversionError(node.data, type))
  }
}

const OWNER_WRITES = 0o200

/** What is wrong with a directory that is there, or with its name. */
export function directoryFault(directory: string): string | undefined {
  if (directory === '') return 'dir has no value and needs to point to a directory'
  const info = infoOf(directory)
  if (info === undefined || (info.isDirectory() && (info.mode & OWNER_WRITES) !== 0)) {
    return undefined
  }
  return 'dir needs to point to an accessible directory'
}

const DIRECTORY_MODE = 0o700 // nats-server defaultDirPerms

/** Makes what is missing of the path; the refusal names the folder it ended at, as in Go. */
function makeDirectory(directory: string): string | undefined {
  const info = infoOf(directory)
  if (info?.isDirectory()) return undefined
  if (info !== undefined) return `mkdir ${directory}: not a directory`
  const parent = dirname(directory)
  const fault = directory === '' || parent === directory ? undefined : makeDirectory(parent)
  if (fault !== undefined) return fault
  try {
    mkdirSync(directory, DIRECTORY_MODE)
    return undefined
  } catch (error) {
    return fileErrorText('mkdir', directory, error)
  }
}

function infoOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}
