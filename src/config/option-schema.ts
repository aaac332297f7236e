import { createRequire } from 'node:module'
import type { ValidationError, ValidationSchema } from 'fastest-validator'
import { LEAF_AUTHORIZATION_TABLE, LEAFNODES_TABLE, REMOTE_TABLE } from './leafnode-table.ts'
import type { OptionEntry } from './option-entry.ts'
import { AUTHORIZATION_TABLE, OPTION_TABLE } from './option-table.ts'

/** An option whose value the broker cannot work with. */
export interface OptionFault {
  /** Path as in the options object: `leafnodes.remotes[0].account`. */
  readonly path: string
  /** Undefined for secrets and for whole objects. */
  readonly value: string | undefined
  readonly text: string
}

type Check = (options: object) => true | ValidationError[]

let compiledCheck: Check | undefined

/**
 * Checks types and ranges of a complete options object. The validator takes 20 ms to load and
 * compile, hence only here and only once: a start without a file never needs it.
 */
export function findOptionFaults(options: object): readonly OptionFault[] {
  compiledCheck ??= compile()
  const result = compiledCheck(options)
  return result === true ? [] : result.map(toFault)
}

function compile(): Check {
  const require = createRequire(import.meta.url)
  const Validator: typeof import('fastest-validator').default = require('fastest-validator')
  const check = new Validator({ haltOnFirstError: true }).compile({
    $$strict: true,
    ...ruleOf(OPTION_TABLE),
    authorization: nested(ruleOf(AUTHORIZATION_TABLE)),
    leafnodes: nested({
      ...ruleOf(LEAFNODES_TABLE),
      authorization: nested(ruleOf(LEAF_AUTHORIZATION_TABLE)),
      remotes: {
        type: 'array',
        items: nested({
          ...ruleOf(REMOTE_TABLE),
          urls: { type: 'array', min: 1, items: nested(URL_RULES) },
        }),
      },
    }),
  })
  return check as Check
}

const URL_RULES: ValidationSchema = {
  scheme: { type: 'string' },
  host: { type: 'string', min: 1 },
  port: { type: 'number', integer: true, min: 1, max: 65_535 },
  user: { type: 'string', optional: true },
  pass: { type: 'string', optional: true },
  token: { type: 'string', optional: true },
}

function nested(props: ValidationSchema): ValidationSchema {
  return { type: 'object', strict: true, props }
}

function ruleOf<T>(table: readonly OptionEntry<T>[]): ValidationSchema {
  return Object.fromEntries(
    table.filter((entry) => entry.kind !== 'listen').map((entry) => [entry.option, rule(entry)]),
  )
}

function rule<T>(entry: OptionEntry<T>): ValidationSchema {
  const { values, range, unit } = entry
  const standard: unknown = entry.default
  if (values !== undefined) return { type: 'enum', values: [...values] }
  if (typeof standard === 'number') {
    return { type: 'number', integer: unit !== 'ms', ...(range && bounds(range)) }
  }
  return { type: typeof standard }
}

/** 0 stands for the default, so it is fine even where the range begins above it. */
function bounds([min, max]: readonly [number, number]): object {
  if (min <= 0) return { min, max }
  const custom = (value: number): true | object[] =>
    value === 0 || value >= min || [{ type: 'numberMin', expected: min, actual: value }]
  return { max, custom }
}

const SECRETS = /(?:^|\.)(?:pass|token)$/

function toFault(error: ValidationError): OptionFault {
  const path = error.field ?? ''
  if (error.type === 'objectStrict') {
    const unknown = String(error.actual).split(', ', 1)[0]
    const full = path === '' ? `${unknown}` : `${path}.${unknown}`
    return { path: full, value: undefined, text: 'is not an option' }
  }
  const { actual } = error
  const isSize = error.type === 'arrayMin' || error.type === 'stringMin'
  const isPlain = typeof actual !== 'object' || actual === null
  const isShown = !SECRETS.test(path) && !isSize && isPlain
  const value = !isShown ? undefined : typeof actual === 'string' ? `"${actual}"` : String(actual)
  return { path, value, text: describe(error) }
}

function describe(error: ValidationError): string {
  switch (error.type) {
    case 'numberMin':
      return `must be at least ${error.expected}`
    case 'numberMax':
      return `must be at most ${error.expected}`
    case 'numberInteger':
      return 'must be a whole number'
    case 'enumValue':
      return `must be one of ${error.expected}`
    case 'arrayMin':
    case 'stringMin':
      return 'must not be empty'
    default:
      return `must be ${TYPE_WORDS.get(error.type) ?? 'of another type'}`
  }
}

const TYPE_WORDS: ReadonlyMap<string, string> = new Map([
  ['number', 'a number'],
  ['string', 'a text'],
  ['boolean', 'true or false'],
  ['array', 'an array'],
  ['object', 'an object'],
  ['required', 'set'],
])
