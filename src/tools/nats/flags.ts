/**
 * Flags as the flag package of Go reads them, because the tools are started with command lines
 * that were written for programs in Go: `-s x`, `--s x`, `-s=x`, `-t`, `-t=false`; the first word
 * that is no flag, or `--`, ends them.
 */

/** One flag. `fallback` is a text for a flag with a value, false for one without. */
export interface Flag {
  readonly fallback: string | false
  readonly help: string
}

export type Flags = Readonly<Record<string, Flag>>

/** A value for each flag, given or not. */
export type FlagValues<Of extends Flags> = {
  readonly [Name in keyof Of]: Of[Name]['fallback'] extends string ? string : boolean
}

export type ParsedFlags<Of extends Flags> =
  | {
      readonly outcome: 'parsed'
      readonly values: FlagValues<Of>
      readonly rest: readonly string[]
    }
  /** `-help`, or `-h` where that is no flag of the program. */
  | { readonly outcome: 'help' }
  | { readonly outcome: 'refused'; readonly reason: string }

/** The words Go's strconv.ParseBool knows. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((word) => [word, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, false] as const),
])

export function parseFlags<const Of extends Flags>(
  flags: Of,
  args: readonly string[],
): ParsedFlags<Of> {
  const values: Record<string, string | boolean> = {}
  for (const [name, { fallback }] of Object.entries(flags)) values[name] = fallback
  const refused = (reason: string) => ({ outcome: 'refused', reason }) as const

  let index = 0
  while (index < args.length) {
    const word = args[index]!
    if (word.length < 2 || !word.startsWith('-')) break
    index++
    if (word === '--') break
    const text = word.slice(word.startsWith('--') ? 2 : 1)
    if (text.startsWith('-') || text.startsWith('=')) return refused(`bad flag syntax: ${word}`)
    const equals = text.indexOf('=')
    const name = equals === -1 ? text : text.slice(0, equals)
    let value = equals === -1 ? undefined : text.slice(equals + 1)
    if (!Object.hasOwn(flags, name)) {
      if (name === 'help' || name === 'h') return { outcome: 'help' }
      return refused(`flag provided but not defined: -${name}`)
    }
    if (flags[name]!.fallback === false) {
      const boolean = value === undefined ? true : BOOLEANS.get(value)
      if (boolean === undefined) {
        return refused(`invalid boolean value ${JSON.stringify(value)} for -${name}: parse error`)
      }
      values[name] = boolean
    } else {
      value ??= args[index++]
      if (value === undefined) return refused(`flag needs an argument: -${name}`)
      values[name] = value
    }
  }
  return { outcome: 'parsed', values: values as FlagValues<Of>, rest: args.slice(index) }
}

/** The list of flags below the first line of a usage text; it ends with a line feed. */
export function describeFlags(flags: Flags): string {
  const names = Object.keys(flags).sort()
  return names.map((name) => describeFlag(name, flags[name]!)).join('')
}

function describeFlag(name: string, { fallback, help }: Flag): string {
  if (fallback === false) {
    return name.length === 1 ? `  -${name}\t${help}\n` : `  -${name}\n    \t${help}\n`
  }
  const suffix = fallback === '' ? '' : ` (default ${JSON.stringify(fallback)})`
  return `  -${name} string\n    \t${help}${suffix}\n`
}
