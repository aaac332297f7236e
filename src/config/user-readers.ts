import { goQuote } from '../protocol/go-quote.ts'
import { decodePublicNkey } from '../protocol/nkey-encoding.ts'
import type {
  AuthCalloutOptions,
  ConnectionType,
  NkeyUserOptions,
  UserOptions,
} from './account-types.ts'
import {
  type ConfigArray,
  type ConfigMap,
  type ConfigNode,
  isConfigArray,
  isConfigMap,
} from './config-value.ts'
import { conversionError, goTypeOf, goValueText } from './go-types.ts'
import { defaultsOf } from './option-entry.ts'
import type { Occurrence } from './section-reading.ts'
import { CALLOUT_TABLE, CONNECTION_TYPES, USER_TABLE } from './user-table.ts'
import { readText } from './value-readers.ts'

/** The users of a block, and the authorization callout. */

/** What one array of users holds; all of them are of the global account at first. */
export interface UserLists {
  readonly users: readonly UserOptions[]
  readonly nkeys: readonly NkeyUserOptions[]
}

export function readUsers(occurrence: Occurrence): UserLists | undefined {
  const { node, faults } = occurrence
  if (isConfigArray(node.data)) return readEntries(node.data, occurrence)
  faults.report(node, noArray(node))
  return undefined
}

/** As readUsers, but nats-server does not know the place of this one fault. */
export function readAccountUsers(occurrence: Occurrence): UserLists | undefined {
  const { node, faults } = occurrence
  if (isConfigArray(node.data)) return readEntries(node.data, occurrence)
  faults.reportUnplaced(noArray(node))
  return undefined
}

function noArray({ data }: ConfigNode): string {
  return `Expected users field to be an array, got ${goValueText(data)}`
}

function readEntries(elements: ConfigArray, occurrence: Occurrence): UserLists {
  const users: UserOptions[] = []
  const nkeys: NkeyUserOptions[] = []
  for (const element of elements) {
    const user = readUser(element, occurrence)
    if (user === undefined) continue
    if ('nkey' in user) nkeys.push(user)
    else users.push(user)
  }
  return { users, nkeys }
}

function readUser(
  element: ConfigNode,
  { faults, fill }: Occurrence,
): UserOptions | NkeyUserOptions | undefined {
  if (!isConfigMap(element.data)) {
    const shown = goValueText(element.data)
    faults.report(element, `Expected user entry to be a map/struct, got ${shown}`)
    return undefined
  }
  const block = defaultsOf(USER_TABLE)
  const faultsBefore = faults.errors.length
  fill('authorization.users', USER_TABLE, element.data, block)
  if (faults.errors.length > faultsBefore) return undefined
  const { user, pass, nkey, ...common } = block
  const fault = identityFault(user, pass, nkey)
  if (fault !== undefined) faults.report(lastOf(element.data) ?? element, fault)
  if (nkey !== '') return { nkey, account: '', ...common }
  return { user, pass, account: '', ...common }
}

function identityFault(user: string, pass: string, nkey: string): string | undefined {
  if (nkey === '') return user === '' ? 'User entry requires a user' : undefined
  if (decodePublicNkey(nkey)?.kind !== 'user') return 'Not a valid public nkey for a user'
  if (user === '' && pass === '') return undefined
  return 'Nkey users do not take usernames or passwords'
}

/** nats-server blames the entry that it has read last, and it reads them in random order. */
function lastOf(map: ConfigMap): ConfigNode | undefined {
  return [...map.values()].at(-1)
}

const FIELD_OF_TYPES = 'error parsing allowed connection types: unsupported type'

export function readConnectionTypes({ node, faults }: Occurrence): readonly ConnectionType[] {
  const { data } = node
  if (typeof data !== 'string' && !isConfigArray(data)) {
    faults.report(node, `${FIELD_OF_TYPES} ${goTypeOf(data)}`)
    return []
  }
  const names: string[] = []
  for (const element of typeof data === 'string' ? [node] : data) {
    if (typeof element.data === 'string') names.push(element.data.toUpperCase())
    else faults.report(element, `${FIELD_OF_TYPES} in array ${goTypeOf(element.data)}`)
  }
  const unknown = names.filter((name) => !isConnectionType(name))
  if (unknown.length > 0) {
    faults.report(node, `invalid connection types [${unknown.map(goQuote).join(' ')}]`)
  }
  return [...new Set(names.filter(isConnectionType))]
}

function isConnectionType(name: string): name is ConnectionType {
  return (CONNECTION_TYPES as readonly string[]).includes(name)
}

export function readAuthCallout({
  node,
  faults,
  fill,
}: Occurrence): AuthCalloutOptions | undefined {
  if (!isConfigMap(node.data)) {
    const shown = goValueText(node.data)
    faults.report(node, `Expected authorization callout to be a map/struct, got ${shown}`)
    return undefined
  }
  const callout = defaultsOf(CALLOUT_TABLE)
  const faultsBefore = faults.errors.length
  fill('authorization.auth_callout', CALLOUT_TABLE, node.data, callout, (field) => {
    return `Unknown field ${goQuote(field)} parsing authorization callout`
  })
  if (faults.errors.length > faultsBefore) return undefined
  const fault = calloutFault(callout)
  if (fault === undefined) return callout
  faults.report(lastOf(node.data) ?? node, fault)
  return undefined
}

/** What a callout cannot do without. */
export function calloutFault({ issuer, authUsers }: AuthCalloutOptions): string | undefined {
  if (issuer === '') return 'Authorization callouts require an issuer to be specified'
  if (authUsers.length > 0) return undefined
  return 'Authorization callouts require authorized users to be specified'
}

export function issuerFault(issuer: string): string | undefined {
  if (decodePublicNkey(issuer)?.kind === 'account') return undefined
  return `Expected callout user to be a valid public account nkey, got ${goQuote(issuer)}`
}

export function xkeyFault(xkey: string): string | undefined {
  if (decodePublicNkey(xkey)?.kind === 'curve') return undefined
  return `Expected callout xkey to be a valid public xkey, got ${goQuote(xkey)}`
}

export function readCalloutIssuer(occurrence: Occurrence): string | undefined {
  return readChecked(occurrence, issuerFault)
}

export function readCalloutXkey(occurrence: Occurrence): string | undefined {
  return readChecked(occurrence, xkeyFault)
}

function readChecked(
  { node, faults }: Occurrence,
  faultOf: (text: string) => string | undefined,
): string | undefined {
  const text = readText(node, faults)
  const fault = text === undefined ? undefined : faultOf(text)
  if (fault === undefined) return text
  faults.report(node, fault)
  return undefined
}

/** @param what of which there is an array, for the text of the refusal */
export function readCalloutNames(
  { node, faults }: Occurrence,
  what: string,
): readonly string[] | undefined {
  if (!isConfigArray(node.data)) {
    // nats-server names the type of its own wrapper here.
    faults.report(node, `Expected ${what} field to be an array, got *conf.token`)
    return undefined
  }
  const names: string[] = []
  for (const element of node.data) {
    if (typeof element.data === 'string') names.push(element.data)
    else faults.report(element, conversionError(element.data, 'string'))
  }
  return names
}
