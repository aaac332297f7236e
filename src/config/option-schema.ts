import { createRequire } from 'node:module'
import type { ValidationError, ValidationRuleObject, ValidationSchema } from 'fastest-validator'
import { ACCOUNT_RULES, AUTHORIZATION_RULES } from './account-schema.ts'
import { LEAF_AUTHORIZATION_TABLE, LEAF_USER_TABLE, LEAFNODES_TABLE } from './leafnode-table.ts'
import { RESOLVER_KINDS } from './operator-defaults.ts'
import type { OptionEntry } from './option-entry.ts'
import { AUTHORIZATION_TABLE, OPTION_TABLE } from './option-table.ts'
import { PROXY_TABLE, REMOTE_TABLE } from './remote-table.ts'
import { CERTIFICATE_TABLE, TLS_TABLE } from './tls-table.ts'
import { WEBSOCKET_AUTHORIZATION_TABLE, WEBSOCKET_TABLE } from './websocket-table.ts'

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
  const tls = { ...nested(TLS_RULES), optional: true }
  const check = new Validator({ haltOnFirstError: true }).compile({
    $$strict: true,
    ...ruleOf(OPTION_TABLE),
    ...ACCOUNT_RULES,
    authorization: nested({ ...ruleOf(AUTHORIZATION_TABLE), ...AUTHORIZATION_RULES }),
    leafnodes: nested({
      ...ruleOf(LEAFNODES_TABLE),
      tls,
      authorization: nested({
        ...ruleOf(LEAF_AUTHORIZATION_TABLE),
        users: { type: 'array', items: nested(ruleOf(LEAF_USER_TABLE)) },
      }),
      remotes: {
        type: 'array',
        items: nested({
          ...ruleOf(REMOTE_TABLE),
          tls,
          proxy: { ...nested(ruleOf(PROXY_TABLE)), optional: true },
          urls: { type: 'array', min: 1, items: nested(URL_RULES) },
        }),
      },
    }),
    tls,
    operator: {
      ...nested({ ...OPERATOR_RULES, resolverTls: tls }),
      optional: true,
    },
    websocket: nested({
      ...ruleOf(WEBSOCKET_TABLE),
      tls,
      authorization: nested(ruleOf(WEBSOCKET_AUTHORIZATION_TABLE)),
    }),
  })
  return check as Check
}

const URL_RULES: ValidationSchema = {
  scheme: { type: 'string' },
  host: { type: 'string', min: 1 },
  port: { type: 'number', integer: true, min: 1, max: 65_535 },
  path: { type: 'string' },
  user: { type: 'string', optional: true },
  pass: { type: 'string', optional: true },
  token: { type: 'string', optional: true },
}

const PIN = /^[\da-f]{64}$/

const TLS_RULES: ValidationSchema = {
  ...ruleOf(TLS_TABLE),
  certificates: { type: 'array', items: nested(ruleOf(CERTIFICATE_TABLE)) },
  pinnedCerts: { type: 'array', items: { type: 'string', pattern: PIN } },
  handshakeFirstFallbackMs: { type: 'number', min: 0, max: Number.MAX_SAFE_INTEGER },
}

const TEXTS: ValidationRuleObject = { type: 'array', items: { type: 'string' } }
const TIME: ValidationRuleObject = { type: 'number', min: 0, max: Number.MAX_SAFE_INTEGER }
const maybe = (rule: ValidationRuleObject) => ({ ...rule, optional: true })

/** What a resolver lacks has been put there by its kind; what its kind does not need is let be. */
const OPERATOR_RULES: ValidationSchema = {
  jwts: TEXTS,
  trustedKeys: TEXTS,
  preload: { type: 'record', key: { type: 'string' }, value: { type: 'string' } },
  pinnedAccounts: TEXTS,
  defaultSentinel: { type: 'string' },
  resolver: maybe(
    nested({
      kind: { type: 'enum', values: [...RESOLVER_KINDS] },
      url: maybe({ type: 'string' }),
      directory: maybe({ type: 'string' }),
      limit: maybe({ type: 'number', integer: true }),
      allowDelete: maybe({ type: 'boolean' }),
      hardDelete: maybe({ type: 'boolean' }),
      intervalMs: maybe(TIME),
      ttlMs: maybe(TIME),
      timeoutMs: maybe(TIME),
    }),
  ),
}

/** The mode is checked where it is put into its one spelling. */
const COMPRESSION_RULE = nested({
  mode: { type: 'string' },
  rttThresholdsMs: { type: 'array', items: { type: 'number' } },
})

function nested(props: ValidationSchema): ValidationRuleObject {
  return { type: 'object', strict: true, props }
}

function ruleOf<T, Kind>(table: readonly OptionEntry<T, Kind>[]): ValidationSchema {
  return Object.fromEntries(
    table.filter((entry) => entry.isSecondary !== true).map((entry) => [entry.option, rule(entry)]),
  )
}

function rule<T, Kind>(entry: OptionEntry<T, Kind>): ValidationRuleObject {
  const { values, range, unit, kind } = entry
  const standard: unknown = entry.default
  if (kind === 'compression') return COMPRESSION_RULE
  if (Array.isArray(standard)) {
    const items = values === undefined ? { type: 'string' } : { type: 'enum', values: [...values] }
    return { type: 'array', items }
  }
  if (values !== undefined) return { type: 'enum', values: [...values] }
  if (kind === 'headers' || kind === 'metadata') {
    return { type: 'record', key: { type: 'string' }, value: { type: 'string' } }
  }
  if (kind === 'feature flags') {
    return { type: 'record', key: { type: 'string' }, value: { type: 'boolean' } }
  }
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

const SECRETS = /(?:^|\.)(?:pass|password|token|monitorToken|nkey)$/

function toFault(error: ValidationError): OptionFault {
  const path = error.field ?? ''
  if (error.type === 'objectStrict') {
    const unknown = String(error.actual).split(', ', 1)[0]
    const full = path === '' ? `${unknown}` : `${path}.${unknown}`
    return { path: full, value: undefined, text: 'is not an option' }
  }
  const { actual } = error
  const isSize = ['arrayMin', 'stringMin', 'required'].includes(error.type)
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
    case 'stringPattern':
      return 'must be 64 hexadecimal digits in lower case'
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
  ['record', 'an object'],
  ['required', 'set'],
])
