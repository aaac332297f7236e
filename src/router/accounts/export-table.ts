import type {
  AccountExport,
  AccountImport,
  AccountOptions,
  ServiceExport,
  StreamExport,
} from '../../config/account-types.ts'
import { isValidPublishSubject, isValidSubject, splitTokens } from '../../protocol/subjects.ts'
import type { CheckActivation } from './import-types.ts'
import { isSubset, isSubsetSubject } from './subject-sets.ts'

/** nats-server's text for subjects its subscription lists refuse. */
export const SUBLIST_INVALID_SUBJECT = 'sublist: invalid subject'
const BAD_PUBLISH_SUBJECT = 'invalid publish subject'
const BAD_SAMPLING = 'bad sampling percentage, should be 1-100'
const BAD_SERVICE_TYPE = 'bad service response type'

export interface ExportError {
  readonly export: AccountExport
  /** The export stays, without its latency measuring. */
  readonly isLatency: boolean
  readonly error: string
}

/** Who asks for what, for `ExportTable.find`. */
export interface ImportClaim {
  readonly importer: string
  readonly exporter: string
  readonly import: AccountImport
}

function isRestricted({ accounts, tokenRequired, tokenPosition }: AccountExport): boolean {
  return (accounts?.length ?? 0) > 0 || tokenRequired || tokenPosition > 0
}

/** Exports of one subject add up: restrictions stay, lists of accounts grow. */
function mergeExports<E extends AccountExport>(before: E | undefined, added: E): E {
  if (before === undefined) return added
  const accounts = [...(before.accounts ?? []), ...(added.accounts ?? [])]
  return {
    ...added,
    accounts: accounts.length === 0 ? undefined : accounts,
    tokenRequired: before.tokenRequired || added.tokenRequired,
    tokenPosition: isRestricted(added) ? added.tokenPosition : before.tokenPosition,
  }
}

function mergeServices(before: ServiceExport | undefined, added: ServiceExport): ServiceExport {
  const merged = mergeExports(before, added)
  if (before === undefined) return merged
  return {
    ...merged,
    responseType: added.responseType === 'singleton' ? before.responseType : added.responseType,
    latency: added.latency ?? before.latency,
    allowTrace: before.allowTrace || added.allowTrace,
  }
}

/** What one account offers, by subject. */
export class ExportTable {
  readonly errors: readonly ExportError[]
  readonly #streams = new Map<string, StreamExport>()
  readonly #services = new Map<string, ServiceExport>()

  constructor({ exports }: Pick<AccountOptions, 'exports'>) {
    const errors: ExportError[] = []
    for (const offered of exports) {
      const { subject, tokenPosition } = offered
      if (tokenPosition > 0 && splitTokens(subject)[tokenPosition - 1] !== '*') {
        errors.push({ export: offered, isLatency: false, error: SUBLIST_INVALID_SUBJECT })
      } else if (offered.kind === 'stream') {
        this.#streams.set(subject, mergeExports(this.#streams.get(subject), offered))
      } else {
        const error = this.#addService(offered)
        if (error !== undefined) errors.push({ export: offered, isLatency: true, error })
      }
    }
    this.errors = errors
  }

  #addService(offered: ServiceExport): string | undefined {
    const { subject, latency } = offered
    const before = this.#services.get(subject)
    const merged = mergeServices(before, offered)
    // In the table before its figures are looked at: their subject may be this service's own.
    this.#services.set(subject, { ...merged, latency: before?.latency })
    const error = latency && this.#latencyError(merged, latency.sampling, latency.subject)
    if (error === undefined) this.#services.set(subject, merged)
    return error
  }

  #latencyError(offered: ServiceExport, sampling: number, results: string): string | undefined {
    if (sampling !== 0 && (sampling < 1 || sampling > 100)) return BAD_SAMPLING
    // Figures on a subject that is itself a service would be requests to it.
    const isService = this.findService(results) !== undefined
    if (!isValidSubject(results) || !isValidPublishSubject(results) || isService) {
      return BAD_PUBLISH_SUBJECT
    }
    return offered.responseType === 'singleton' ? undefined : BAD_SERVICE_TYPE
  }

  /**
   * The export that an import of `subject` is of: the same subject, or else the narrowest that has
   * it in. (nats-server takes any of those, at random.)
   */
  findService(subject: string): ServiceExport | undefined {
    return find(this.#services, subject)
  }

  /** As findService. */
  findStream(subject: string): StreamExport | undefined {
    return find(this.#streams, subject)
  }

  hasStreamMatching(subject: string): boolean {
    return this.findStream(subject) !== undefined
  }

  hasServiceMatching(subject: string): boolean {
    return this.findService(subject) !== undefined
  }

  /** @returns the export if there is one and `claim.importer` may have it */
  findApproved<K extends AccountImport['kind']>(
    kind: K,
    claim: ImportClaim,
    check: CheckActivation,
  ): (K extends 'stream' ? StreamExport : ServiceExport) | undefined
  findApproved(
    kind: AccountImport['kind'],
    claim: ImportClaim,
    check: CheckActivation,
  ): AccountExport | undefined {
    const { subject } = claim.import
    if (!isValidSubject(subject)) return undefined
    const found = kind === 'stream' ? this.findStream(subject) : this.findService(subject)
    return found !== undefined && approves(found, claim, check) ? found : undefined
  }
}

function find<E>(exports: ReadonlyMap<string, E>, subject: string): E | undefined {
  const exact = exports.get(subject)
  if (exact !== undefined) return exact
  const tokens = splitTokens(subject)
  let narrowest: string | undefined
  for (const offered of exports.keys()) {
    if (!isSubset(tokens, splitTokens(offered))) continue
    if (narrowest === undefined || isSubsetSubject(offered, narrowest)) narrowest = offered
  }
  return narrowest === undefined ? undefined : exports.get(narrowest)
}

function approves(found: AccountExport, claim: ImportClaim, check: CheckActivation): boolean {
  if (!isRestricted(found)) return true
  const { importer, import: wanted } = claim
  const { tokenPosition } = found
  if (tokenPosition > 0) {
    // Importing the whole export would show the messages to all others.
    if (wanted.subject === found.subject) return false
    return splitTokens(wanted.subject)[tokenPosition - 1] === importer
  }
  if (found.tokenRequired) return check({ token: wanted.token, export: found, ...claim })
  return found.accounts?.includes(importer) ?? false
}

/** Table of accounts that export nothing; there may be very many. */
export const NO_EXPORTS = new ExportTable({ exports: [] })
