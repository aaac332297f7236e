import type { AccountImport, AccountOptions } from '../../config/account-types.ts'
import { ExportTable, NO_EXPORTS } from './export-table.ts'
import { type CycleSearch, cycleError, type ImportingAccount } from './import-cycles.ts'
import { finishImport, type ImportEnds, importEnds } from './import-resolution.ts'
import type {
  CheckActivation,
  RejectedImport,
  ResolvedImport,
  ResolvedServiceImport,
  ResolvedStreamImport,
} from './import-types.ts'

export type { CheckActivation, RejectedImport } from './import-types.ts'

/** What one change of an account made of the imports, its own and those of others. */
export interface GraphChange {
  /** To be taken out before `added` is put in. */
  readonly removed: readonly ResolvedImport[]
  readonly added: readonly ResolvedImport[]
  /** All that do not work, of the accounts that were looked at. */
  readonly rejected: readonly RejectedImport[]
  /** Exporting accounts these accounts name that are not known; to be fetched. */
  readonly pending: readonly string[]
}

export interface AccountGraphOptions {
  /** Of exports that need an activation token; without it none is good. */
  readonly checkActivation?: CheckActivation
  /** Name of the system account. */
  readonly systemAccount?: string
}

/** A permitted import, and what is needed to look for cycles through it. */
interface Candidate {
  readonly wanted: AccountImport
  readonly ends: ImportEnds
  readonly resolved: ResolvedImport
}

interface Node extends ImportingAccount {
  readonly options: AccountOptions
  readonly exports: ExportTable
  candidates: readonly Candidate[]
  streams: readonly ResolvedStreamImport[]
  services: readonly ResolvedServiceImport[]
  /** Not permitted or not possible. */
  refused: readonly RejectedImport[]
  /** Permitted, but part of a cycle. */
  cyclic: readonly RejectedImport[]
  /** Permitted and not part of a cycle. */
  active: readonly ResolvedImport[]
}

const NO_CHANGE: GraphChange = { removed: [], added: [], rejected: [], pending: [] }
const NONE: readonly never[] = []

function isStream(imported: ResolvedImport): imported is ResolvedStreamImport {
  return imported.kind === 'stream'
}

function isService(imported: ResolvedImport): imported is ResolvedServiceImport {
  return imported.kind === 'service'
}

/**
 * All accounts and what they import of each other. Accounts come and go one by one, in any order;
 * the outcome depends on which ones are there only. Of imports that form a cycle none works
 * (nats-server leaves out the one that came last).
 *
 * Cost of a change: the imports of the account, of those that import from it, and of those it
 * imports from, over any number of accounts.
 */
export class AccountGraph {
  readonly #checkActivation: CheckActivation
  readonly #systemAccount: string
  readonly #nodes = new Map<string, Node>()
  /** By exporter, known or not: who imports from it. */
  readonly #importers = new Map<string, Set<string>>()

  constructor({ checkActivation = () => false, systemAccount = '' }: AccountGraphOptions = {}) {
    this.#checkActivation = checkActivation
    this.#systemAccount = systemAccount
  }

  account(name: string): AccountOptions | undefined {
    return this.#nodes.get(name)?.options
  }

  /** Those that work, of one importing account. */
  streamImports(name: string): readonly ResolvedStreamImport[] {
    return this.#nodes.get(name)?.active.filter(isStream) ?? NONE
  }

  /** As streamImports. */
  serviceImports(name: string): readonly ResolvedServiceImport[] {
    return this.#nodes.get(name)?.active.filter(isService) ?? NONE
  }

  rejectedImports(name: string): readonly RejectedImport[] {
    const node = this.#nodes.get(name)
    return node === undefined ? NONE : [...node.refused, ...node.cyclic]
  }

  /** Exporting accounts that some import names and that are not there. */
  get pending(): readonly string[] {
    return [...this.#importers.keys()].filter((exporter) => !this.#nodes.has(exporter))
  }

  /** Adds the account, or puts it in the place of the one with this name. */
  set(account: AccountOptions): GraphChange {
    const { name } = account
    const before = this.#nodes.get(name)
    if (before !== undefined) this.#forget(before.options)
    const exports = account.exports.length === 0 ? NO_EXPORTS : new ExportTable(account)
    this.#nodes.set(name, {
      options: account,
      exports,
      hasStreamExport: (subject) => exports.hasStreamMatching(subject),
      candidates: before?.candidates ?? NONE,
      streams: before?.streams ?? NONE,
      services: before?.services ?? NONE,
      refused: before?.refused ?? NONE,
      cyclic: before?.cyclic ?? NONE,
      active: before?.active ?? NONE,
    })
    for (const { account: exporter } of account.imports) this.#importersOf(exporter).add(name)
    return this.#resolve([name, ...(this.#importers.get(name) ?? NONE)], NONE)
  }

  /** Nothing happens if it is not there. */
  remove(name: string): GraphChange {
    const node = this.#nodes.get(name)
    if (node === undefined) return NO_CHANGE
    const reachable = this.#reachable([name])
    this.#forget(node.options)
    this.#nodes.delete(name)
    const change = this.#resolve([...(this.#importers.get(name) ?? NONE)], reachable)
    return { ...change, removed: [...node.active, ...change.removed] }
  }

  /** The account as it is, looked at again: an activation has expired. */
  refresh(name: string): GraphChange {
    return this.#nodes.has(name) ? this.#resolve([name], NONE) : NO_CHANGE
  }

  #importersOf(exporter: string): Set<string> {
    const known = this.#importers.get(exporter)
    if (known !== undefined) return known
    const made = new Set<string>()
    this.#importers.set(exporter, made)
    return made
  }

  #forget({ name, imports }: AccountOptions): void {
    for (const { account: exporter } of imports) {
      const importers = this.#importers.get(exporter)
      importers?.delete(name)
      if (importers?.size === 0) this.#importers.delete(exporter)
    }
  }

  /** Looks again at the imports of `names`, then for cycles wherever those could be part of one. */
  #resolve(names: readonly string[], alsoCycles: Iterable<string>): GraphChange {
    const before = this.#reachable(names)
    const pending = new Set<string>()
    for (const name of names) this.#findCandidates(name, pending)
    const looked = new Set([...before, ...this.#reachable(names), ...alsoCycles])
    const removed: ResolvedImport[] = []
    const added: ResolvedImport[] = []
    const rejected: RejectedImport[] = []
    for (const name of looked) {
      const node = this.#nodes.get(name)
      if (node === undefined) continue
      const earlier = node.active
      this.#breakCycles(name, node)
      const known = new Set(earlier.map(({ key }) => key))
      const kept = new Set(node.active.map(({ key }) => key))
      removed.push(...earlier.filter(({ key }) => !kept.has(key)))
      added.push(...node.active.filter(({ key }) => !known.has(key)))
      rejected.push(...node.refused, ...node.cyclic)
    }
    return { removed, added, rejected, pending: [...pending] }
  }

  /** The accounts and all whose messages come to them, over any number of imports. */
  #reachable(names: Iterable<string>): Set<string> {
    const found = new Set(names)
    // A Set hands out what is added while it is walked.
    for (const name of found) {
      for (const { resolved } of this.#nodes.get(name)?.candidates ?? NONE) {
        found.add(resolved.exporter)
      }
    }
    return found
  }

  #findCandidates(name: string, pending: Set<string>): void {
    const node = this.#nodes.get(name)
    if (node === undefined) return
    if (node.options.imports.length === 0) {
      Object.assign(node, { candidates: NONE, streams: NONE, services: NONE, refused: NONE })
      return
    }
    const candidates: Candidate[] = []
    const streams: ResolvedStreamImport[] = []
    const services: ResolvedServiceImport[] = []
    const refused: RejectedImport[] = []
    for (const wanted of node.options.imports) {
      const exporter = this.#nodes.get(wanted.account)
      if (exporter === undefined) {
        pending.add(wanted.account)
        continue
      }
      const { exports } = exporter
      const ends = importEnds(wanted, name, exports, this.#checkActivation)
      if (!ends.ok) {
        refused.push({ importer: name, import: wanted, error: ends.error })
        continue
      }
      const made = finishImport(wanted, name, ends.value, exports, { streams, services })
      if (!made.ok) {
        refused.push({ importer: name, import: wanted, error: made.error })
        continue
      }
      const resolved = this.#markSystem(made.value)
      if (resolved.kind === 'stream') streams.push(resolved)
      else services.push(resolved)
      candidates.push({ wanted, ends: ends.value, resolved })
    }
    Object.assign(node, { candidates, streams, services, refused })
  }

  #markSystem(resolved: ResolvedImport): ResolvedImport {
    if (resolved.kind === 'stream' || resolved.exporter !== this.#systemAccount) return resolved
    return { ...resolved, isSystem: true }
  }

  #breakCycles(name: string, node: Node): void {
    if (node.candidates.length === 0) {
      Object.assign(node, { active: NONE, cyclic: NONE })
      return
    }
    const active: ResolvedImport[] = []
    const cyclic: RejectedImport[] = []
    for (const { wanted, ends, resolved } of node.candidates) {
      const search: CycleSearch = {
        account: (account) => this.#nodes.get(account),
        depthMax: Number.POSITIVE_INFINITY,
        ownKey: resolved.key,
      }
      const error = cycleError(resolved.kind, name, resolved.exporter, ends, search)
      if (error === undefined) active.push(resolved)
      else cyclic.push({ importer: name, import: wanted, error })
    }
    node.active = active
    node.cyclic = cyclic
  }
}
