import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from './config-parser.ts'
import { type ConfigMap, type ConfigNode, isConfigArray, isConfigMap } from './config-value.ts'
import { goTypeOf, goValueText } from './go-types.ts'
import { defaultsOf } from './option-entry.ts'
import type { HttpProxyOptions, RemoteOptions } from './option-types.ts'
import {
  BOTH_CREDENTIALS,
  proxyFault,
  remoteName,
  seedFault,
  subjectFault,
} from './remote-checks.ts'
import { PROXY_TABLE, REMOTE_TABLE } from './remote-table.ts'
import { redactUrl } from './remote-url.ts'
import type { Occurrence } from './section-reading.ts'
import { readDurationMs, readText } from './value-readers.ts'

/** Values inside `leafnodes { remotes [ { } ] }`, and the array as a whole. */

export function readRemotes(occurrence: Occurrence): readonly RemoteOptions[] | undefined {
  const { node, faults } = occurrence
  if (!isConfigArray(node.data)) {
    faults.report(node, `Expected remotes field to be an array, got ${goTypeOf(node.data)}`)
    return undefined
  }
  const names = new Set<string>()
  const remotes: RemoteOptions[] = []
  for (const element of node.data) {
    if (!isConfigMap(element.data)) {
      const shown = goValueText(element.data)
      faults.report(element, `Expected remote leafnode entry to be a map/struct, got ${shown}`)
      continue
    }
    const remote = readRemote(element, element.data, names, occurrence)
    if (remote !== undefined) remotes.push(remote)
  }
  return remotes
}

/** @param names of the remotes before this one; its own is added */
function readRemote(
  element: ConfigNode,
  fields: ConfigMap,
  names: Set<string>,
  { faults, fill }: Occurrence,
): RemoteOptions | undefined {
  const remote = defaultsOf(REMOTE_TABLE)
  fill('leafnodes.remotes', REMOTE_TABLE, fields, remote)
  const texts = urlTexts(fields).map((text) => text.trim())
  const proxyNode = fieldNamed(fields, /^proxy$/i) ?? element
  const fault = proxyFault(remote, texts.map(redactUrl))
  if (fault !== undefined) {
    faults.report(proxyNode, fault)
    return undefined
  }
  const name = remoteName(texts, remote)
  if (names.has(name.full)) {
    const last = [...fields.values()].at(-1) ?? element
    faults.report(last, `duplicate remote ${name.redacted}`)
    return undefined
  }
  names.add(name.full)
  return remote
}

function fieldNamed(fields: ConfigMap, name: RegExp): ConfigNode | undefined {
  return [...fields].find(([key]) => name.test(key))?.[1]
}

/** The addresses as written; the parsed ones have lost what tells them apart. */
function urlTexts(remote: ConfigMap): readonly string[] {
  const texts = new Set<string>()
  for (const [key, { data }] of remote) {
    if (!/^urls?$/i.test(key)) continue
    for (const value of isConfigArray(data) ? data.map((element) => element.data) : [data]) {
      if (typeof value === 'string') texts.add(value)
    }
  }
  return [...texts]
}

export function readPath({ node, faults, draft, environment }: Occurrence): string | undefined {
  const text = readText(node, faults)
  if (text === undefined) return undefined
  const path = expandPath(text, environment)
  if (draft['nkey'] === '' || draft['nkey'] === undefined) return path
  faults.report(node, BOTH_CREDENTIALS)
  return undefined
}

/** `$NAME` and `${NAME}` from the environment, then a leading `~`. */
function expandPath(text: string, environment: Environment): string {
  const path = text.replace(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (_, braced?: string, plain?: string) => environment[braced ?? plain ?? ''] ?? '',
  )
  return path.startsWith('~') ? join(environment['HOME'] ?? homedir(), path.slice(1)) : path
}

export function readSeed({ node, faults, draft }: Occurrence): string | undefined {
  const text = readText(node, faults)
  if (text === undefined) return undefined
  const fault = seedFault(text)
  if (fault !== undefined) {
    faults.report(node, fault)
    return undefined
  }
  if (draft['credentials'] === '') return text
  faults.report(node, BOTH_CREDENTIALS)
  return undefined
}

export function readSubjects({ node, faults }: Occurrence): readonly string[] | undefined {
  const { data } = node
  let subjects: readonly string[]
  if (typeof data === 'string') subjects = [data]
  else if (isConfigArray(data)) {
    const unfit = data.find((element) => typeof element.data !== 'string')
    if (unfit !== undefined) {
      faults.report(unfit, 'Subject in permissions array cannot be cast to string')
      return undefined
    }
    subjects = data.map((element) => String(element.data))
  } else {
    const text = 'Expected subject permissions to be a subject, or array of subjects, got'
    faults.report(node, `${text} ${goTypeOf(data)}`)
    return undefined
  }
  const fault = subjectFault(subjects)
  if (fault === undefined) return subjects
  faults.report(node, fault)
  return undefined
}

/** A boolean, or a map with a delay, which is looked at and dropped. */
export function readMigrate({ node, faults }: Occurrence): boolean | undefined {
  const { data } = node
  if (typeof data === 'boolean') return data
  if (!isConfigMap(data)) {
    const type = goTypeOf(data)
    faults.reportUnplaced(`Expected boolean or map for jetstream_cluster_migrate, got ${type}`)
    return undefined
  }
  const delay = data.get('leader_migrate_delay')
  if (delay !== undefined) readDurationMs(delay, 'leader_migrate_delay', faults)
  return true
}

export function readProxy({ node, faults, fill }: Occurrence): HttpProxyOptions | undefined {
  if (!isConfigMap(node.data)) {
    faults.report(node, `Expected proxy to be a map, got ${goTypeOf(node.data)}`)
    return undefined
  }
  const proxy = defaultsOf(PROXY_TABLE)
  fill('leafnodes.remotes.proxy', PROXY_TABLE, node.data, proxy)
  return proxy
}
