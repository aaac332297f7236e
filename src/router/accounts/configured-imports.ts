import type {
  AccountExport,
  AccountImport,
  AccountOptions,
  ServiceExport,
} from '../../config/account-types.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import { type ExportError, ExportTable } from './export-table.ts'
import {
  CYCLE_DEPTH_MAX,
  type CycleSearch,
  cycleError,
  type ImportingAccount,
} from './import-cycles.ts'
import { finishImport, importEnds } from './import-resolution.ts'
import type { ResolvedServiceImport, ResolvedStreamImport } from './import-types.ts'

const NO_SYSTEM_ACCOUNT = 'system account not setup'

type Kind = 'stream' | 'service'

interface ConfiguredAccount extends ImportingAccount {
  readonly options: AccountOptions
  readonly exports: ExportTable
  readonly streams: ResolvedStreamImport[]
  readonly services: ResolvedServiceImport[]
}

type Configured = ReadonlyMap<string, ConfiguredAccount>

function notDefined(name: string, kind: Kind, direction: 'export' | 'import'): string {
  return `${goQuote(name)} account not defined for ${kind} ${direction}`
}

function latencySubject(exported: AccountExport): string {
  return exported.kind === 'service' ? (exported.latency?.subject ?? '') : ''
}

function exportErrorText({ export: exported, isLatency, error }: ExportError): string {
  const subject = goQuote(exported.subject)
  if (!isLatency) return `Error adding ${exported.kind} export ${subject}: ${error}`
  const results = goQuote(latencySubject(exported))
  return `Error adding service latency sampling for ${subject} on subject ${results}: ${error}`
}

function unmeasured({ subject }: ServiceExport): string {
  return `Error adding service latency sampling for ${goQuote(subject)}: ${NO_SYSTEM_ACCOUNT}`
}

function* exportErrors(
  accounts: Configured,
  kind: Kind,
  hasSystemAccount: boolean,
): Generator<string> {
  for (const { options, exports } of accounts.values()) {
    for (const exported of options.exports) {
      if (exported.kind !== kind) continue
      for (const name of exported.accounts ?? []) {
        if (!accounts.has(name)) yield notDefined(name, kind, 'export')
      }
      const wrong = exports.errors.find((error) => error.export === exported)
      if (wrong !== undefined && !wrong.isLatency) yield exportErrorText(wrong)
      else if (exported.kind === 'service' && exported.latency && !hasSystemAccount) {
        yield unmeasured(exported)
      } else if (wrong !== undefined) yield exportErrorText(wrong)
    }
  }
}

function addImport(
  wanted: AccountImport,
  importer: ConfiguredAccount,
  exporter: ConfiguredAccount,
  search: CycleSearch,
): string | undefined {
  const { name } = importer.options
  const ends = importEnds(wanted, name, exporter.exports, () => false)
  if (!ends.ok) return ends.error
  const cycle = cycleError(wanted.kind, name, wanted.account, ends.value, search)
  if (cycle !== undefined) return cycle
  const made = finishImport(wanted, name, ends.value, exporter.exports, importer)
  if (!made.ok) return made.error
  if (made.value.kind === 'stream') importer.streams.push(made.value)
  else importer.services.push(made.value)
  return undefined
}

function* importErrors(accounts: Configured, kind: Kind): Generator<string> {
  const search: CycleSearch = {
    account: (name) => accounts.get(name),
    depthMax: CYCLE_DEPTH_MAX,
    ownKey: undefined,
  }
  for (const importer of accounts.values()) {
    for (const wanted of importer.options.imports) {
      if (wanted.kind !== kind) continue
      const exporter = accounts.get(wanted.account)
      if (exporter === undefined) {
        yield notDefined(wanted.account, kind, 'import')
        continue
      }
      const error = addImport(wanted, importer, exporter, search)
      if (error !== undefined) {
        yield `Error adding ${kind} import ${goQuote(wanted.subject)}: ${error}`
      }
    }
  }
}

/** All errors in the order nats-server finds them: exports of all accounts, then imports. */
function* errors(accounts: Configured, hasSystemAccount: boolean): Generator<string> {
  yield* exportErrors(accounts, 'stream', hasSystemAccount)
  yield* exportErrors(accounts, 'service', hasSystemAccount)
  yield* importErrors(accounts, 'stream')
  yield* importErrors(accounts, 'service')
}

/**
 * Whether configured accounts can work: then AccountGraph, given all of them, rejects nothing.
 * Account JWTs are not asked this, they go on without what is wrong.
 *
 * @param accounts all there are, in the order of the file
 * @param options.hasSystemAccount false: nothing can be measured
 * @returns the first error as nats-server prints it, without place; undefined: all is well
 */
export function checkConfiguredAccounts(
  accounts: readonly AccountOptions[],
  { hasSystemAccount }: { readonly hasSystemAccount: boolean },
): string | undefined {
  const configured = new Map<string, ConfiguredAccount>()
  for (const options of accounts) {
    const exports = new ExportTable(options)
    configured.set(options.name, {
      options,
      exports,
      hasStreamExport: (subject) => exports.hasStreamMatching(subject),
      streams: [],
      services: [],
    })
  }
  for (const error of errors(configured, hasSystemAccount)) return error
  return undefined
}
