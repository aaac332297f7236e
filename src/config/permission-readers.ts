import { durationMs, parseDuration } from '../base/duration.ts'
import type { SubjectPermission } from '../protocol/go-json-decode.ts'
import { goQuote } from '../protocol/go-quote.ts'
import type { PermissionOptions, ResponsePermission } from './account-types.ts'
import { type ConfigMap, type ConfigNode, isConfigArray, isConfigMap } from './config-value.ts'
import { goTypeOf, goValueText } from './go-types.ts'
import { defaultsOf } from './option-entry.ts'
import {
  DEFAULT_RESPONSES,
  permissionSubjectsFault,
  type SubjectRules,
  withResponses,
} from './permission-checks.ts'
import type { Occurrence } from './section-reading.ts'
import { PERMISSION_TABLE, RESPONSE_TABLE } from './user-table.ts'
import { readInteger } from './value-readers.ts'

/** Permissions of a user, and those for all users without their own. */

export function readPermissions({ node, faults, fill }: Occurrence): PermissionOptions | undefined {
  if (!isConfigMap(node.data)) {
    const shown = goValueText(node.data)
    faults.report(node, `Expected permissions to be a map/struct, got ${shown}`)
    return undefined
  }
  const block = defaultsOf(PERMISSION_TABLE)
  fill('authorization.permissions', PERMISSION_TABLE, node.data, block, unknownPermission)
  const { publish, subscribe, allowResponses: responses } = block
  return withResponses({ publish, subscribe, responses })
}

function unknownPermission(field: string): string {
  return `Unknown field ${goQuote(field)} parsing permissions`
}

/** A map without entries restricts nothing, and no more does an array without any. */
export function readSubjectPermission(
  occurrence: Occurrence,
  rules: SubjectRules,
): SubjectPermission | undefined {
  const { node, faults } = occurrence
  if (isConfigMap(node.data)) {
    return node.data.size === 0 ? undefined : readLists(occurrence, node.data, rules)
  }
  const result = subjectsOf(node, rules)
  if ('subjects' in result) return list('allow', result.subjects)
  // nats-server knows the place only of elements here.
  if (result.element !== undefined) faults.report(result.element, result.error)
  else faults.reportUnplaced(result.error)
  return undefined
}

function readLists(
  { faults }: Occurrence,
  map: ConfigMap,
  rules: SubjectRules,
): SubjectPermission | undefined {
  let permission: SubjectPermission = {}
  for (const [key, node] of map) {
    const name = key.toLowerCase()
    if (name === 'allow' || name === 'deny') {
      const result = subjectsOf(node, rules)
      if ('error' in result) faults.report(result.element ?? node, result.error)
      else permission = { ...permission, ...list(name, result.subjects) }
    } else if (!node.usedVariable) {
      const text = "parsing subject permissions, only 'allow' or 'deny' are permitted"
      faults.report(node, `Unknown field name ${goQuote(key)} ${text}`)
    }
  }
  return permission
}

function list(name: 'allow' | 'deny', subjects: readonly string[]): SubjectPermission {
  return subjects.length === 0 ? {} : { [name]: subjects }
}

type Subjects =
  | { readonly subjects: readonly string[] }
  /** `element` is to blame alone, if it is there. */
  | { readonly error: string; readonly element: ConfigNode | undefined }

function subjectsOf({ data }: ConfigNode, rules: SubjectRules): Subjects {
  let subjects: string[] = []
  if (typeof data === 'string') subjects = [data]
  else if (isConfigArray(data)) {
    for (const element of data) {
      if (typeof element.data !== 'string') {
        return { error: 'Subject in permissions array cannot be cast to string', element }
      }
      subjects.push(element.data)
    }
  } else {
    const wanted = 'Expected subject permissions to be a subject, or array of subjects'
    return { error: `${wanted}, got ${goTypeOf(data)}`, element: undefined }
  }
  const error = permissionSubjectsFault(subjects, rules)
  return error === undefined ? { subjects } : { error, element: undefined }
}

export function readResponses({ node, faults, fill }: Occurrence): ResponsePermission | undefined {
  if (typeof node.data === 'boolean') return node.data ? DEFAULT_RESPONSES : undefined
  if (!isConfigMap(node.data)) {
    faults.report(node, 'error parsing response permissions, expected a boolean or a map')
    return undefined
  }
  const responses = defaultsOf(RESPONSE_TABLE)
  const section = 'authorization.permissions.allow_responses'
  fill(section, RESPONSE_TABLE, node.data, responses, unknownPermission)
  return responses
}

export function readResponseCount({ node, faults }: Occurrence): number | undefined {
  // Undefined leaves the default, which is what 0 stands for.
  return readInteger(node, faults) || undefined
}

export function readResponseTimeMs({ node, faults }: Occurrence): number | undefined {
  if (typeof node.data !== 'string') {
    faults.report(node, 'error parsing expires, not a duration string')
    return undefined
  }
  const parsed = parseDuration(node.data)
  if ('ns' in parsed) return durationMs(parsed.ns) || undefined
  faults.report(node, `error parsing expires: ${parsed.error}`)
  return undefined
}
