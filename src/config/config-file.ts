import type { AccountRules } from './account-rules.ts'
import { configDigest } from './config-digest.ts'
import type { ConfigFaultsError } from './config-error.ts'
import { ConfigFaults } from './config-faults.ts'
import { type Environment, parseConfigFile } from './config-parser.ts'
import { readOptions } from './option-readers.ts'
import type { Options } from './option-types.ts'

export interface ConfigFile {
  /** Over the defaults; not yet completed or checked against each other. */
  readonly options: Options
  /** `sha256:<hex>` of the content, see configDigest. */
  readonly digest: string
  /** Whole lines, with positions. */
  readonly warnings: readonly string[]
  /** All that is wrong, warnings included; undefined when nothing is. */
  readonly faults: ConfigFaultsError | undefined
}

/**
 * Reads the options of a configuration file. Faults of single options are handed back, because
 * whether warnings are fatal depends on why the file is read.
 *
 * @param rules for what is between accounts; without, that is left to the start
 * @throws ConfigError when the file cannot be read or parsed
 */
export function readConfigFile(
  file: string,
  environment: Environment,
  rules?: AccountRules,
): ConfigFile {
  const config = parseConfigFile(file, environment)
  const faults = new ConfigFaults()
  if (config.size === 0) faults.warnings.push(`${file}: config has no values or is empty`)
  const options = readOptions(config, faults, environment, rules)
  const isFaulty = faults.warnings.length > 0 || faults.errors.length > 0
  return {
    options,
    digest: configDigest(config),
    warnings: faults.warnings,
    faults: isFaulty ? faults.toError() : undefined,
  }
}
