import { durationNs, formatDuration } from '../base/duration.ts'
import { readAuthorization } from './account-authorization-reader.ts'
import { calloutAccountFaults } from './account-callout-checks.ts'
import { ACCOUNT_READERS } from './account-kind-readers.ts'
import type { AccountRules } from './account-rules.ts'
import { readCompression } from './compression-reader.ts'
import type { ConfigFaults } from './config-faults.ts'
import type { Environment } from './config-parser.ts'
import type { ConfigMap, ConfigNode } from './config-value.ts'
import {
  readLeafAuthorization,
  readLeafnodes,
  readLeafUsers,
  readLeafVersion,
  readUserNkey,
} from './leafnode-readers.ts'
import { NOT_YET_HONOURED } from './not-yet-honoured.ts'
import {
  readOperators,
  readPinnedAccounts,
  readPreload,
  readProxies,
  readProxyKey,
  readResolverOption,
  readResolverTls,
  readSentinel,
  readSystemAccount,
  readTrustedKeys,
  readTrustedProxies,
} from './operator-readers.ts'
import { defaultsOf, type OptionEntry, type OptionKind } from './option-entry.ts'
import { OPTION_TABLE, type SectionName } from './option-table.ts'
import type { Options } from './option-types.ts'
import {
  readMigrate,
  readPath,
  readProxy,
  readRemotes,
  readSeed,
  readSubjects,
} from './remote-readers.ts'
import type { FillSection, Reader } from './section-reading.ts'
import { readFeatureFlags, readMetadata, readStoreDir, readTags } from './server-readers.ts'
import { readTls } from './tls-reader.ts'
import { readUrls } from './url-reader.ts'
import {
  readAuthTimeoutMs,
  readBoolean,
  readChoice,
  readDurationMs,
  readInteger,
  readListen,
  readStrictDurationMs,
  readText,
} from './value-readers.ts'
import {
  readHandshakeTimeoutMs,
  readHeaders,
  readOrigins,
  readWebsocket,
  readWebsocketAuthorization,
  readWebsocketAuthTimeoutMs,
} from './websocket-readers.ts'

/**
 * Returns the options of a file over the defaults; what is wrong is added to `faults`.
 *
 * @param environment for paths that name variables
 * @param rules for what is between accounts; without, that is left to the start
 */
export function readOptions(
  config: ConfigMap,
  faults: ConfigFaults,
  environment: Environment = {},
  rules?: AccountRules,
): Options {
  const options = defaultsOf(OPTION_TABLE)
  new SectionReader(faults, environment, rules).fill('', OPTION_TABLE, config, options)
  for (const text of calloutAccountFaults(options)) faults.reportUnplaced(text)
  return options
}

class SectionReader {
  readonly #faults: ConfigFaults
  readonly #environment: Environment
  readonly #rules: AccountRules | undefined

  constructor(faults: ConfigFaults, environment: Environment, rules: AccountRules | undefined) {
    this.#faults = faults
    this.#environment = environment
    this.#rules = rules
  }

  /** Fills `target`. Values that are unfit are reported and leave the default. */
  readonly fill: FillSection = (section, table, config, target, unknownText) => {
    const known = new Set<string>()
    for (const entry of table) {
      if (entry.kind === 'program only') continue
      const spellings = [entry.key, ...(entry.aliases ?? [])]
      for (const spelling of spellings) known.add(spelling)
      for (const [key, node] of config) {
        if (!spellings.includes(key.toLowerCase())) continue
        this.#set(entry, key, node, target)
      }
    }
    this.#refuseUnknown(section, config, known, unknownText)
  }

  #set<T extends object>(entry: OptionEntry<T>, key: string, node: ConfigNode, target: T): void {
    const draft = target as Record<string, unknown>
    const value = READERS[entry.kind]({
      node,
      key,
      field: entry.key,
      values: entry.values ?? [],
      faults: this.#faults,
      environment: this.#environment,
      rules: this.#rules,
      draft,
      fill: this.fill,
    })
    if (value !== undefined) draft[entry.option] = value
  }

  #refuseUnknown(
    section: SectionName,
    config: ConfigMap,
    known: ReadonlySet<string>,
    unknownText: ((field: string) => string) | undefined,
  ): void {
    for (const [key, node] of config) {
      const name = key.toLowerCase()
      if (known.has(name)) continue
      // A known option is no constant, even if something refers to it.
      if (!node.usedVariable || NOT_YET_HONOURED[section].includes(name)) {
        if (unknownText === undefined) this.#faults.unknownField(node, key)
        else this.#faults.report(node, unknownText(key))
      }
    }
  }
}

const INT32_MAX = 2 ** 31 - 1
const SUB_TOKENS_MAX = 255
const LAME_DUCK_DURATION_MS_MIN = 30_000

const READERS: Readonly<Record<OptionKind, Reader>> = {
  boolean: ({ node, faults }) => readBoolean(node, faults),
  integer: ({ node, faults }) => readInteger(node, faults),
  text: ({ node, faults }) => readText(node, faults),
  choice: ({ node, field, values, faults }) => readChoice(node, field, values, faults),
  duration: ({ node, field, faults }) => readDurationMs(node, field, faults),
  'spelt duration': ({ node, key, faults }) => readDurationMs(node, key, faults),
  'proxy timeout': ({ node, faults }) => readDurationMs(node, 'proxy timeout', faults),
  compression: ({ node, key, faults }) => readCompression(node, key, faults),
  'auth timeout': ({ node, key, faults }) => readAuthTimeoutMs(node, key, 'authorization', faults),
  'leaf auth timeout': ({ node, key, faults }) =>
    readAuthTimeoutMs(node, key, 'leafnode authorization', faults),

  urls: ({ node, faults }) => readUrls(node, faults),
  path: readPath,
  seed: readSeed,
  subjects: readSubjects,
  migrate: readMigrate,
  proxy: readProxy,
  remotes: readRemotes,

  tls: ({ node, faults }) => readTls(node, faults),
  'leaf version': readLeafVersion,
  'user nkey': readUserNkey,
  authorization: readAuthorization,
  ...ACCOUNT_READERS,
  'leaf authorization': readLeafAuthorization,
  'leaf users': readLeafUsers,
  leafnodes: readLeafnodes,

  origins: readOrigins,
  headers: readHeaders,
  'handshake timeout': readHandshakeTimeoutMs,
  'websocket auth timeout': readWebsocketAuthTimeoutMs,
  'websocket authorization': readWebsocketAuthorization,
  websocket: readWebsocket,

  'system account': readSystemAccount,
  operators: readOperators,
  'trusted keys': readTrustedKeys,
  resolver: readResolverOption,
  'resolver tls': readResolverTls,
  preload: readPreload,
  'pinned accounts': readPinnedAccounts,
  sentinel: readSentinel,
  proxies: readProxies,
  'trusted proxies': readTrustedProxies,
  'proxy key': readProxyKey,

  tags: readTags,
  metadata: readMetadata,
  'store dir': readStoreDir,
  'feature flags': readFeatureFlags,

  listen: readListenInto('port'),
  'http listen': readListenInto('httpPort'),
  'https listen': readListenInto('httpsPort'),

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

  'trace switch': ({ node, faults, draft }) => {
    const isOn = readBoolean(node, faults)
    if (isOn === true) draft['trace'] = true
    return isOn
  },

  'lame duck duration': ({ node, field, faults }) => {
    const ms = readStrictDurationMs(node, field, faults)
    if (ms === undefined || ms >= LAME_DUCK_DURATION_MS_MIN) return ms
    const shown = formatDuration(durationNs(ms))
    faults.report(node, `invalid ${field} of ${shown}, minimum is 30 seconds`)
    return undefined
  },

  'lame duck grace period': ({ node, field, faults }) => {
    const ms = readStrictDurationMs(node, field, faults)
    if (ms === undefined || ms >= 0) return ms
    faults.report(node, `invalid ${field}, needs to be positive`)
    return undefined
  },
}

/** The port goes to a neighbour, the host is the value. */
function readListenInto(portOption: keyof Options): Reader {
  return ({ node, faults, draft }) => {
    const address = readListen(node, faults)
    if (address === undefined) return undefined
    draft[portOption] = address.port
    return address.host
  }
}
