import { announcedSubjects, shadowSubjects } from '../../router/accounts/import-interest.ts'
import {
  type InterestChange,
  LeafInterest,
  type LocalInterest,
} from '../../router/leaf/leaf-interest.ts'
import type { Account } from './account.ts'
import type { AccountDirectory } from './account-directory.ts'

/**
 * Interest of each account as its leaf links are told of it: that of its clients, of accounts that
 * import from it, and what its own service imports and mappings take.
 */
export class LeafInterests {
  readonly #directory: AccountDirectory
  readonly #subscriptionsOf: (account: number) => Iterable<LocalInterest>
  /** Of accounts that have, or had, links. */
  readonly #byAccount = new Map<Account, LeafInterest>()

  /** @param subscriptionsOf those of clients, in an account given by its number */
  constructor(
    directory: AccountDirectory,
    subscriptionsOf: (account: number) => Iterable<LocalInterest>,
  ) {
    this.#directory = directory
    this.#subscriptionsOf = subscriptionsOf
  }

  of(account: Account): LeafInterest {
    const known = this.#byAccount.get(account)
    if (known !== undefined) return known
    const made = new LeafInterest(
      () => this.#localInterest(account),
      undefined,
      (change) => this.#tellExporters(account, change),
    )
    this.#byAccount.set(account, made)
    return made
  }

  /** Whether anybody is to be told of interest. */
  get hasLinks(): boolean {
    for (const interest of this.#byAccount.values()) if (interest.size > 0) return true
    return false
  }

  /** Interest of this server's own clients has changed. */
  onInterest(account: Account, change: InterestChange): void {
    const interest = this.#byAccount.get(account)
    if (interest !== undefined) interest.onInterest(change)
    else this.#tellExporters(account, change)
  }

  #tellExporters(account: Account, change: InterestChange): void {
    const imports = this.#directory.streamImports(account)
    if (imports.length === 0) return
    for (const { exporter, subject } of shadowSubjects(imports, change.subject)) {
      const exporting = this.#directory.get(exporter)
      const interest = exporting && this.#byAccount.get(exporting)
      interest?.onImportedInterest({ ...change, subject })
    }
  }

  /** Imports or mappings of an account are others than before. */
  onAccountChanged(account: Account): void {
    const interest = this.#byAccount.get(account)
    for (const member of interest?.members() ?? []) interest?.announceAgain(member)
  }

  *#localInterest(account: Account): Iterable<LocalInterest> {
    yield* this.#subscriptionsOf(account.number)
    const services = this.#directory.serviceImports(account)
    for (const [subject, count] of announcedSubjects(services, account.mappings)) {
      yield { subject, count }
    }
    for (const subject of this.#directory.systemSubjects(account)) yield { subject, count: 1 }
    for (const importer of this.#directory.importersOf(account)) {
      yield* this.#importedInterest(importer, account)
    }
  }

  /** What an importer's clients and leafs want of one exporter. */
  *#importedInterest(importer: Account, exporter: Account): Iterable<LocalInterest> {
    const imports = this.#directory
      .streamImports(importer)
      .filter((resolved) => resolved.exporter === exporter.name)
    for (const { subject, queue, count } of this.#subscriptionsOf(importer.number)) {
      for (const shadow of shadowSubjects(imports, subject)) {
        yield { subject: shadow.subject, queue, count }
      }
    }
    for (const member of this.#byAccount.get(importer)?.members() ?? []) {
      for (const { subject, queue, weight } of member.received.values()) {
        for (const shadow of shadowSubjects(imports, subject)) {
          yield { subject: shadow.subject, queue, count: weight, origin: member }
        }
      }
    }
  }
}
