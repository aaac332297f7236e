import { goQuote } from '../protocol/go-quote.ts'

/**
 * Command line flags with the syntax of Go's flag package, which nats-server uses: one or two
 * dashes, `-x v` or `-x=v`, booleans only as `-x` or `-x=v`, `--` and the first other argument end
 * the flags.
 */

export type FlagKind = 'boolean' | 'integer' | 'text'
export type FlagValue = boolean | number | string

export type ParsedFlags =
  | {
      /** By the name used; an earlier value of the same name is replaced. In order of first use. */
      readonly flags: ReadonlyMap<string, FlagValue>
      readonly positional: readonly string[]
    }
  | { readonly error: string }

/** `kindOf` tells whether a name is a flag; a later flag wins, so the map keeps the last order. */
export function parseFlags(
  argv: readonly string[],
  kindOf: (name: string) => FlagKind | undefined,
): ParsedFlags {
  const flags = new Map<string, FlagValue>()
  let index = 0
  while (index < argv.length) {
    const argument = argv[index]!
    if (argument.length < 2 || !argument.startsWith('-')) break
    index++
    if (argument === '--') break
    const [, name = '', , inline] = /^--?([^=]*)(=([\s\S]*))?$/.exec(argument) ?? []
    if (name === '' || name.startsWith('-')) return { error: `bad flag syntax: ${argument}` }
    const kind = kindOf(name)
    if (kind === undefined) return { error: `flag provided but not defined: -${name}` }
    const following = kind === 'boolean' ? 'true' : argv[index]
    const text = inline ?? following
    if (text === undefined) return { error: `flag needs an argument: -${name}` }
    if (inline === undefined && kind !== 'boolean') index++
    const value = parseValue(kind, text)
    if (typeof value === 'object') {
      const what = kind === 'boolean' ? 'boolean value' : 'value'
      const link = kind === 'boolean' ? 'for' : 'for flag'
      return { error: `invalid ${what} ${goQuote(text)} ${link} -${name}: ${value.error}` }
    }
    // Re-inserted, so that of two names for one option the one given later comes later.
    flags.delete(name)
    flags.set(name, value)
  }
  return { flags, positional: argv.slice(index) }
}

const TRUE_WORDS = ['1', 't', 'T', 'true', 'TRUE', 'True']
const FALSE_WORDS = ['0', 'f', 'F', 'false', 'FALSE', 'False']

function parseValue(kind: FlagKind, text: string): FlagValue | { readonly error: string } {
  if (kind === 'text') return text
  if (kind === 'integer') return parseGoInteger(text)
  if (TRUE_WORDS.includes(text)) return true
  return FALSE_WORDS.includes(text) ? false : { error: 'parse error' }
}

const GO_INTEGER_FORMS = [
  /^0[xX](?:_?[\da-fA-F])+$/,
  /^0[bB](?:_?[01])+$/,
  /^0[oO](?:_?[0-7])+$/,
  /^0(?:_?[0-7])*$/,
  /^[1-9](?:_?\d)*$/,
] as const

/** An integer literal of Go: `4222`, `0x107e`, `0o10`, `010` (octal), `1_000`. */
export function parseGoInteger(text: string): number | { readonly error: string } {
  const literal = text.replace(/^[-+]/, '')
  if (!GO_INTEGER_FORMS.some((form) => form.test(literal))) return { error: 'parse error' }
  const digits = literal.replaceAll('_', '').replace(/^0(?=\d)/, '0o')
  const value = BigInt(digits) * (text.startsWith('-') ? -1n : 1n)
  if (BigInt.asIntN(64, value) !== value) return { error: 'value out of range' }
  return Number(value)
}
