import type { PermissionClaims, PermissionList, UserClaims, UserLimitClaims } from './claims.ts'
import type { JsonFields } from './json-fields.ts'
import type { ReadBase } from './read-claims.ts'

const NO_LIMIT = -1

/** Limits that are in force where a JWT does not name them. */
type LimitWithout = 0 | typeof NO_LIMIT

/** Of version 1, a user without limits has none; of version 2 it may do nothing. */
export function readUser(base: ReadBase, top: JsonFields, nats: JsonFields): UserClaims {
  const isFirst = base.version === 1
  const limits = readUserLimits(nats, isFirst ? NO_LIMIT : 0)
  return {
    ...base,
    ...limits,
    type: 'user',
    issuerAccount: (isFirst ? top : nats).text('issuer_account'),
    hasEmptyPermissions: hasEmptyPermissions(nats, limits),
  }
}

/** @param without what limits are when they are absent */
export function readUserLimits(nats: JsonFields, without: LimitWithout): UserLimitClaims {
  const times = nats.objects('times').map((range) => ({
    start: range?.text('start') ?? '',
    end: range?.text('end') ?? '',
  }))
  return {
    permissions: readPermissions(nats),
    src: readNetworks(nats) ?? [],
    times,
    timesLocation: nats.text('times_location'),
    subs: nats.integer('subs', without),
    data: nats.integer('data', without),
    payload: nats.integer('payload', without),
    bearerToken: nats.flag('bearer_token'),
    proxyRequired: nats.flag('proxy_required'),
    allowedConnectionTypes: nats.texts('allowed_connection_types') ?? [],
  }
}

export function readPermissions(fields: JsonFields): PermissionClaims {
  const answers = fields.has('resp') ? fields.object('resp') : undefined
  return {
    publish: readList(fields.object('pub')),
    subscribe: readList(fields.object('sub')),
    responses: answers && { max: answers.integer('max'), expiresNs: answers.integer('ttl') },
  }
}

function readList(fields: JsonFields): PermissionList {
  return { allow: fields.texts('allow'), deny: fields.texts('deny') }
}

/** A list, or a text with commas, where small letters, no duplicates and no blanks count. */
function readNetworks(nats: JsonFields): readonly string[] | undefined {
  if (!nats.isText('src')) return nats.texts('src')
  const networks = nats.text('src').toLowerCase().split(',')
  return [...new Set(networks.map((one) => one.trim()).filter((one) => one !== ''))]
}

/**
 * nats-server compares with a Go struct in which nothing is set: a list that is there and empty is
 * set.
 */
function hasEmptyPermissions(nats: JsonFields, limits: UserLimitClaims): boolean {
  const { publish, subscribe } = limits.permissions
  const lists = [publish.allow, publish.deny, subscribe.allow, subscribe.deny]
  const { subs, data, payload, bearerToken, proxyRequired, timesLocation } = limits
  return !(
    lists.some((list) => list !== undefined) ||
    ['src', 'times', 'allowed_connection_types', 'resp'].some((name) => nats.has(name)) ||
    subs !== 0 ||
    data !== 0 ||
    payload !== 0 ||
    bearerToken ||
    proxyRequired ||
    timesLocation !== ''
  )
}
