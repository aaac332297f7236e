import { goQuote } from '../protocol/go-quote.ts'
import { isValidPublishSubject } from '../protocol/subjects.ts'
import { isAccountNkey, nkeyText, reservedFault } from './account-checks.ts'
import { ACCOUNT_TABLE, type AccountBlock, LIMITS_TABLE } from './account-table.ts'
import type { AccountLimits, AccountOptions, TraceDestination } from './account-types.ts'
import { formatPosition } from './config-error.ts'
import {
  type ConfigArray,
  type ConfigMap,
  type ConfigNode,
  isConfigArray,
  isConfigMap,
} from './config-value.ts'
import { goTypeOf, goValueText } from './go-types.ts'
import { defaultsOf } from './option-entry.ts'
import type { Draft, Options } from './option-types.ts'
import type { Occurrence } from './section-reading.ts'
import { UserNames } from './user-checks.ts'
import type { UserLists } from './user-readers.ts'
import { readText } from './value-readers.ts'

/** The `accounts` block; their users go into the lists for the whole broker. */

/** What is neither an array nor a map counts for nothing, as in nats-server. */
export function readAccounts(occurrence: Occurrence): readonly AccountOptions[] {
  const { node, faults, rules, draft } = occurrence
  if (isConfigArray(node.data)) return readNames(node.data, occurrence)
  if (!isConfigMap(node.data)) return []
  const accounts = readBlocks(node.data, occurrence)
  // What does not exist because it was not understood would be missed here.
  if (faults.errors.length > 0) return accounts
  const { noSystemAccount } = draft as { readonly noSystemAccount?: boolean }
  const fault = rules?.exchangeFault(accounts, { hasSystemAccount: noSystemAccount !== true })
  if (fault !== undefined) faults.report(node, fault)
  return accounts
}

function readNames(elements: ConfigArray, { faults }: Occurrence): readonly AccountOptions[] {
  const names = new Set<string>()
  for (const element of elements) {
    const name = readText(element, faults)
    if (name === undefined) continue
    const fault = reservedFault(name)
    if (fault !== undefined) faults.report(element, fault)
    else if (names.has(name)) faults.report(element, `Duplicate Account Entry: ${name}`)
    else names.add(name)
  }
  return [...names].map((name) => accountOf(name, defaultsOf(ACCOUNT_TABLE)))
}

function readBlocks(map: ConfigMap, occurrence: Occurrence): readonly AccountOptions[] {
  const { faults, fill } = occurrence
  const draft = occurrence.draft as Draft<Options>
  const names = new UserNames(draft)
  const accounts: AccountOptions[] = []
  for (const [name, node] of map) {
    // Something refers to it, so it is a constant.
    if (node.usedVariable) continue
    if (!isConfigMap(node.data)) {
      faults.report(node, 'Expected map entries for accounts')
      continue
    }
    const fault = reservedFault(name)
    if (fault !== undefined) {
      faults.report(node, fault)
      continue
    }
    const block = defaultsOf(ACCOUNT_TABLE)
    fill('accounts.A', ACCOUNT_TABLE, node.data, block)
    accounts.push(accountOf(name, block))
    const lists = block.users
    if (lists !== undefined) addUsers(name, lists, node.data, names, occurrence)
  }
  return accounts
}

function accountOf(name: string, block: AccountBlock): AccountOptions {
  const { users: _, jetstream: __, msgTrace: trace, ...rest } = block
  return { name, ...rest, trace }
}

function addUsers(
  account: string,
  lists: UserLists,
  block: ConfigMap,
  names: UserNames,
  occurrence: Occurrence,
): void {
  const { faults } = occurrence
  const draft = occurrence.draft as Draft<Options>
  const [, node = occurrence.node] = [...block].find(([key]) => key.toLowerCase() === 'users') ?? []
  const users = lists.users.map((user) => ({ ...user, account }))
  const nkeys = lists.nkeys.map((user) => ({ ...user, account }))
  const { user, token } = draft.authorization
  if (users.length + nkeys.length > 0) {
    if (user !== '') {
      faults.report(node, 'Can not have a single user/pass and accounts')
      return
    }
    if (token !== '') {
      faults.report(node, 'Can not have a token and accounts')
      return
    }
  }
  for (const text of names.add({ users, nkeys })) faults.report(node, text)
  draft.users = [...draft.users, ...users]
  draft.nkeys = [...draft.nkeys, ...nkeys]
}

export function readAccountNkey({ node, faults }: Occurrence): string | undefined {
  const { data } = node
  if (typeof data === 'string' && isAccountNkey(data)) return data
  faults.report(node, nkeyText(goValueText(data)))
  return undefined
}

export function readAccountLimits({ node, faults, fill }: Occurrence): AccountLimits | undefined {
  if (!isConfigMap(node.data)) {
    const shown = goValueText(node.data)
    faults.report(node, `Expected account limits to be a map/struct, got ${shown}`)
    return undefined
  }
  const limits = defaultsOf(LIMITS_TABLE)
  fill('accounts.A.limits', LIMITS_TABLE, node.data, limits, (field) => {
    return `Unknown field ${goQuote(field)} parsing account limits`
  })
  return limits
}

/** The first fault ends the reading of the whole entry. */
class TraceFault {
  readonly node: ConfigNode
  readonly text: string

  constructor(node: ConfigNode, text: string) {
    this.node = node
    this.text = text
  }
}

const SAMPLING_ALWAYS = 100

export function readAccountTrace(occurrence: Occurrence): TraceDestination | undefined {
  const { node, faults } = occurrence
  try {
    const { subject, sampling } = traceOf(occurrence)
    if (subject !== '') return { subject, sampling: sampling || SAMPLING_ALWAYS }
    if (sampling > 0) {
      const text = 'Trace destination sampling ignored since no destination was set'
      faults.warnings.push(`${formatPosition(node)}: ${text}`)
    }
  } catch (error) {
    if (!(error instanceof TraceFault)) throw error
    faults.report(error.node, error.text)
  }
  return undefined
}

/** @throws TraceFault */
function traceOf({ node, key }: Occurrence): Draft<TraceDestination> {
  const { data } = node
  const trace = { subject: '', sampling: 0 }
  if (typeof data === 'string') return { ...trace, subject: traceSubject(node, key) }
  if (!isConfigMap(data)) {
    const text = `Expected account message trace ${goQuote(key)} to be a string or a map/struct`
    throw new TraceFault(node, `${text}, got ${goTypeOf(data)}`)
  }
  for (const [name, value] of data) {
    if (name.toLowerCase() === 'dest') trace.subject = traceSubject(value, name)
    else if (name.toLowerCase() === 'sampling') trace.sampling = traceSampling(value, name)
    else if (!value.usedVariable) {
      const text = `Unknown field ${goQuote(name)} parsing account message trace map/struct`
      throw new TraceFault(value, `${text} ${goQuote(key)}`)
    }
  }
  return trace
}

function traceSubject(node: ConfigNode, key: string): string {
  const { data } = node
  if (typeof data !== 'string') {
    throw new TraceFault(node, `Field ${goQuote(key)} should be a string, got ${goTypeOf(data)}`)
  }
  if (isValidPublishSubject(data)) return data
  throw new TraceFault(node, `Trace destination ${goQuote(data)} is not valid`)
}

const DECIMAL = /^[+-]?\d+$/

function traceSampling(node: ConfigNode, key: string): number {
  const { data } = node
  if (typeof data !== 'string' && typeof data !== 'bigint') {
    const text = `Trace destination sampling field ${goQuote(key)} should be an integer`
    throw new TraceFault(node, `${text} or a percentage, got ${goTypeOf(data)}`)
  }
  const digits = String(data).replace(/%$/, '')
  if (!DECIMAL.test(digits)) {
    const text = `Invalid trace destination sampling value ${goQuote(String(data))}`
    throw new TraceFault(node, text)
  }
  const percent = Number(digits)
  if (percent >= 1 && percent <= 100) return percent
  const text = `Ttrace destination sampling value ${percent} is invalid, needs to be [1..100]`
  throw new TraceFault(node, text)
}
