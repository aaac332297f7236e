/**
 * What a token in the destination of a subject transform asks for. Grammar, order of tries and
 * errors as in nats-server subject_transform.go; core.md of the reference, section 4.5.
 */

/** A number from 0 to `limit` - 1. */
export type RandomBelow = (limit: number) => number

export type CutFunction =
  | 'splitFromLeft'
  | 'splitFromRight'
  | 'sliceFromLeft'
  | 'sliceFromRight'
  | 'left'
  | 'right'

/** `wildcard` numbers count the `*` of the source from 1. */
export type DestinationToken =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'wildcard'; readonly wildcard: number }
  | { readonly kind: 'partition'; readonly count: number; readonly wildcards: readonly number[] }
  | { readonly kind: 'random'; readonly limit: number }
  | { readonly kind: 'split'; readonly wildcard: number; readonly delimiter: string }
  | { readonly kind: CutFunction; readonly wildcard: number; readonly length: number }

export type TokenResult =
  | { readonly ok: true; readonly token: DestinationToken }
  | { readonly ok: false; readonly error: string }

const INVALID = 'invalid mapping destination'
const NOT_ENOUGH_ARGUMENTS = `${INVALID}: not enough arguments passed to the function`
const TOO_MANY_ARGUMENTS = `${INVALID}: too many arguments passed to the function`
const INVALID_ARGUMENT = `${INVALID}: function argument is invalid or in the wrong format`
const UNKNOWN_FUNCTION = `${INVALID}: unknown function`
export const INDEX_OUT_OF_RANGE = `${INVALID}: wildcard index out of range`
export const NOT_ALL_WILDCARDS = `${INVALID}: not using all of the token wildcard(s)`
export const ONLY_WILDCARD = `${INVALID}: the only mapping function allowed for import transforms is {{Wildcard()}}`
const INVALID_TRANSFORM = `${INVALID}: invalid transform`

export function errorIn(error: string, token: string): string {
  return token === '' ? error : `${error} in ${token}`
}

function functionPattern(name: string): RegExp {
  // Names are written as they are or with small letters where a word begins.
  const tolerant = name.replace(/[A-Z]/g, (letter) => `[${letter}${letter.toLowerCase()}]`)
  const blanks = '[\\t\\n\\f\\r ]*'
  return new RegExp(`\\{\\{${blanks}${tolerant}${blanks}\\(([^\\n]*)\\)${blanks}\\}\\}`)
}

const WILDCARD = functionPattern('Wildcard')
const PARTITION = functionPattern('Partition')
const SPLIT = functionPattern('Split')
const RANDOM = functionPattern('Random')
const CUTS: readonly (readonly [CutFunction, RegExp])[] = [
  ['splitFromLeft', functionPattern('SplitFromLeft')],
  ['splitFromRight', functionPattern('SplitFromRight')],
  ['sliceFromLeft', functionPattern('SliceFromLeft')],
  ['sliceFromRight', functionPattern('SliceFromRight')],
  ['right', functionPattern('Right')],
  ['left', functionPattern('Left')],
]
const FUNCTIONS: readonly RegExp[] = [
  WILDCARD,
  PARTITION,
  SPLIT,
  RANDOM,
  ...CUTS.map(([, pattern]) => pattern),
]

const INT32_MAX = 2n ** 31n - 1n
const INT32_MIN = -(2n ** 31n)
const INT64_MAX = 2n ** 63n - 1n

/** An integer as Go's strconv.Atoi takes it, blanks around it allowed. */
function parseInteger(text: string): bigint | undefined {
  const digits = /^ *([+-]?[0-9]+) *$/.exec(text)?.[1]
  if (digits === undefined) return undefined
  const value = BigInt(digits.startsWith('+') ? digits.slice(1) : digits)
  return value > INT64_MAX || value < -INT64_MAX - 1n ? undefined : value
}

function argumentsOf(pattern: RegExp, token: string): string[] | undefined {
  return pattern.exec(token)?.[1]?.split(/,[\t\n\f\r ]*/)
}

function refuse(error: string, token: string): TokenResult {
  return { ok: false, error: errorIn(error, token) }
}

function parseWildcard(args: readonly string[], token: string): TokenResult {
  if (args.length === 1 && args[0] === '') return refuse(NOT_ENOUGH_ARGUMENTS, token)
  if (args.length > 1) return refuse(TOO_MANY_ARGUMENTS, token)
  const wildcard = parseInteger(args[0] ?? '')
  if (wildcard === undefined) return refuse(INVALID_ARGUMENT, token)
  return { ok: true, token: { kind: 'wildcard', wildcard: Number(wildcard) } }
}

/** Counts are 32 bits; those below the smallest one wrap, as nats-server's do. */
function parseCount(text: string): number | undefined {
  const count = parseInteger(text)
  return count === undefined || count > INT32_MAX ? undefined : Number(BigInt.asIntN(32, count))
}

function parsePartition(args: readonly string[], token: string): TokenResult {
  const count = parseCount(args[0] ?? '')
  const wildcards = args.slice(1).map(parseInteger)
  if (count === undefined || wildcards.includes(undefined)) return refuse(INVALID_ARGUMENT, token)
  return { ok: true, token: { kind: 'partition', count, wildcards: wildcards.map(Number) } }
}

function parseRandom(args: readonly string[], token: string): TokenResult {
  if (args.length !== 1) return refuse(NOT_ENOUGH_ARGUMENTS, token)
  const limit = parseCount(args[0] ?? '')
  if (limit === undefined) return refuse(INVALID_ARGUMENT, token)
  return { ok: true, token: { kind: 'random', limit } }
}

function parseCut(kind: CutFunction, args: readonly string[], token: string): TokenResult {
  if (args.length < 2) return refuse(NOT_ENOUGH_ARGUMENTS, token)
  if (args.length > 2) return refuse(TOO_MANY_ARGUMENTS, token)
  const wildcard = parseInteger(args[0] ?? '')
  const length = parseInteger(args[1] ?? '')
  if (wildcard === undefined || length === undefined) return refuse(INVALID_ARGUMENT, token)
  if (length > INT32_MAX || length < INT32_MIN) return refuse(INVALID_ARGUMENT, token)
  return { ok: true, token: { kind, wildcard: Number(wildcard), length: Number(length) } }
}

function parseSplit(args: readonly string[], token: string): TokenResult {
  if (args.length < 2) return refuse(NOT_ENOUGH_ARGUMENTS, token)
  if (args.length > 2) return refuse(TOO_MANY_ARGUMENTS, token)
  const wildcard = parseInteger(args[0] ?? '')
  const delimiter = args[1] ?? ''
  if (wildcard === undefined || /[ .]/.test(delimiter)) return refuse(INVALID_ARGUMENT, token)
  return { ok: true, token: { kind: 'split', wildcard: Number(wildcard), delimiter } }
}

function looksLikeFunction(token: string): boolean {
  return token.length > 4 && token.startsWith('{{') && token.endsWith('}}')
}

/** One token of a destination. `$1` is `{{wildcard(1)}}`; `$name` is ordinary text. */
export function parseDestinationToken(token: string): TokenResult {
  if (token.startsWith('$') && token.length > 1) {
    const wildcard = token.includes(' ') ? undefined : parseInteger(token.slice(1))
    if (wildcard !== undefined) {
      return { ok: true, token: { kind: 'wildcard', wildcard: Number(wildcard) } }
    }
  }
  if (!looksLikeFunction(token)) return { ok: true, token: { kind: 'text', text: token } }
  let args = argumentsOf(WILDCARD, token)
  if (args !== undefined) return parseWildcard(args, token)
  args = argumentsOf(PARTITION, token)
  if (args !== undefined) return parsePartition(args, token)
  for (const [kind, pattern] of CUTS) {
    args = argumentsOf(pattern, token)
    if (args !== undefined) return parseCut(kind, args, token)
  }
  args = argumentsOf(SPLIT, token)
  if (args !== undefined) return parseSplit(args, token)
  args = argumentsOf(RANDOM, token)
  if (args !== undefined) return parseRandom(args, token)
  return refuse(UNKNOWN_FUNCTION, token)
}

/** What may not stand in the destination of an account mapping; undefined: nothing is wrong. */
export function mappingDestinationError(destination: string): string | undefined {
  const tokens = destination.split('.')
  for (const [i, token] of tokens.entries()) {
    if (token === '' || tokens[i - 1] === '>') return errorIn(INVALID_TRANSFORM, token)
    if (looksLikeFunction(token)) {
      if (!FUNCTIONS.some((pattern) => pattern.test(token))) {
        return errorIn(UNKNOWN_FUNCTION, token)
      }
    } else if (/[\t\n\f\r ]/.test(token)) {
      return INVALID_TRANSFORM
    }
  }
  return undefined
}

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** FNV-1a, 32 bits, over the bytes of a latin1 text. */
function fnv1a(text: string): number {
  let hash = FNV_OFFSET
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ (text.charCodeAt(i) & 0xff), FNV_PRIME)
  }
  return hash >>> 0
}

/** Number of the bucket as text; a negative count is taken without sign, as nats-server does. */
export function partitionOf(key: string, count: number): string {
  return count === 0 ? '0' : String(fnv1a(key) % (count >>> 0))
}

export function randomToken(limit: number, randomBelow: RandomBelow): string {
  return limit === 0 ? '0' : String(randomBelow(Math.abs(limit)))
}

/** One character of UTF-8, or a byte that is none. */
const CHARACTER = /[\xc0-\xff][\x80-\xbf]*|./gs

export function splitToken(text: string, delimiter: string): string {
  const parts = delimiter === '' ? (text.match(CHARACTER) ?? []) : text.split(delimiter)
  return parts.filter((part) => part !== '').join('.')
}

function slices(text: string, first: number, length: number): string {
  const parts = first === 0 ? [] : [text.slice(0, first)]
  for (let at = first; at < text.length; at += length) parts.push(text.slice(at, at + length))
  return parts.join('.')
}

/** A length that is not inside of the token leaves it whole. */
export function cutToken(kind: CutFunction, text: string, length: number): string {
  if (length <= 0 || length >= text.length) return text
  const rest = text.length - length
  switch (kind) {
    case 'splitFromLeft':
      return `${text.slice(0, length)}.${text.slice(length)}`
    case 'splitFromRight':
      return `${text.slice(0, rest)}.${text.slice(rest)}`
    case 'sliceFromLeft':
      return slices(text, 0, length)
    case 'sliceFromRight':
      return slices(text, text.length % length, length)
    case 'left':
      return text.slice(0, length)
    case 'right':
      return text.slice(rest)
  }
}
