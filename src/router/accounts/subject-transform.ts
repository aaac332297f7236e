import { assert } from '../../base/assert.ts'
import { isValidSubscriptionSubject, splitTokens } from '../../protocol/subjects.ts'
import { isSubset } from './subject-sets.ts'
import {
  cutToken,
  type DestinationToken,
  errorIn,
  INDEX_OUT_OF_RANGE,
  NOT_ALL_WILDCARDS,
  ONLY_WILDCARD,
  parseDestinationToken,
  partitionOf,
  type RandomBelow,
  randomToken,
  splitToken,
} from './transform-functions.ts'

/** nats-server's error for subjects that cannot be source or destination. */
export const INVALID_SUBJECT = 'invalid subject'

export type TransformResult =
  | { readonly ok: true; readonly transform: SubjectTransform }
  | { readonly ok: false; readonly error: string }

export interface TransformOptions {
  /** For imports: no function but wildcard(), and every `*` of the source is used. */
  readonly strict?: boolean
}

/** A token of the destination with the places of the source's tokens it is made of. */
interface Part {
  readonly token: DestinationToken
  readonly places: readonly number[]
}

/** Evenly spread, which is all that weights and random() need. */
export const mathRandomBelow: RandomBelow = (limit) => Math.floor(Math.random() * limit)

function wildcardsOf(token: DestinationToken): readonly number[] {
  if (token.kind === 'partition') return token.wildcards
  return 'wildcard' in token ? [token.wildcard] : []
}

/** `foo.*.*` becomes `foo.$1.$2`: the destination that changes nothing. */
export function toDestination(subject: string): string {
  let wildcards = 0
  const tokens = splitTokens(subject).map((token) => {
    if (token !== '*') return token
    wildcards++
    return `$${wildcards}`
  })
  return tokens.join('.')
}

/** `foo.$2.{{wildcard(1)}}` becomes `foo.*.*`: what messages look like behind a transform. */
export function toPattern(destination: string): string {
  const tokens = splitTokens(destination).map((token) => {
    const parsed = parseDestinationToken(token)
    return parsed.ok && parsed.token.kind === 'wildcard' ? '*' : token
  })
  return tokens.join('.')
}

function placePart(
  text: string,
  wildcardPlaces: readonly number[],
  strict: boolean,
): Part | string {
  const parsed = parseDestinationToken(text)
  if (!parsed.ok) return parsed.error
  const { token } = parsed
  if (strict && token.kind !== 'text' && token.kind !== 'wildcard') {
    return errorIn(ONLY_WILDCARD, text)
  }
  const places: number[] = []
  for (const wildcard of wildcardsOf(token)) {
    if (wildcard > wildcardPlaces.length || (strict && wildcard < 1)) {
      return errorIn(INDEX_OUT_OF_RANGE, `${text}: [${wildcard}]`)
    }
    // Numbers below 1 mean the first token of the subject, in nats-server too.
    places.push(wildcardPlaces[wildcard - 1] ?? 0)
  }
  return { token, places }
}

/** A source without wildcards has nothing to give to functions but its whole text. */
function placePartOfLiteral(text: string): Part | string {
  const parsed = parseDestinationToken(text)
  if (!parsed.ok) return parsed.error
  const { token } = parsed
  if (token.kind === 'text' || token.kind === 'random' || token.kind === 'partition') {
    return { token, places: [] }
  }
  return errorIn(INDEX_OUT_OF_RANGE, text)
}

/**
 * @param source subject with wildcards; '' = `>`
 * @param destination with `$1` or functions; ends with `>` if and only if the source does
 * @returns an error in the words of nats-server
 */
export function createTransform(
  source: string,
  destination: string,
  { strict = false }: TransformOptions = {},
): TransformResult {
  const from = source === '' ? '>' : source
  if (!isValidSubscriptionSubject(from) || !isValidSubscriptionSubject(destination)) {
    return { ok: false, error: INVALID_SUBJECT }
  }
  const sourceTokens = splitTokens(from)
  const tokens = splitTokens(destination)
  const hasRest = sourceTokens.at(-1) === '>'
  if (tokens.includes('*') || hasRest !== (tokens.at(-1) === '>')) {
    return { ok: false, error: INVALID_SUBJECT }
  }
  const wildcardPlaces = [...sourceTokens.keys()].filter((i) => sourceTokens[i] === '*')
  const isLiteral = wildcardPlaces.length === 0 && !hasRest
  const parts: Part[] = []
  for (const text of hasRest ? tokens.slice(0, -1) : tokens) {
    const part = isLiteral ? placePartOfLiteral(text) : placePart(text, wildcardPlaces, strict)
    if (typeof part === 'string') return { ok: false, error: part }
    parts.push(part)
  }
  if (strict && !isLiteral) {
    const used = parts.reduce((sum, part) => sum + part.places.length, 0)
    if (used < wildcardPlaces.length) {
      return { ok: false, error: errorIn(NOT_ALL_WILDCARDS, destination) }
    }
  }
  return { ok: true, transform: new SubjectTransform(from, destination, parts) }
}

/** Turns subjects that match one pattern into others. Made by createTransform. */
export class SubjectTransform {
  readonly source: string
  readonly destination: string
  /** The same subject may become another one each time. */
  readonly isVolatile: boolean
  readonly #sourceTokens: readonly string[]
  readonly #hasRest: boolean
  readonly #parts: readonly Part[]

  constructor(source: string, destination: string, parts: readonly Part[]) {
    this.source = source
    this.destination = destination
    this.isVolatile = parts.some(({ token }) => token.kind === 'random')
    this.#sourceTokens = splitTokens(source)
    this.#hasRest = this.#sourceTokens.at(-1) === '>'
    this.#parts = parts
  }

  /**
   * @param subject literal, or a pattern: its wildcards go where the text would
   * @returns undefined if the source does not match it. split() of a token of delimiters only gives
   *   an empty token, and so a subject that nobody can listen to
   */
  apply(subject: string, randomBelow: RandomBelow = mathRandomBelow): string | undefined {
    const tokens = splitTokens(subject)
    if (!isSubset(tokens, this.#sourceTokens)) return undefined
    const made = this.#parts.map((part) => this.#make(part, subject, tokens, randomBelow))
    if (this.#hasRest) made.push(...tokens.slice(this.#sourceTokens.length - 1))
    return made.join('.')
  }

  #make(part: Part, subject: string, tokens: readonly string[], randomBelow: RandomBelow): string {
    const { token, places } = part
    const text = tokens[places[0] ?? 0] ?? ''
    switch (token.kind) {
      case 'text':
        return token.text
      case 'wildcard':
        return text
      case 'partition': {
        const key = places.length === 0 ? subject : places.map((i) => tokens[i]).join('')
        return partitionOf(key, token.count)
      }
      case 'random':
        return randomToken(token.limit, randomBelow)
      case 'split':
        return splitToken(text, token.delimiter)
      default:
        return cutToken(token.kind, text, token.length)
    }
  }

  /**
   * The way back, of a strict transform. nats-server goes wrong here with three or more wildcards
   * in turned order ($2.$3.$1); this does not.
   *
   * @returns undefined if a wildcard of the source is not in the destination
   */
  reverse(): SubjectTransform | undefined {
    const wildcards = this.#parts.filter(({ token }) => token.kind === 'wildcard')
    const back = this.#sourceTokens.map((token, place) => {
      if (token !== '*') return token
      const number = 1 + wildcards.findIndex(({ places }) => places[0] === place)
      return number === 0 ? undefined : `$${number}`
    })
    if (back.includes(undefined)) return undefined
    const made = createTransform(toPattern(this.destination), back.join('.'))
    return made.ok ? made.transform : undefined
  }

  /**
   * Which subjects of the source become what `pattern` matches, for strict transforms.
   *
   * @param pattern a subset of toPattern(destination)
   * @returns undefined if there are none, as for `bar.x.y` behind `foo.*` to `bar.$1.$1`
   */
  reverseSubject(pattern: string): string | undefined {
    const tokens = splitTokens(pattern)
    const back = [...this.#sourceTokens]
    for (const [i, { token, places }] of this.#parts.entries()) {
      if (token.kind !== 'wildcard') continue
      const place = places[0]
      const wanted = tokens[i]
      assert(place !== undefined && wanted !== undefined, 'pattern lies within the destination')
      if (wanted === '*') continue
      if (back[place] !== '*' && back[place] !== wanted) return undefined
      back[place] = wanted
    }
    if (this.#hasRest) back.splice(-1, 1, ...tokens.slice(this.#parts.length))
    return back.join('.')
  }
}
