import type { AccountOptions, SubjectMapping } from './account-types.ts'

/**
 * What configuration must know about subject transforms and imports, of which this folder knows
 * nothing: nats-server refuses a file that is wrong there, and tells the place. Without rules that
 * is not checked here.
 */
export interface AccountRules {
  /**
   * nats-server's text for a mapping that cannot be: `duplicate entry for "x"`, `total weight needs
   * to be <= 100`, what is wrong with the transform. Undefined: none.
   */
  mappingFault(mapping: SubjectMapping): string | undefined
  /**
   * What is wrong between accounts: accounts that are not there, imports that nobody has exported
   * to the importer, cycles, figures that cannot be published. A whole sentence: `Error adding
   * stream import "s": stream import not authorized`. Undefined: nothing.
   *
   * @param accounts all that there are, in the order of the file
   */
  exchangeFault(accounts: readonly AccountOptions[], facts: ExchangeFacts): string | undefined
}

export interface ExchangeFacts {
  /** Figures about services are only measured where there is one. */
  readonly hasSystemAccount: boolean
}
