import type { AccountClaims } from '../../auth/jwt/claims.ts'
import type { Logger } from '../../base/log-line.ts'
import type { AccountOptions } from '../../config/account-types.ts'
import type { Deadlines } from '../../io/deadlines.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import {
  AccountGraph,
  type CheckActivation,
  type GraphChange,
} from '../../router/accounts/import-graph.ts'
import type { ResolvedImport } from '../../router/accounts/import-types.ts'
import { createMappings, encodeMappings } from '../../router/accounts/subject-mappings.ts'
import {
  systemImports,
  USER_INFO,
  withSystemExports,
} from '../../router/accounts/system-imports.ts'
import { Account, plainAccount } from './account.ts'
import { AccountBlocks } from './account-blocks.ts'
import { ImportEntries } from './import-entries.ts'

export interface AccountDirectoryOptions {
  readonly kernel: Kernel
  readonly deadlines: Deadlines
  readonly log: Logger
  /** For mappings that are for one cluster only; '' = none. */
  readonly clusterName: string
  /** Name of the system account, '' = there is none. */
  readonly systemAccount: string
  readonly checkActivation: CheckActivation
  /** Names in the order of the numbers that a predecessor gave; the global account first. */
  readonly names: readonly string[]
  /** A number was given: it must outlive this thread, whose connections it is in. */
  readonly onNumbered: (name: string, number: number) => void
  /** An account has other mappings than before. */
  readonly onMappings: (name: string) => void
  /** The imports that lead into, or out of, an account have changed. */
  readonly onImports: (change: GraphChange) => void
}

/**
 * All accounts this server knows: numbers, options, mappings, and the imports between them, as
 * entries of the sublist. On the routing worker only.
 */
export class AccountDirectory {
  readonly #options: AccountDirectoryOptions
  readonly #kernel: Kernel
  readonly #byName = new Map<string, Account>()
  readonly #byNumber: Account[] = []
  readonly #blocks: AccountBlocks
  readonly #imports: ImportEntries
  readonly #graph: AccountGraph
  /** Importers by exporter, for interest that leafs are told of. */
  readonly #importers = new Map<string, Map<string, number>>()

  /** See exportersFor. */
  readonly #exporters = new Map<string, readonly number[]>()

  constructor(options: AccountDirectoryOptions) {
    this.#options = options
    this.#kernel = options.kernel
    this.#blocks = new AccountBlocks(options.kernel, options.deadlines)
    this.#imports = new ImportEntries(
      options.kernel,
      this.#blocks,
      (name) => this.take(name).number,
    )
    const { checkActivation, systemAccount } = options
    this.#graph = new AccountGraph({ checkActivation, systemAccount })
  }

  /** To be called once the sublist is formatted, before it is opened. */
  open(): void {
    for (const name of this.#options.names) this.take(name)
  }

  get(name: string): Account | undefined {
    return this.#byName.get(name)
  }

  at(number: number): Account | undefined {
    return this.#byNumber[number]
  }

  get all(): Iterable<Account> {
    return this.#byName.values()
  }

  get systemAccount(): Account | undefined {
    return this.get(this.#options.systemAccount)
  }

  isSystem(account: Account): boolean {
    return account.name === this.#options.systemAccount
  }

  /** The account of a name; made, with nothing in it, if it is not known yet. */
  take(name: string): Account {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    const account = new Account(name, this.#byNumber.length)
    if (account.number >= this.#kernel.layout.ACCOUNTS_MAX) {
      throw new RangeError(`too many accounts: ${account.number}`)
    }
    if (this.#kernel.exports.openAccount(account.number) === 0) {
      throw new RangeError('shared_memory is exhausted: no room for another account')
    }
    this.#byName.set(name, account)
    this.#byNumber.push(account)
    if (account.number >= this.#options.names.length) {
      this.#options.onNumbered(name, account.number)
    }
    return account
  }

  // ── what an account is ────────────────────────────────────────────────────────────────────

  /** Puts an account's options in force, in place of those it had. */
  define(given: AccountOptions, claims?: AccountClaims): Account {
    const account = this.take(given.name)
    const options = this.isSystem(account) ? withSystemExports(given) : given
    account.options = options
    account.updatedMs = Date.now()
    account.claims = claims
    this.#setMappings(account)
    this.#apply(this.#graph.set(options))
    return account
  }

  /** Nothing is said about an account any more: it imports, exports and maps nothing. */
  undefine(account: Account): void {
    account.options = plainAccount(account.name)
    account.claims = undefined
    this.#setMappings(account)
    this.#apply(this.#graph.remove(account.name))
  }

  #setMappings(account: Account): void {
    const { exports } = this.#kernel
    const { clusterName, log } = this.#options
    const { mappings, errors } = createMappings(account.options.mappings, clusterName)
    for (const { source, error } of errors) {
      log.error(`Account [${account.name}] mapping of "${source}" is left out: ${error}`)
    }
    if (mappings.isEmpty && account.mappingsBlock === 0) return
    const block = mappings.isEmpty
      ? 0
      : this.#blocks.write(account.number, false, encodeMappings(mappings))
    if (block === 0 && !mappings.isEmpty) {
      log.error(`Account [${account.name}]: no memory for its mappings`)
      return
    }
    const old = account.mappingsBlock
    account.mappings = mappings
    account.mappingsBlock = block
    exports.setMappings(account.number, block)
    if (old !== 0) this.#blocks.retire(old)
    this.#options.onMappings(account.name)
  }

  #apply(change: GraphChange): void {
    for (const { importer, error } of change.rejected) {
      this.#options.log.debug(`Error adding import of account [${importer}]: ${error}`)
    }
    for (const resolved of change.removed) {
      this.#imports.remove(resolved)
      this.#countImporter(resolved, -1)
    }
    for (const resolved of change.added) {
      if (this.#imports.add(resolved)) this.#countImporter(resolved, 1)
      else this.#options.log.error(`Account [${resolved.importer}]: no memory for an import`)
    }
    if (change.removed.length + change.added.length === 0) return
    this.#exporters.clear()
    this.#options.onImports(change)
  }

  #countImporter(resolved: ResolvedImport, delta: number): void {
    if (resolved.kind !== 'stream') return
    const importers = this.#importers.get(resolved.exporter) ?? new Map<string, number>()
    const count = (importers.get(resolved.importer) ?? 0) + delta
    if (count > 0) importers.set(resolved.importer, count)
    else importers.delete(resolved.importer)
    this.#importers.set(resolved.exporter, importers)
  }

  /** Exporters that some import names and nobody has defined yet. */
  get pending(): readonly string[] {
    return this.#graph.pending
  }

  /** An activation has come to its end. */
  refresh(name: string): void {
    this.#apply(this.#graph.refresh(name))
  }

  /**
   * What every account may ask the system account. Made when an account is first used, because
   * there may be ten thousand of which few are.
   */
  addSystemImports(account: Account): void {
    const { systemAccount } = this.#options
    if (account.hasSystemImports || systemAccount === '') return
    account.hasSystemImports = true
    const existing = this.#graph.serviceImports(account.name)
    for (const resolved of systemImports(account.name, systemAccount, existing)) {
      this.#imports.add(resolved)
    }
  }

  /**
   * Services of the system account that peers on leaf links may ask as well. Not who a user is: of
   * the users of others a server knows nothing.
   */
  systemSubjects(account: Account): readonly string[] {
    const { systemAccount } = this.#options
    if (!account.hasSystemImports || systemAccount === '') return []
    const existing = this.#graph.serviceImports(account.name)
    return systemImports(account.name, systemAccount, existing)
      .map(({ from }) => from)
      .filter((subject) => subject !== USER_INFO)
  }

  // ── who imports ───────────────────────────────────────────────────────────────────────────

  streamImports(account: Account) {
    return this.#graph.streamImports(account.name)
  }

  serviceImports(account: Account) {
    return this.#graph.serviceImports(account.name)
  }

  /** Numbers of the accounts that requests of this one may reach, through other imports, too. */
  exportersFor(account: Account): readonly number[] {
    const known = this.#exporters.get(account.name)
    if (known !== undefined) return known
    const reached = new Set<string>([account.name])
    for (const name of reached) {
      for (const { exporter } of this.#graph.serviceImports(name)) reached.add(exporter)
    }
    reached.delete(account.name)
    const numbers = [...reached].flatMap((name) => this.get(name)?.number ?? [])
    this.#exporters.set(account.name, numbers)
    return numbers
  }

  /** Accounts with stream imports from this one. */
  *importersOf(account: Account): Iterable<Account> {
    for (const name of this.#importers.get(account.name)?.keys() ?? []) {
      const importer = this.get(name)
      if (importer !== undefined) yield importer
    }
  }
}
