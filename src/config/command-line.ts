import { NATS_VERSION } from '../base/version.ts'
import { goQuote } from '../protocol/go-quote.ts'
import type { AccountRules } from './account-rules.ts'
import { COMMAND_FLAGS, type CommandFlag } from './command-flags.ts'
import { ConfigError } from './config-error.ts'
import { type ConfigFile, readConfigFile } from './config-file.ts'
import { type FlagValue, parseFlags } from './flag-syntax.ts'
import type { Draft, Options } from './option-types.ts'
import { checkedOptions, defaultOptions } from './options.ts'
import { applyTlsFlags, type TlsFlags } from './tls-flags.ts'
import { tlsHelpText } from './tls-help.ts'
import { usageText } from './usage.ts'

/** What the program is to do: run with these options, signal another one, or print and exit. */
export type CommandLineResult =
  | {
      readonly kind: 'run'
      readonly options: Options
      readonly configFile?: string
      readonly configDigest?: string
      /** About the configuration file, one line each; for stderr, before the start. */
      readonly warnings: readonly string[]
    }
  | {
      readonly kind: 'signal'
      /** What follows `--signal`: `reload`, `quit=<pid or file>`. */
      readonly command: string
    }
  | {
      readonly kind: 'exit'
      readonly code: number
      readonly stdout: string
      readonly stderr: string
      /** Why it cannot run, for those who have no stderr to be told on; absent: asked to exit. */
      readonly reason?: string
    }

type Flags = ReadonlyMap<string, FlagValue>
type ExitResult = Extract<CommandLineResult, { kind: 'exit' }>

const FLAG_OF_NAME: ReadonlyMap<string, CommandFlag> = new Map(
  COMMAND_FLAGS.flatMap((flag) => flag.names.map((name) => [name, flag] as const)),
)

/**
 * Interprets the arguments of the `nats-server` command, reading the configuration file if one is
 * named. Flags override the file, the file overrides the defaults. Interpreting the same arguments
 * again is how a reload gets its options.
 *
 * @param argv the arguments behind the program's name
 * @param environment where variables of the file are looked for last
 * @param rules for what is between accounts; without, that is left to the start
 */
export function interpretCommandLine(
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
  rules?: AccountRules,
): CommandLineResult {
  const parsed = parseFlags(argv, (name) => FLAG_OF_NAME.get(name)?.kind)
  // Exit code 0 for flags that make no sense is odd, but what scripts around nats-server get.
  if ('error' in parsed) return exit(0, usageText(), `${parsed.error}\n`)
  const { flags, positional } = parsed
  const request = requestedText(flags, positional)
  if (request !== undefined) return request
  const signal = actionValue(flags, 'signal')
  if (typeof signal === 'string' && signal !== '') return { kind: 'signal', command: signal }
  const unsupported = firstUnsupported(flags)
  if (unsupported !== undefined) {
    return refuse(`flag -${unsupported} is not supported by this version of Sable`)
  }
  return run(flags, environment, rules)
}

function run(
  flags: Flags,
  environment: NodeJS.ProcessEnv,
  rules: AccountRules | undefined,
): CommandLineResult {
  const isCheck = actionValue(flags, 'check') === true
  const configFile = actionValue(flags, 'config') ?? ''
  if (typeof configFile !== 'string' || configFile === '') {
    if (isCheck) {
      return refuse('must specify [-c, --config] option to check configuration file syntax')
    }
    return finish(applyFlags(defaultOptions(), flags), flags, undefined, '')
  }
  let file: ConfigFile
  try {
    file = readConfigFile(configFile, environment, rules)
  } catch (error) {
    if (error instanceof ConfigError) return refuse(error.message)
    throw error
  }
  const { faults } = file
  if (faults !== undefined && (isCheck || faults.errors.length > 0)) return refuse(faults.message)
  if (isCheck) {
    const verdict = `configuration file ${configFile} is valid (${file.digest})`
    return exit(0, '', `nats-server: ${verdict}\n`)
  }
  return finish(applyFlags(file.options, flags), flags, file, configFile)
}

function finish(
  withoutTls: Options,
  flags: Flags,
  file: ConfigFile | undefined,
  configFile: string,
): CommandLineResult {
  const warnings = (file?.warnings ?? []).map((line) => `${line}\n`).join('')
  const tls = applyTlsFlags(tlsFlags(flags), withoutTls.tls)
  if ('error' in tls) return refuse(tls.error, warnings)
  const options: Options = { ...withoutTls, ...tls }
  // A flag can set few options, and a wrong number there is refused by the checks of its type, so
  // the schema with its cost at start-up is left to files.
  const checked = checkedOptions(options, {
    withSchema: file !== undefined || !arePortsSane(options),
  })
  if ('error' in checked) return refuse(checked.error, warnings)
  const run = { kind: 'run', options: checked.options } as const
  if (file === undefined) return { ...run, warnings: [] }
  return { ...run, configFile, configDigest: file.digest, warnings: file.warnings }
}

/** The options of flags that have a range. */
function arePortsSane({ port, httpPort, httpsPort, profPort }: Options): boolean {
  return [port, httpPort, httpsPort, profPort].every((each) => each >= -1 && each <= 65_535)
}

/** Version and help, whether asked for by a flag or, as nats-server also allows, by a word. */
function requestedText(flags: Flags, positional: readonly string[]): ExitResult | undefined {
  const version = exit(0, `nats-server: v${NATS_VERSION}\n`, '')
  if (actionValue(flags, 'version') === true) return version
  if (actionValue(flags, 'help') === true) return exit(0, usageText(), '')
  if (actionValue(flags, 'tlsHelp') === true) return exit(0, tlsHelpText(), '')
  const [word] = positional
  if (word === undefined) return undefined
  if (word.toLowerCase() === 'version') return version
  if (word.toLowerCase() === 'help') return exit(0, usageText(), '')
  return refuse(`unrecognized command: ${goQuote(word)}`)
}

/** A flag that only says "no" (`--tls=false`, `-m 0`, `--routes ""`) asks for nothing. */
function firstUnsupported(flags: Flags): string | undefined {
  for (const [name, value] of flags) {
    if (FLAG_OF_NAME.get(name)?.effect === 'unsupported' && value) return name
  }
  return undefined
}

type Action = Extract<CommandFlag['effect'], { action: string }>['action']

function actionValue(flags: Flags, action: Action): FlagValue | undefined {
  let last: FlagValue | undefined
  for (const [name, value] of flags) {
    const effect = FLAG_OF_NAME.get(name)?.effect
    if (typeof effect === 'object' && 'action' in effect && effect.action === action) last = value
  }
  return last
}

/** In the order given, so that the last one of several spellings wins; then `-DV` and its like. */
function applyFlags(options: Options, flags: Flags): Options {
  const draft: Draft<Options> = { ...options }
  const plain = draft as Record<string, unknown>
  for (const [name, value] of flags) {
    const effect = FLAG_OF_NAME.get(name)?.effect
    if (typeof effect !== 'object') continue
    if ('option' in effect) plain[effect.option] = value
    if ('authorization' in effect) {
      draft.authorization = { ...draft.authorization, [effect.authorization]: value }
    }
  }
  // Sorted: nats-server looks at these in the order of their names.
  for (const name of [...flags.keys()].sort()) {
    const effect = FLAG_OF_NAME.get(name)?.effect
    if (typeof effect !== 'object' || !('levels' in effect)) continue
    for (const level of effect.levels) plain[level] = flags.get(name)
  }
  return draft
}

function tlsFlags(flags: Flags): TlsFlags {
  const entries = [...flags].flatMap(([name, value]) => {
    const effect = FLAG_OF_NAME.get(name)?.effect
    return typeof effect === 'object' && 'tls' in effect ? [[effect.tls, value] as const] : []
  })
  return Object.fromEntries(entries)
}

/** @param warnings lines that come before */
function refuse(text: string, warnings = ''): ExitResult {
  return { ...exit(1, '', `${warnings}nats-server: ${text}\n`), reason: text }
}

function exit(code: number, stdout: string, stderr: string): ExitResult {
  return { kind: 'exit', code, stdout, stderr }
}
