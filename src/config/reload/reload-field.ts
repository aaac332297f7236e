import type { Options } from '../option-types.ts'

/** What a reload compares: complete options, with the ports that are really listened on. */
export interface OptionPair {
  readonly old: Options
  readonly next: Options
  /** Certificates or keys of the client listener are not those that were read last. */
  readonly isCertificateNew: boolean
}

/** What became of one field of nats-server's options. */
export type FieldOutcome =
  /** The reload must not happen; the text says why. */
  | { readonly refusal: string }
  /** Lines of the log, and the keys of what differs, which may be none. */
  | { readonly lines: readonly string[]; readonly changed: readonly string[] }

/** One field of nats-server's options. */
export interface ReloadField {
  /** As nats-server names it in refusals. */
  readonly name: string
  /** Those of our options that it looks at. */
  readonly options: readonly (keyof Options)[]
  readonly compare: (pair: OptionPair) => FieldOutcome
}

export const UNCHANGED: FieldOutcome = { lines: [], changed: [] }

export function refusal(name: string, old: string, next: string): FieldOutcome {
  return { refusal: `config reload not supported for ${name}: old=${old}, new=${next}` }
}
