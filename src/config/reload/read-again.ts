import type { AccountRules } from '../account-rules.ts'
import { interpretCommandLine } from '../command-line.ts'
import type { Options } from '../option-types.ts'

/** What a reload is to put in force. */
export interface NewConfiguration {
  /** Complete. */
  readonly options: Options
  /** `sha256:…`; '' when it comes from a program. */
  readonly digest: string
  /** About the file, one line each. */
  readonly warnings: readonly string[]
}

/** Reads the configuration again, or says why it is no good. */
export type ReadConfiguration = () => NewConfiguration | { readonly error: string }

/**
 * Reads the file that a command line names again: flags win over it now as they did at the start.
 *
 * @param argv the arguments behind the program's name
 */
export function configurationReader(
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
  rules: AccountRules,
): ReadConfiguration {
  return () => {
    const request = interpretCommandLine(argv, environment, rules)
    if (request.kind === 'run') {
      const { options, configDigest = '', warnings } = request
      return { options, digest: configDigest, warnings }
    }
    const reason = request.kind === 'exit' ? request.reason : undefined
    return { error: reason ?? 'the command line does not start a server' }
  }
}
