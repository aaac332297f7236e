import type { ConfigFaults } from './config-faults.ts'
import { type ConfigMap, type ConfigNode, isConfigArray, isConfigMap } from './config-value.ts'
import { goTypeOf, goValueText } from './go-types.ts'
import { readCompression, readUrls, remoteName } from './leafnode-readers.ts'
import { LEAF_AUTHORIZATION_TABLE, LEAFNODES_TABLE, REMOTE_TABLE } from './leafnode-table.ts'
import { NOT_YET_HONOURED } from './not-yet-honoured.ts'
import { defaultsOf, type OptionEntry, type OptionKind } from './option-entry.ts'
import { AUTHORIZATION_TABLE, OPTION_TABLE, type SectionName } from './option-table.ts'
import type { Options, RemoteOptions } from './option-types.ts'
import {
  readAuthTimeoutMs,
  readBoolean,
  readDurationMs,
  readInteger,
  readListen,
  readMap,
  readText,
} from './value-readers.ts'

/** One occurrence of an option in a file. */
interface Occurrence {
  readonly node: ConfigNode
  /** As spelt in the file. */
  readonly key: string
  /** Canonical key, for messages that use it whatever alias stands in the file. */
  readonly field: string
  readonly faults: ConfigFaults
  /** The object being filled; some options set a neighbour as well. */
  readonly draft: Record<string, unknown>
}

type Reader = (occurrence: Occurrence) => unknown

/** Returns the options of a file over the defaults; what is wrong is added to `faults`. */
export function readOptions(config: ConfigMap, faults: ConfigFaults): Options {
  const options = defaultsOf(OPTION_TABLE)
  readSection('', OPTION_TABLE, config, options, faults)
  return options
}

/** Fills `target`. Values that are unfit are reported and leave the default. */
function readSection<T extends object>(
  section: SectionName,
  table: readonly OptionEntry<T>[],
  config: ConfigMap,
  target: T,
  faults: ConfigFaults,
): void {
  const draft = target as Record<string, unknown>
  const known = new Set<string>()
  for (const entry of table) {
    const spellings = [entry.key, ...(entry.aliases ?? [])]
    for (const spelling of spellings) known.add(spelling)
    for (const [key, node] of config) {
      if (!spellings.includes(key.toLowerCase())) continue
      const value = READERS[entry.kind]({ node, key, field: entry.key, faults, draft })
      if (value !== undefined) draft[entry.option] = value
    }
  }
  for (const [key, node] of config) {
    const name = key.toLowerCase()
    if (known.has(name)) continue
    // A known option is no constant, even if something refers to it.
    if (!node.usedVariable || NOT_YET_HONOURED[section].includes(name)) {
      faults.unknownField(node, key)
    }
  }
}

const INT32_MAX = 2 ** 31 - 1
const SUB_TOKENS_MAX = 255

const READERS: Readonly<Record<OptionKind, Reader>> = {
  boolean: ({ node, faults }) => readBoolean(node, faults),
  integer: ({ node, faults }) => readInteger(node, faults),
  text: ({ node, faults }) => readText(node, faults),
  duration: ({ node, field, faults }) => readDurationMs(node, field, faults),
  urls: ({ node, faults }) => readUrls(node, faults),
  compression: ({ node, key, faults }) => readCompression(node, key, faults),
  'auth timeout': ({ node, key, faults }) => readAuthTimeoutMs(node, key, 'authorization', faults),
  'leaf auth timeout': ({ node, key, faults }) =>
    readAuthTimeoutMs(node, key, 'leafnode authorization', faults),

  listen: ({ node, faults, draft }) => {
    const address = readListen(node, faults)
    if (address === undefined) return undefined
    draft['port'] = address.port
    return address.host
  },

  int32: ({ node, key, faults }) => {
    const value = readInteger(node, faults)
    if (value === undefined || value <= INT32_MAX) return value
    faults.report(node, `${key} value is too big`)
    return undefined
  },

  // 0 means "nobody", while everywhere else 0 stands for the default; hence -1.
  'connection limit': ({ node, faults }) => {
    const value = readInteger(node, faults)
    return value === 0 ? -1 : value
  },

  'token limit': ({ node, key, faults }) => {
    const value = readInteger(node, faults)
    if (value === undefined || (value > 0 && value <= SUB_TOKENS_MAX)) return value
    faults.report(node, `${key} value ${value > 0 ? 'is too big' : 'can not be negative'}`)
    return undefined
  },

  'server name': ({ node, faults }) => {
    const name = readText(node, faults)
    if (name === undefined || !name.includes(' ')) return name
    faults.report(node, 'server name cannot contain spaces')
    return undefined
  },

  'trace verbose': ({ node, faults, draft }) => {
    const isVerbose = readBoolean(node, faults)
    if (isVerbose === true) draft['trace'] = true
    return isVerbose
  },

  'log format': ({ node, field, faults }) => {
    const format = readText(node, faults)
    if (format === undefined || format === 'text' || format === 'json') return format
    faults.report(node, `${field} must be 'text' or 'json'`)
    return undefined
  },

  authorization: ({ node, faults }) => {
    const map = readMap(node, faults)
    if (map === undefined) return undefined
    const authorization = defaultsOf(AUTHORIZATION_TABLE)
    readSection('authorization', AUTHORIZATION_TABLE, map, authorization, faults)
    const { user, pass, token } = authorization
    if ((user !== '' || pass !== '') && token !== '') {
      faults.report(node, 'Cannot have a user/pass and token')
    }
    return authorization
  },

  'leaf authorization': ({ node, faults }) => {
    const map = readMap(node, faults)
    if (map === undefined) return undefined
    const authorization = defaultsOf(LEAF_AUTHORIZATION_TABLE)
    readSection('leafnodes.authorization', LEAF_AUTHORIZATION_TABLE, map, authorization, faults)
    return authorization
  },

  leafnodes: ({ node, faults }) => {
    if (!isConfigMap(node.data)) {
      faults.report(node, `Expected map to define a leafnode, got ${goTypeOf(node.data)}`)
      return undefined
    }
    const leafnodes = defaultsOf(LEAFNODES_TABLE)
    readSection('leafnodes', LEAFNODES_TABLE, node.data, leafnodes, faults)
    return leafnodes
  },

  remotes: ({ node, faults }) => readRemotes(node, faults),
}

function readRemotes(node: ConfigNode, faults: ConfigFaults): readonly RemoteOptions[] | undefined {
  if (!isConfigArray(node.data)) {
    faults.report(node, `Expected remotes field to be an array, got ${goTypeOf(node.data)}`)
    return undefined
  }
  const names = new Set<string>()
  const remotes: RemoteOptions[] = []
  for (const element of node.data) {
    if (!isConfigMap(element.data)) {
      const shown = goValueText(element.data)
      faults.report(element, `Expected remote leafnode entry to be a map/struct, got ${shown}`)
      continue
    }
    const remote = defaultsOf(REMOTE_TABLE)
    readSection('leafnodes.remotes', REMOTE_TABLE, element.data, remote, faults)
    const name = remoteName(urlTexts(element.data), remote.account)
    if (names.has(name.full)) {
      const last = [...element.data.values()].at(-1) ?? element
      faults.report(last, `duplicate remote ${name.redacted}`)
      continue
    }
    names.add(name.full)
    remotes.push(remote)
  }
  return remotes
}

/** The addresses as written; the parsed ones have lost what tells them apart. */
function urlTexts(remote: ConfigMap): readonly string[] {
  const texts = new Set<string>()
  for (const [key, { data }] of remote) {
    if (!/^urls?$/i.test(key)) continue
    for (const value of isConfigArray(data) ? data.map((element) => element.data) : [data]) {
      if (typeof value === 'string') texts.add(value)
    }
  }
  return [...texts]
}
