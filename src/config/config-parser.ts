import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileErrorText } from '../base/errors.ts'
import { ConfigError } from './config-error.ts'
import type { ConfigItem } from './config-items.ts'
import { lexConfig } from './config-lexer.ts'
import type { ConfigData, ConfigMap, ConfigNode } from './config-value.ts'
import { parseDate, parseFloat64, parseInteger } from './scalar-values.ts'
import { decodeBytes, encodeBytes } from './source-cursor.ts'

/** Chosen: a chain of includes this long is a mistake, most likely a loop through links. */
const INCLUDE_DEPTH_MAX = 32

/** bcrypt hashes need no quotes: `$2a$…` is text, not a variable. Other `$2x$` do need them. */
const BCRYPT_REFERENCE = '2a$'

/** Key under which the value of an environment variable is parsed. */
const ENVIRONMENT_KEY = 'pk'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads a configuration file and what it includes.
 *
 * @throws ConfigError with nats-server's text, without the leading `nats-server: `
 */
export function parseConfigFile(file: string, environment: Environment): ConfigMap {
  return parseFile(file, environment, [])
}

/** Parses a text that stands in no file; includes are looked for in the working directory. */
export function parseConfigText(text: string | Buffer, environment: Environment): ConfigMap {
  const bytes = typeof text === 'string' ? encodeBytes(text) : text.toString('latin1')
  return new ConfigParser('', environment, [], new Set()).parse(bytes)
}

function parseFile(
  file: string,
  environment: Environment,
  openFiles: readonly string[],
): ConfigMap {
  if (openFiles.includes(file)) throw new ConfigError(`include cycle for '${file}'`)
  if (openFiles.length > INCLUDE_DEPTH_MAX) {
    throw new ConfigError(`includes nest deeper than ${INCLUDE_DEPTH_MAX}`)
  }
  const bytes = readBytes(file)
  return new ConfigParser(file, environment, [...openFiles, file], new Set()).parse(bytes)
}

function readBytes(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch (error) {
    const isDirectory = (error as NodeJS.ErrnoException).code === 'EISDIR'
    throw new ConfigError(fileErrorText(isDirectory ? 'read' : 'open', file, error))
  }
}

interface MutableNode {
  data: ConfigData
  file: string
  line: number
  column: number
  usedVariable: boolean
}

type Scope = Map<string, MutableNode> | MutableNode[]

/**
 * Builds maps and arrays from the items of one text.
 *
 * Invariant: scopes[0] is the top map and is never closed. `keys` holds the keys still without a
 * value, outermost first; a map that ends right behind a key leaves that key on it, and the map
 * itself then becomes the value of the inner key.
 */
class ConfigParser {
  readonly #file: string
  readonly #environment: Environment
  readonly #openFiles: readonly string[]
  /** Environment variables being resolved, to refuse cycles. */
  readonly #resolving: Set<string>
  readonly #top = new Map<string, MutableNode>()
  readonly #scopes: Scope[] = [this.#top]
  readonly #keys: ConfigItem[] = []
  #last: ConfigItem | undefined

  constructor(
    file: string,
    environment: Environment,
    openFiles: readonly string[],
    resolving: Set<string>,
  ) {
    this.#file = file
    this.#environment = environment
    this.#openFiles = openFiles
    this.#resolving = resolving
  }

  parse(bytes: string): ConfigMap {
    lexConfig(bytes, (item) => this.#onItem(item))
    return this.#top
  }

  #onItem(item: ConfigItem): void {
    switch (item.kind) {
      case 'key':
        this.#keys.push(item)
        break
      case 'map start':
        this.#scopes.push(new Map())
        break
      case 'array start':
        this.#scopes.push([])
        break
      case 'map end':
      case 'array end':
        this.#set(item, this.#scopes.pop()!)
        break
      case 'variable':
        this.#set(item, this.#variable(item))
        break
      case 'include':
        this.#include(decodeBytes(item.bytes))
        break
      case 'end':
        this.#checkLastKey(item)
        break
      case 'comment':
        break
      default:
        this.#set(item, scalarData(item))
    }
    this.#last = item
  }

  /** A file may end with the closing bracket of a JSON-like whole, which reads as a key. */
  #checkLastKey(end: ConfigItem): void {
    if (this.#last?.kind !== 'key' || this.#last.bytes === '}') return
    throw new ConfigError(`config is invalid (${this.#file}:${end.line}:${end.column})`)
  }

  #set(item: ConfigItem, data: ConfigData): void {
    const { line, column } = item
    this.#place({ data, file: this.#file, line, column, usedVariable: false })
  }

  #place(node: MutableNode): void {
    const scope = this.#scopes.at(-1)!
    if (Array.isArray(scope)) {
      scope.push(node)
      return
    }
    const key = this.#keys.pop()!
    node.line = key.line
    node.column = key.column
    scope.set(decodeBytes(key.bytes), node)
  }

  /** The included file has no view of our keys, but its own join ours. */
  #include(path: string): void {
    let included: ConfigMap
    try {
      const joined = join(dirname(this.#file), path)
      const file = joined.length > 1 && joined.endsWith('/') ? joined.slice(0, -1) : joined
      included = parseFile(file, this.#environment, this.#openFiles)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      throw new ConfigError(`error parsing include file '${path}', ${error.message}`)
    }
    // Includes stand where a key could, so the scope is a map.
    const scope = this.#scopes.at(-1) as Map<string, ConfigNode>
    for (const [key, node] of included) scope.set(key, node)
  }

  #variable(item: ConfigItem): ConfigData {
    const name = decodeBytes(item.bytes)
    if (name.startsWith(BCRYPT_REFERENCE)) return `$${name}`
    for (const scope of this.#scopes.toReversed()) {
      const node = Array.isArray(scope) ? undefined : scope.get(name)
      if (node === undefined) continue
      node.usedVariable = true
      return node.data
    }
    const reference = `variable reference for '${name}' on line ${item.line}`
    let data: ConfigData | undefined
    try {
      data = this.#environmentVariable(name)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      throw new ConfigError(`${reference} could not be parsed: ${error.message}`)
    }
    if (data === undefined) throw new ConfigError(`${reference} can not be found`)
    return data
  }

  /** The environment speaks the same language: `5` is an integer, `"5"` a text. */
  #environmentVariable(name: string): ConfigData | undefined {
    if (this.#resolving.has(name)) throw new ConfigError(`variable reference cycle for '${name}'`)
    const text = this.#environment[name]
    if (text === undefined) return undefined
    this.#resolving.add(name)
    const parser = new ConfigParser('', this.#environment, this.#openFiles, this.#resolving)
    const parsed = parser.parse(encodeBytes(`${ENVIRONMENT_KEY}=${text}`))
    this.#resolving.delete(name)
    return parsed.get(ENVIRONMENT_KEY)?.data
  }
}

function scalarData(item: ConfigItem): ConfigData {
  switch (item.kind) {
    case 'integer':
      return parseInteger(item.bytes)
    case 'float':
      return parseFloat64(item.bytes)
    case 'boolean':
      return /^(?:true|yes|on)$/i.test(item.bytes)
    case 'date':
      return parseDate(item.bytes)
    default:
      return decodeBytes(item.bytes)
  }
}
