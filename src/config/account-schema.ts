import type { ValidationRuleObject, ValidationSchema } from 'fastest-validator'
import { CONNECTION_TYPES } from './user-table.ts'

/** Rules of the schema in option-schema.ts for users, accounts and mappings. */

const TEXT: ValidationRuleObject = { type: 'string' }
const NAME: ValidationRuleObject = { type: 'string', min: 1 }
const SWITCH: ValidationRuleObject = { type: 'boolean' }
const INTEGER: ValidationRuleObject = { type: 'number', integer: true }
const TIME: ValidationRuleObject = { type: 'number' }
const PERCENT: ValidationRuleObject = { type: 'number', integer: true, min: 0, max: 100 }

function object(props: ValidationSchema): ValidationRuleObject {
  return { type: 'object', strict: true, props }
}

function maybe(rule: ValidationRuleObject): ValidationRuleObject {
  return { ...rule, optional: true }
}

function list(items: ValidationRuleObject): ValidationRuleObject {
  return { type: 'array', items }
}

function oneOf(...values: readonly string[]): ValidationRuleObject {
  return { type: 'enum', values: [...values] }
}

const RATE: ValidationSchema = {
  maxMsgsPerSecond: { ...INTEGER, min: 0 },
  maxBytesPerSecond: { ...INTEGER, min: 0 },
}

const SUBJECTS = maybe(object({ allow: maybe(list(TEXT)), deny: maybe(list(TEXT)) }))

const PERMISSIONS = maybe(
  object({
    publish: SUBJECTS,
    subscribe: SUBJECTS,
    responses: maybe(object({ max: INTEGER, expiresMs: TIME })),
  }),
)

const OF_EVERY_USER: ValidationSchema = {
  account: TEXT,
  permissions: PERMISSIONS,
  connectionTypes: list(oneOf(...CONNECTION_TYPES)),
  proxyRequired: SWITCH,
  ...RATE,
}

const MAPPINGS = list(
  object({
    source: NAME,
    destinations: list(object({ subject: TEXT, weight: PERCENT, cluster: TEXT })),
  }),
)

/** What only one kind has is there by then, or has been left out. */
const EXPORT = object({
  kind: oneOf('stream', 'service'),
  subject: TEXT,
  accounts: maybe(list(TEXT)),
  tokenPosition: { type: 'number', integer: true, min: 0 },
  tokenRequired: SWITCH,
  revocations: { type: 'record', key: TEXT, value: { type: 'number' } },
  responseType: maybe(oneOf('singleton', 'stream', 'chunked')),
  thresholdMs: maybe(TIME),
  latency: maybe(object({ subject: TEXT, sampling: PERCENT })),
  allowTrace: maybe(SWITCH),
})

const IMPORT = object({
  kind: oneOf('stream', 'service'),
  account: NAME,
  subject: NAME,
  token: TEXT,
  to: TEXT,
  allowTrace: SWITCH,
  prefix: maybe(TEXT),
  share: maybe(SWITCH),
})

const ACCOUNT = object({
  name: NAME,
  nkey: TEXT,
  exports: list(EXPORT),
  imports: list(IMPORT),
  mappings: MAPPINGS,
  limits: object({
    maxConnections: INTEGER,
    maxLeafnodes: INTEGER,
    maxSubscriptions: INTEGER,
    maxPayload: INTEGER,
    ...RATE,
  }),
  defaultPermissions: PERMISSIONS,
  trace: maybe(object({ subject: TEXT, sampling: { ...PERCENT, min: 1 } })),
})

/** Of the top level. */
export const ACCOUNT_RULES: ValidationSchema = {
  users: list(object({ user: NAME, pass: TEXT, ...OF_EVERY_USER })),
  nkeys: list(object({ nkey: NAME, ...OF_EVERY_USER })),
  accounts: list(ACCOUNT),
  mappings: MAPPINGS,
}

/** Of `authorization`, besides what its table says. */
export const AUTHORIZATION_RULES: ValidationSchema = {
  defaultPermissions: PERMISSIONS,
  authCallout: maybe(
    object({
      issuer: TEXT,
      account: TEXT,
      authUsers: list(TEXT),
      xkey: TEXT,
      allowedAccounts: list(TEXT),
    }),
  ),
}
