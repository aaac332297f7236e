import { goQuote } from '../protocol/go-quote.ts'
import { LEAF_AUTHORIZATION_TABLE, LEAFNODES_TABLE } from './leafnode-table.ts'
import { defaultsOf, type OptionEntry } from './option-entry.ts'
import { AUTHORIZATION_TABLE, OPTION_TABLE } from './option-table.ts'
import type { CompressionMode, LeafnodeOptions, Options } from './option-types.ts'
import type { RemoteUrl } from './remote-url.ts'

/** Options that fit together, or the text of what does not. */
export type CheckResult = { readonly options: Options } | { readonly error: string }

const GLOBAL_ACCOUNT = '$G'

/**
 * Puts defaults where a number is 0 or the host is empty, and checks what no option can tell alone.
 * nats-server does both when a server is constructed, not when the file is checked with `-t`.
 */
export function completeOptions(given: Options): CheckResult {
  const options: Options = {
    ...withDefaults(OPTION_TABLE, given),
    authorization: withDefaults(AUTHORIZATION_TABLE, given.authorization),
    leafnodes: completeLeafnodes(given.leafnodes),
  }
  const error = findConflict(options)
  return error === undefined ? { options } : { error }
}

function withDefaults<T extends object>(table: readonly OptionEntry<T>[], given: T): T {
  const defaults = defaultsOf(table)
  const isUnset = (option: keyof T) => given[option] === 0 || option === 'host'
  const unset = table.filter((entry) => isUnset(entry.option) && !given[entry.option])
  return Object.assign(
    { ...given },
    ...unset.map((entry) => ({ [entry.option]: defaults[entry.option] })),
  )
}

function completeLeafnodes(given: LeafnodeOptions): LeafnodeOptions {
  return {
    ...withDefaults(LEAFNODES_TABLE, given),
    authorization: withDefaults(LEAF_AUTHORIZATION_TABLE, given.authorization),
    compression: normaliseCompression(given.compression),
    remotes: given.remotes.map((remote) => ({
      ...remote,
      account: remote.account || GLOBAL_ACCOUNT,
      compression: normaliseCompression(remote.compression),
    })),
  }
}

/** The texts are nats-server's, as is the order in which faults are looked for. */
function findConflict(options: Options): string | undefined {
  const { maxPayload, maxPending } = options
  if (maxPayload > maxPending) {
    return `max_payload (${maxPayload}) cannot be higher than max_pending (${maxPending})`
  }
  if (options.serverName.includes(' ')) return 'server name cannot contain spaces'
  return findLeafnodeConflict(options.leafnodes)
}

function findLeafnodeConflict(leafnodes: LeafnodeOptions): string | undefined {
  const unknownAccount = (account: string, place: string) =>
    account === '' || account === GLOBAL_ACCOUNT
      ? undefined
      : `cannot find local account ${goQuote(account)} specified in leafnode ${place}`
  const conflicts = [
    unknownAccount(leafnodes.authorization.account, 'authorization'),
    ...leafnodes.remotes.map((remote) => unknownAccount(remote.account, 'remote')),
    unknownCompression(leafnodes.compression),
    ...leafnodes.remotes.map((remote) => unknownCompression(remote.compression)),
    ...leafnodes.remotes.flatMap(({ urls }) => urls.map(unsupportedScheme)),
  ]
  return conflicts.find((conflict) => conflict !== undefined)
}

/** Schemes are free, and say nothing, except these two, which ask for WebSocket. */
const UNSUPPORTED_SCHEMES: ReadonlySet<string> = new Set(['ws', 'wss'])

function unsupportedScheme({ scheme }: RemoteUrl): string | undefined {
  if (!UNSUPPORTED_SCHEMES.has(scheme)) return undefined
  return `leafnode remote url scheme ${goQuote(scheme)} is not supported by this version of Sable`
}

const COMPRESSION_MODES: ReadonlyMap<string, CompressionMode> = new Map([
  ['off', 'off'],
  ['false', 'off'],
  ['disabled', 'off'],
  ['accept', 'accept'],
  ['not supported', 'not supported'],
  ['not_supported', 'not supported'],
])

/** Modes nobody knows stay as they are, for the message. */
function normaliseCompression(mode: CompressionMode): CompressionMode {
  return COMPRESSION_MODES.get(mode.toLowerCase()) ?? mode
}

function unknownCompression(mode: CompressionMode): string | undefined {
  return COMPRESSION_MODES.has(mode) ? undefined : `unsupported compression mode ${goQuote(mode)}`
}
