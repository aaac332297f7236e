import { parseConfigText } from '../../src/config/config-parser.ts'
import { type ConfigMap, isConfigArray, isConfigMap } from '../../src/config/config-value.ts'
import { NOT_YET_HONOURED } from '../../src/config/not-yet-honoured.ts'
import { OPTION_SECTIONS, type SectionName } from '../../src/config/option-table.ts'
import type { ServerProgram } from './peers.ts'

/**
 * The reason to skip a test that starts `program` with `config`, or false when there is none.
 *
 * Sable refuses options it does not honour yet. Because the list of them is the program's own, a
 * test that needs one runs from the moment the option leaves the list.
 */
export function notHonouredReason(program: ServerProgram, config: string | undefined) {
  if (program.name !== 'sable' || config === undefined) return false
  const missing = [...new Set(notHonouredIn('', parseConfigText(config, {})))]
  return missing.length === 0 ? false : `sable does not honour yet: ${missing.join(', ')}`
}

/** Thrown while a test runs by what would start Sable with such a configuration. */
export class NotHonouredError extends Error {}

function* notHonouredIn(section: SectionName, config: ConfigMap): Generator<string> {
  for (const [key, { data }] of config) {
    const name = key.toLowerCase()
    const path = section === '' ? name : `${section}.${name}`
    if (NOT_YET_HONOURED[section].includes(name)) yield path
    const inner = sectionOf(path)
    if (inner === undefined) continue
    const elements = isConfigArray(data) ? data.map((element) => element.data) : [data]
    for (const element of elements) if (isConfigMap(element)) yield* notHonouredIn(inner, element)
  }
}

function sectionOf(path: string): SectionName | undefined {
  const canonical = path
    .replace(/^leaf(?=\.|$)/, 'leafnodes')
    .replace(/^ws(?=\.|$)/, 'websocket')
    .replace(/^(?:websocket|leafnodes|leafnodes\.remotes)\.tls(?=\.|$)/, 'tls')
  return Object.hasOwn(OPTION_SECTIONS, canonical) ? (canonical as SectionName) : undefined
}
