import type { AccountClaims } from '../../auth/jwt/claims.ts'
import { validateClaims } from '../../auth/jwt/validate.ts'
import type { AccountExport, ServiceLatency } from '../../config/account-types.ts'
import type {
  ClaimIssueReport,
  ExportReport,
  ImportReport,
  MappingReport,
  ServiceLatencyReport,
} from '../../monitor/account-report.ts'
import { GLOBAL_ACCOUNT } from '../../protocol/global-account.ts'
import type {
  ResolvedServiceImport,
  ResolvedStreamImport,
} from '../../router/accounts/import-types.ts'
import { systemImports } from '../../router/accounts/system-imports.ts'
import type { Account } from '../accounts/account.ts'
import type { AccountDirectory } from '../accounts/account-directory.ts'
import type { KnownAccount } from './report-messages.ts'
import type { ReportQuestions } from './report-questions.ts'

const MS_PER_S = 1000
const RESPONSE_TYPES = { singleton: 'Singleton', stream: 'Streamed', chunked: 'Chunked' } as const
const NO_MAP: ReadonlyMap<string, never> = new Map<string, never>()

export interface AccountReportsOptions {
  readonly directory: AccountDirectory
  /** Accounts come from JWTs. */
  readonly isOperatorMode: boolean
  /** '' = there is none. */
  readonly systemAccount: () => string
  /** The JWT that claims in force were read from. */
  readonly jwtOf: (claims: AccountClaims) => string
}

/** What monitors are told of accounts, on the routing worker. */
export class AccountReports {
  readonly #options: AccountReportsOptions

  constructor(options: AccountReportsOptions) {
    this.#options = options
  }

  /** In operator mode those that were needed so far. */
  all(): KnownAccount[] {
    return [...this.#options.directory.all]
      .filter((account) => this.#isKnown(account))
      .map(({ name, number, claims }) => ({ name, number, tag: claims?.name || name }))
  }

  /** Some have been heard of only as exporters. */
  #isKnown({ name, claims }: Account): boolean {
    const { isOperatorMode, systemAccount } = this.#options
    if (!isOperatorMode || claims !== undefined) return true
    return name === GLOBAL_ACCOUNT || name === systemAccount()
  }

  one(name: string): ReportQuestions['account']['answer'] {
    const { directory, jwtOf } = this.#options
    const account = directory.get(name)
    if (account === undefined || !this.#isKnown(account)) return undefined
    const { claims, options } = account
    const { pending } = directory
    return {
      name,
      updatedMs: account.updatedMs,
      isSystem: directory.isSystem(account),
      isExpired: account.expiresMs !== 0 && account.expiresMs <= Date.now(),
      isComplete: !options.imports.some((one) => pending.includes(one.account)),
      mappings: mappingsOf(account),
      exports: options.exports.map(exportReport),
      imports: this.#imports(account),
      jwt: claims === undefined ? '' : jwtOf(claims),
      issuerKey: claims?.issuer ?? '',
      nameTag: claims?.name || name,
      tags: claims?.tags ?? [],
      issues: claims === undefined ? [] : issuesOf(claims),
      revokedUsers: inMs(claims?.revocations ?? NO_MAP),
    }
  }

  #imports(account: Account): ImportReport[] {
    const { directory, systemAccount } = this.#options
    const services = directory.serviceImports(account)
    // Also those of accounts that nobody has used yet, which are not made before.
    const exporter = systemAccount()
    const ofSystem = exporter === '' ? [] : systemImports(account.name, exporter, services)
    return [
      ...[...directory.streamImports(account)].map(streamReport),
      ...[...services, ...ofSystem].map(serviceReport),
    ]
  }
}

function mappingsOf({ mappings }: Account): MappingReport[] {
  return mappings.all.map(({ source, destinations }) => ({
    source,
    destinations: destinations.map(({ transform, cumulative }) => ({
      subject: transform.destination,
      weight: cumulative,
      cluster: '',
    })),
  }))
}

function latencyReport(latency: ServiceLatency | undefined): ServiceLatencyReport | undefined {
  return latency && { sampling: latency.sampling, subject: latency.subject }
}

function exportReport(offered: AccountExport): ExportReport {
  const { kind, subject, accounts, tokenRequired, revocations } = offered
  const isService = kind === 'service'
  return {
    type: kind,
    subject,
    needsToken: tokenRequired,
    responseType: isService ? RESPONSE_TYPES[offered.responseType] : '',
    latency: isService ? latencyReport(offered.latency) : undefined,
    approvedAccounts: accounts ?? [],
    revokedActivations: inMs(new Map(Object.entries(revocations))),
  }
}

function streamReport({ from, to, exporter }: ResolvedStreamImport): ImportReport {
  return {
    type: 'stream',
    subject: from,
    account: exporter,
    localSubject: to,
    isInvalid: false,
    isShared: false,
    isTracked: false,
    latency: undefined,
  }
}

function serviceReport(imported: ResolvedServiceImport): ImportReport {
  const { from, to, exporter, share, latency } = imported
  return {
    type: 'service',
    subject: to,
    account: exporter,
    localSubject: from,
    isInvalid: false,
    isShared: share,
    isTracked: false,
    latency: latencyReport(latency),
  }
}

function issuesOf(claims: AccountClaims): ClaimIssueReport[] {
  return validateClaims(claims, Date.now()).map(({ text, kind }) => ({
    description: text,
    isBlocking: kind === 'error',
    isTimeCheck: kind === 'time',
  }))
}

function inMs(seconds: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  return new Map([...seconds].map(([key, at]) => [key, at * MS_PER_S]))
}
