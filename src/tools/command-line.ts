import { type Flags, type FlagValues, parseFlags } from './nats/flags.ts'
import { ToolError } from './nats/tool-error.ts'
import type { ToolOutput } from './tool-output.ts'

/** What a tool takes. */
export interface ToolSyntax<Of extends Flags> {
  /** Ends with a line feed. */
  readonly usage: string
  readonly flags: Of
  /** Words besides flags; undefined: the tool looks at them itself. */
  readonly wordCount?: number
  /** Exit code for flags that make no sense; 1 by default. */
  readonly badFlagsCode?: number
}

/** The flags and the other words, or the exit code where there is nothing more to be done. */
export type ToolCommand<Of extends Flags> =
  | { readonly values: FlagValues<Of>; readonly words: readonly string[] }
  | { readonly exitCode: number }

/** Reads the command line of a tool. Help, and what is wrong with the flags, is written here. */
export function readToolCommand<const Of extends Flags>(
  { usage, flags, wordCount, badFlagsCode = 1 }: ToolSyntax<Of>,
  args: readonly string[],
  { stdout, stderr }: ToolOutput,
): ToolCommand<Of> {
  const parsed = parseFlags(flags, args)
  if (parsed.outcome === 'help' || (parsed.outcome === 'parsed' && parsed.values['h'] === true)) {
    stdout.write(usage)
    return { exitCode: 0 }
  }
  if (parsed.outcome === 'refused') {
    stderr.write(`${parsed.reason}\n${usage}`)
    return { exitCode: badFlagsCode }
  }
  if (wordCount !== undefined && parsed.rest.length !== wordCount) {
    stderr.write(usage)
    return { exitCode: badFlagsCode }
  }
  return { values: parsed.values, words: parsed.rest }
}

/** Tells why a tool could not do its work. @returns the exit code; errors of our own are thrown */
export function tellToolError(
  calledAs: string,
  error: unknown,
  { stderr }: Pick<ToolOutput, 'stderr'>,
): number {
  if (!(error instanceof ToolError)) throw error
  stderr.write(`${calledAs}: ${error.message}\n`)
  return 1
}
