import type { AccountRules } from './account-rules.ts'
import type { ConfigFaults } from './config-faults.ts'
import type { Environment } from './config-parser.ts'
import type { ConfigMap, ConfigNode } from './config-value.ts'
import type { OptionEntry } from './option-entry.ts'
import type { SectionName } from './option-table.ts'

/** One occurrence of an option in a file. */
export interface Occurrence {
  readonly node: ConfigNode
  /** As spelt in the file. */
  readonly key: string
  /** Canonical key, for messages that use it whatever alias stands in the file. */
  readonly field: string
  /** What the table allows, for kinds that are a choice. */
  readonly values: readonly string[]
  readonly faults: ConfigFaults
  readonly environment: Environment
  /** Undefined: what needs them is not checked here. */
  readonly rules: AccountRules | undefined
  /** The object being filled; some options set a neighbour as well. */
  readonly draft: Record<string, unknown>
  /** Reads a block inside this one into `target`. */
  readonly fill: FillSection
}

/** Undefined: the value is unfit, and has been reported. */
export type Reader = (occurrence: Occurrence) => unknown

export type FillSection = <T extends object>(
  section: SectionName,
  table: readonly OptionEntry<T>[],
  config: ConfigMap,
  target: T,
  /** The text for a field that is not known, if not the usual one. */
  unknownText?: (field: string) => string,
) => void
