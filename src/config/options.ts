import { BrokerError } from '../base/errors.ts'
import { LEAFNODES_TABLE, REMOTE_TABLE } from './leafnode-table.ts'
import { completeOptions } from './option-checks.ts'
import { defaultsOf } from './option-entry.ts'
import { findOptionFaults, type OptionFault } from './option-schema.ts'
import { OPTION_TABLE } from './option-table.ts'
import type {
  AuthorizationOptions,
  LeafnodeAuthorizationOptions,
  LeafnodeOptions,
  Options,
  RemoteOptions,
} from './option-types.ts'
import { parseRemoteUrl, type RemoteUrl, redactUrl } from './remote-url.ts'

export type { Options } from './option-types.ts'

/** Options as a program gives them: any part, and remote addresses also as text. */
export type PartialOptions = Partial<
  Omit<Options, 'authorization' | 'leafnodes'> & {
    readonly authorization: Partial<AuthorizationOptions>
    readonly leafnodes: PartialLeafnodes
  }
>

type PartialLeafnodes = Partial<
  Omit<LeafnodeOptions, 'authorization' | 'remotes'> & {
    readonly authorization: Partial<LeafnodeAuthorizationOptions>
    readonly remotes: readonly PartialRemote[]
  }
>

type PartialRemote = Partial<Omit<RemoteOptions, 'urls'>> & {
  readonly urls: readonly (string | RemoteUrl)[]
}

/** Options a program gave that the broker cannot work with. */
export class OptionsError extends BrokerError {
  /** `option` is its path, where one alone is to blame: `leafnodes.port`. */
  constructor(text: string, option?: string) {
    super('BRK_BAD_OPTION', text, option === undefined ? {} : { context: { option } })
  }
}

/** A fresh object with every option at its default. */
export function defaultOptions(): Options {
  return defaultsOf(OPTION_TABLE)
}

/**
 * Options for a broker started from a program. What is left out has its default, and so has a
 * number given as 0 unless 0 means something of its own.
 *
 * @throws OptionsError for unknown options, unfit values and options that contradict each other;
 *   the text names option and value
 */
export function optionsFromObject(partial: PartialOptions): Options {
  const merged = mergeOptions(partial)
  const [fault] = findOptionFaults(merged)
  if (fault !== undefined) throw new OptionsError(describeFault(fault, fault.path), fault.path)
  const result = completeOptions(merged as Options)
  if ('error' in result) throw new OptionsError(result.error)
  return result.options
}

/** The given parts over the defaults; nothing is checked yet but what the addresses say. */
function mergeOptions(partial: PartialOptions): object {
  const options = overlay(defaultOptions(), partial)
  if (!isObject(options)) throw new OptionsError('options must be an object')
  const defaults = defaultOptions()
  return {
    ...options,
    authorization: overlay(defaults.authorization, options['authorization']),
    leafnodes: mergeLeafnodes(options['leafnodes']),
  }
}

function mergeLeafnodes(given: unknown): unknown {
  const defaults = defaultsOf(LEAFNODES_TABLE)
  const leafnodes = overlay(defaults, given)
  if (!isObject(leafnodes)) return given
  const { authorization, remotes } = leafnodes
  return {
    ...leafnodes,
    authorization: overlay(defaults.authorization, authorization),
    remotes: Array.isArray(remotes) ? remotes.map(mergeRemote) : remotes,
  }
}

function mergeRemote(given: unknown, index: number): unknown {
  const remote = overlay(defaultsOf(REMOTE_TABLE), given)
  if (!isObject(remote) || !Array.isArray(remote['urls'])) return remote
  const urls = remote['urls'].map((url: unknown, urlIndex) => {
    if (typeof url !== 'string') return url
    const parsed = parseRemoteUrl(url)
    if (parsed !== undefined) return parsed
    const path = `leafnodes.remotes[${index}].urls[${urlIndex}]`
    throw new OptionsError(`option ${path} has the value "${redactUrl(url)}": is no URL`, path)
  })
  return { ...remote, urls }
}

/** What is no object is passed on, for the schema to refuse. */
function overlay(defaults: object, given: unknown): unknown {
  if (!isObject(given)) return given
  const set = Object.entries(given).filter(([, value]) => value !== undefined)
  return { ...defaults, ...Object.fromEntries(set) }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Completes and checks options read from a file or from flags. The text of a refusal spells options
 * as files do.
 */
export function checkedOptions(
  options: Options,
  { withSchema }: { readonly withSchema: boolean },
): { readonly options: Options } | { readonly error: string } {
  const result = completeOptions(options)
  if ('error' in result || !withSchema) return result
  const [fault] = findOptionFaults(result.options)
  return fault === undefined ? result : { error: describeFault(fault, fileSpelling(fault.path)) }
}

/** `leafnodes.reconnectMs` is `leafnodes.reconnect` in a file. */
export function fileSpelling(path: string): string {
  return path.replace(/Ms\b/g, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function describeFault(fault: OptionFault, path: string): string {
  const value = fault.value === undefined ? '' : ` has the value ${fault.value}:`
  return `option ${path}${value} ${fault.text}`
}
