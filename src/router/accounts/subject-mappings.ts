import { assert } from '../../base/assert.ts'
import type { MappingDestination, SubjectMapping } from '../../config/account-types.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import { isLiteralSubject, isValidSubject, splitTokens } from '../../protocol/subjects.ts'
import { isSubset } from './subject-sets.ts'
import {
  createTransform,
  INVALID_SUBJECT,
  mathRandomBelow,
  type SubjectTransform,
  toDestination,
} from './subject-transform.ts'
import { mappingDestinationError, type RandomBelow } from './transform-functions.ts'

/** Weights of one source add up to this at most; a number below it is drawn for each message. */
const WEIGHT_TOTAL = 100

/** One place a message may go; the first whose `cumulative` is above the number drawn takes it. */
export interface MappedDestination {
  readonly subject: string
  /** 0 to 100, never falling along the list. */
  readonly cumulative: number
}

export interface MappedDestinations {
  /** If no `cumulative` is above the number drawn, the message is lost: somebody wanted that. */
  readonly destinations: readonly MappedDestination[]
  /** The destinations themselves are random; not to be kept. */
  readonly isVolatile: boolean
}

export interface MappingError {
  readonly source: string
  /** In the words of nats-server, without the subject. */
  readonly error: string
}

interface WeightedTransform {
  readonly transform: SubjectTransform
  readonly cumulative: number
}

export interface Mapping {
  readonly source: string
  readonly sourceTokens: readonly string[]
  readonly destinations: readonly WeightedTransform[]
}

interface Weighted {
  readonly transform: SubjectTransform
  readonly weight: number
}

type MappingResult =
  | { readonly ok: true; readonly mapping: Mapping }
  | { readonly ok: false; readonly error: string }

function transformOf(source: string, destination: string): SubjectTransform | string {
  const made = createTransform(source, destination)
  return made.ok ? made.transform : made.error
}

/** The source unchanged takes what is left, unless it is in the list: then that much is lost. */
function withIdentity(source: string, listed: readonly Weighted[], isListed: boolean): Weighted[] {
  const total = listed.reduce((sum, { weight }) => sum + weight, 0)
  if (total === WEIGHT_TOTAL || isListed) return [...listed]
  const destination = isLiteralSubject(source) ? source : toDestination(source)
  const transform = transformOf(source, destination)
  assert(typeof transform !== 'string', 'a valid subject can be mapped to itself', { source })
  return [...listed, { transform, weight: WEIGHT_TOTAL - total }]
}

function cumulate(weighted: readonly Weighted[]): WeightedTransform[] {
  let cumulative = 0
  return weighted
    .toSorted((a, b) => a.weight - b.weight)
    .map(({ transform, weight }) => {
      cumulative += weight
      return { transform, cumulative }
    })
}

function checkDestination(
  { subject, weight, cluster }: MappingDestination,
  totals: Map<string, number>,
): string | undefined {
  if (weight > WEIGHT_TOTAL) return 'individual weights need to be <= 100'
  const total = (totals.get(cluster) ?? 0) + weight
  totals.set(cluster, total)
  if (total > WEIGHT_TOTAL) return 'total weight needs to be <= 100'
  return mappingDestinationError(subject)
}

function mappingOf(source: string, destinations: readonly WeightedTransform[]): Mapping {
  return { source, sourceTokens: splitTokens(source), destinations }
}

function createMapping({ source, destinations }: SubjectMapping, cluster: string): MappingResult {
  if (!isValidSubject(source)) return { ok: false, error: INVALID_SUBJECT }
  const seen = new Set<string>()
  const totals = new Map<string, number>()
  const byCluster = new Map<string, Weighted[]>([['', []]])
  for (const destination of destinations) {
    const { subject, weight } = destination
    if (seen.has(subject)) return { ok: false, error: `duplicate entry for ${goQuote(subject)}` }
    seen.add(subject)
    const error = checkDestination(destination, totals)
    if (error !== undefined) return { ok: false, error }
    const transform = transformOf(source, subject)
    if (typeof transform === 'string') return { ok: false, error: transform }
    const listed = byCluster.get(destination.cluster) ?? []
    listed.push({ transform, weight })
    byCluster.set(destination.cluster, listed)
  }
  // Those of this cluster's own, if there are any, stand for the others.
  const listed = (cluster === '' ? undefined : byCluster.get(cluster)) ?? byCluster.get('') ?? []
  const weighted = withIdentity(source, listed, seen.has(source))
  return { ok: true, mapping: mappingOf(source, cumulate(weighted)) }
}

/** The subject mappings of one account, for one cluster. The first source that matches decides. */
export class SubjectMappings {
  readonly all: readonly Mapping[]
  readonly #literals = new Map<string, number>()
  readonly #patterns: readonly number[]

  /** @param mappings sources differ, see createMappings */
  constructor(mappings: readonly Mapping[]) {
    this.all = mappings
    const patterns: number[] = []
    for (const [i, { source }] of mappings.entries()) {
      if (isLiteralSubject(source)) this.#literals.set(source, i)
      else patterns.push(i)
    }
    this.#patterns = patterns
  }

  get isEmpty(): boolean {
    return this.all.length === 0
  }

  /** In order; leaf links are told of them, so that the messages come here to be mapped. */
  get sources(): readonly string[] {
    return this.all.map(({ source }) => source)
  }

  #find(subject: string): Mapping | undefined {
    const literal = this.#literals.get(subject) ?? Number.POSITIVE_INFINITY
    const tokens = this.#patterns.length === 0 ? [] : splitTokens(subject)
    for (const index of this.#patterns) {
      if (index > literal) break
      const mapping = this.all[index]
      if (mapping !== undefined && isSubset(tokens, mapping.sourceTokens)) return mapping
    }
    return this.all[literal]
  }

  /** Where messages to `subject` go; undefined: nothing maps it. Mappings are not chained. */
  destinationsOf(subject: string, randomBelow?: RandomBelow): MappedDestinations | undefined {
    const mapping = this.#find(subject)
    if (mapping === undefined) return undefined
    return {
      destinations: mapping.destinations.map(({ transform, cumulative }) => ({
        subject: transform.apply(subject, randomBelow) ?? subject,
        cumulative,
      })),
      isVolatile: mapping.destinations.some(({ transform }) => transform.isVolatile),
    }
  }

  /** Draws for one message. Undefined: nothing maps it; '': it is lost. */
  choose(subject: string, randomBelow: RandomBelow = mathRandomBelow): string | undefined {
    const mapping = this.#find(subject)
    if (mapping === undefined) return undefined
    const drawn =
      mapping.destinations.length === 1 && mapping.destinations[0]?.cumulative === 100
        ? 0
        : randomBelow(WEIGHT_TOTAL)
    const chosen = mapping.destinations.find(({ cumulative }) => drawn < cumulative)
    return chosen === undefined ? '' : chosen.transform.apply(subject, randomBelow)
  }

  /** JSON text for decodeMappings, for memory that other threads read; subjects stay latin1. */
  encode(): string {
    const plain = this.all.map(({ source, destinations }) => [
      source,
      destinations.map(({ transform, cumulative }) => [transform.destination, cumulative]),
    ])
    return JSON.stringify(plain)
  }
}

/**
 * @param list as written; a source that comes again stands for the earlier one, in its place
 * @param clusterName of this server, '' = none
 * @returns all that are right, and what is wrong with the others. Configuration refuses with the
 *   first error, account JWTs go on without
 */
export function createMappings(
  list: readonly SubjectMapping[],
  clusterName: string,
): { readonly mappings: SubjectMappings; readonly errors: readonly MappingError[] } {
  const bySource = new Map<string, Mapping>()
  const errors: MappingError[] = []
  for (const wanted of list) {
    const made = createMapping(wanted, clusterName)
    if (made.ok) bySource.set(wanted.source, made.mapping)
    else errors.push({ source: wanted.source, error: made.error })
  }
  return { mappings: new SubjectMappings([...bySource.values()]), errors }
}

/** As SubjectMappings.encode. */
export function encodeMappings(mappings: SubjectMappings): string {
  return mappings.encode()
}

/** @throws AssertionError for a text that SubjectMappings.encode did not write */
export function decodeMappings(text: string): SubjectMappings {
  const plain: readonly [string, readonly [string, number][]][] = JSON.parse(text)
  return new SubjectMappings(
    plain.map(([source, destinations]) => {
      const weighted = destinations.map(([destination, cumulative]) => {
        const transform = transformOf(source, destination)
        assert(typeof transform !== 'string', 'mappings were right when encoded', { source })
        return { transform, cumulative }
      })
      return mappingOf(source, weighted)
    }),
  )
}
