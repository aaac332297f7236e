import { BrokerError } from '../base/errors.ts'

/** A place in a configuration file; `column` as nats-server counts it, see SourceCursor. */
export interface SourcePosition {
  readonly file: string
  readonly line: number
  readonly column: number
}

/**
 * A configuration that cannot be used. `message` is the exact text nats-server prints after
 * `nats-server: `, so programs that read its stderr keep working.
 */
export class ConfigError extends BrokerError {
  constructor(text: string) {
    super('BRK_BAD_CONFIG', text)
  }
}

/** Every fault of one file at once: warnings first, one line each, as nats-server lists them. */
export class ConfigFaultsError extends ConfigError {
  readonly warnings: readonly string[]
  readonly errors: readonly string[]

  constructor(warnings: readonly string[], errors: readonly string[]) {
    super([...warnings, ...errors].map((line) => `${line}\n`).join(''))
    this.warnings = warnings
    this.errors = errors
  }
}

export function formatPosition(position: SourcePosition): string {
  return `${position.file}:${position.line}:${position.column}`
}
