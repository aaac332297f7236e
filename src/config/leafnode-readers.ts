import { isConfigArray, isConfigMap } from './config-value.ts'
import { goTypeOf, goValueText } from './go-types.ts'
import {
  authTimeoutMs,
  leafNkeyFault,
  leafUsersFault,
  leafVersionFault,
} from './leafnode-checks.ts'
import { LEAF_AUTHORIZATION_TABLE, LEAF_USER_TABLE, LEAFNODES_TABLE } from './leafnode-table.ts'
import { defaultsOf } from './option-entry.ts'
import type {
  Draft,
  LeafnodeAuthorizationOptions,
  LeafnodeOptions,
  LeafnodeUserOptions,
} from './option-types.ts'
import type { Occurrence } from './section-reading.ts'
import { readMap, readText } from './value-readers.ts'

/** The `leafnodes` block and what stands in it, remotes excepted. */

export function readLeafnodes({ node, faults, fill }: Occurrence): LeafnodeOptions | undefined {
  if (!isConfigMap(node.data)) {
    faults.report(node, `Expected map to define a leafnode, got ${goTypeOf(node.data)}`)
    return undefined
  }
  const leafnodes = defaultsOf(LEAFNODES_TABLE) as Draft<LeafnodeOptions>
  const { authorization: defaults } = leafnodes
  leafnodes.authorization = { ...defaults, timeoutMs: 0 }
  fill('leafnodes', LEAFNODES_TABLE, node.data, leafnodes)
  const { authorization, tls } = leafnodes
  leafnodes.authorization = {
    ...authorization,
    timeoutMs: authorization.timeoutMs || authTimeoutMs(tls),
  }
  return leafnodes
}

export function readLeafAuthorization({
  node,
  faults,
  fill,
}: Occurrence): LeafnodeAuthorizationOptions | undefined {
  const map = readMap(node, faults)
  if (map === undefined) return undefined
  // Time that is not set depends on a block that may not have been read yet; 0 until then.
  const authorization = { ...defaultsOf(LEAF_AUTHORIZATION_TABLE), timeoutMs: 0 }
  fill('leafnodes.authorization', LEAF_AUTHORIZATION_TABLE, map, authorization)
  const fault = leafUsersFault(authorization)
  if (fault !== undefined) faults.report(node, fault)
  return authorization
}

export function readLeafUsers({
  node,
  faults,
  fill,
}: Occurrence): readonly LeafnodeUserOptions[] | undefined {
  if (!isConfigArray(node.data)) {
    faults.report(node, `Expected users field to be an array, got ${goValueText(node.data)}`)
    return undefined
  }
  const users: LeafnodeUserOptions[] = []
  for (const element of node.data) {
    if (!isConfigMap(element.data)) {
      const shown = goValueText(element.data)
      faults.report(element, `Expected user entry to be a map/struct, got ${shown}`)
      continue
    }
    const user = defaultsOf(LEAF_USER_TABLE)
    fill('leafnodes.authorization.users', LEAF_USER_TABLE, element.data, user)
    users.push(user)
  }
  return users
}

export function readUserNkey({ node, faults }: Occurrence): string | undefined {
  const text = readText(node, faults)
  const fault = text === undefined ? undefined : leafNkeyFault(text)
  if (fault !== undefined) faults.report(node, fault)
  return text
}

export function readLeafVersion({ node, faults }: Occurrence): string | undefined {
  const text = readText(node, faults)
  const fault = text === undefined ? undefined : leafVersionFault(text)
  if (fault === undefined) return text
  faults.report(node, fault)
  return undefined
}
