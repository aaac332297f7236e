import { goQuote } from '../protocol/go-quote.ts'
import { ConfigFaultsError, formatPosition, type SourcePosition } from './config-error.ts'

/** Collects what is wrong with a file, so that all of it is reported at once. */
export class ConfigFaults {
  readonly warnings: string[] = []
  readonly errors: string[] = []

  report(position: SourcePosition, text: string): void {
    this.errors.push(`${formatPosition(position)}: ${text}`)
  }

  unknownField(position: SourcePosition, field: string): void {
    this.report(position, `unknown field ${goQuote(field)}`)
  }

  warn(position: SourcePosition, field: string, text: string): void {
    const place = formatPosition(position)
    this.warnings.push(`${place}: invalid use of field ${goQuote(field)}: ${text}`)
  }

  /** For the few faults whose place nats-server does not tell. */
  reportUnplaced(text: string): void {
    this.errors.push(text)
  }

  toError(): ConfigFaultsError {
    return new ConfigFaultsError(this.warnings, this.errors)
  }
}
