import type { AccountImport, ServiceImport, StreamImport } from '../../config/account-types.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import { isLiteralSubject, isValidSubject } from '../../protocol/subjects.ts'
import { type ExportTable, type ImportClaim, SUBLIST_INVALID_SUBJECT } from './export-table.ts'
import {
  type CheckActivation,
  RESPONSE_THRESHOLD_MS,
  type ResolvedImport,
  type ResolvedServiceImport,
  type ResolvedStreamImport,
  serviceImportKey,
  streamImportKey,
} from './import-types.ts'
import { createTransform, toDestination, toPattern } from './subject-transform.ts'
import { errorIn, NOT_ALL_WILDCARDS } from './transform-functions.ts'

const STREAM_NOT_AUTHORIZED = 'stream import not authorized'
const SERVICE_NOT_AUTHORIZED = 'service import not authorized'
const BAD_PREFIX = 'stream import prefix can not contain wildcard tokens'
const STREAM_DUPLICATE = 'stream import already exists'

/** Either an import or what is wrong with it, in the words of nats-server. */
export type Resolution<R> =
  | { readonly ok: true; readonly value: R }
  | { readonly ok: false; readonly error: string }

/** Where an import leads: what it is checked for cycles with. Placeholders are as written. */
export interface ImportEnds {
  readonly from: string
  readonly to: string
}

function refuse(error: string): { readonly ok: false; readonly error: string } {
  return { ok: false, error }
}

function claimOf(wanted: AccountImport, importer: string): ImportClaim {
  return { import: wanted, importer, exporter: wanted.account }
}

function streamImportEnds(
  wanted: StreamImport,
  importer: string,
  exports: ExportTable,
  check: CheckActivation,
): Resolution<ImportEnds> {
  const found = exports.findApproved('stream', claimOf(wanted, importer), check)
  if (found === undefined) return refuse(STREAM_NOT_AUTHORIZED)
  const { subject, prefix, to } = wanted
  if (prefix === '') return { ok: true, value: { from: subject, to: to === '' ? subject : to } }
  if (!isLiteralSubject(prefix)) return refuse(BAD_PREFIX)
  const dotted = prefix.endsWith('.') ? prefix : `${prefix}.`
  return { ok: true, value: { from: subject, to: dotted + subject } }
}

function finishStreamImport(
  wanted: StreamImport,
  importer: string,
  { from, to }: ImportEnds,
  others: readonly ResolvedStreamImport[],
): Resolution<ResolvedStreamImport> {
  const common = {
    kind: 'stream',
    key: streamImportKey(wanted, importer),
    importer,
    exporter: wanted.account,
    from,
    allowTrace: wanted.allowTrace,
  } as const
  let resolved: ResolvedStreamImport = {
    ...common,
    to,
    isIdentity: to === from,
    transform: undefined,
  }
  if (!isLiteralSubject(from) && to !== from) {
    const made = createTransform(from, toDestination(to), { strict: true })
    if (!made.ok) return refuse(transformError('stream', from, to, made.error))
    resolved = { ...common, to: toPattern(to), isIdentity: false, transform: made.transform }
  }
  const isDuplicate = others.some(
    (other) => other.exporter === wanted.account && other.from === from,
  )
  return isDuplicate ? refuse(STREAM_DUPLICATE) : { ok: true, value: resolved }
}

function serviceImportEnds(
  wanted: ServiceImport,
  importer: string,
  exports: ExportTable,
  check: CheckActivation,
): Resolution<ImportEnds> {
  const to = wanted.subject
  const from = wanted.to === '' ? to : wanted.to
  if (!isValidSubject(from) || !isValidSubject(to)) return refuse(SUBLIST_INVALID_SUBJECT)
  const found = exports.findApproved('service', claimOf(wanted, importer), check)
  return found === undefined ? refuse(SERVICE_NOT_AUTHORIZED) : { ok: true, value: { from, to } }
}

function transformError(kind: string, from: string, to: string, error: string): string {
  return (
    `failed to create mapping transform for ${kind} import subject ` +
    `from ${goQuote(from)} to ${goQuote(to)}: ${error}`
  )
}

/** Pattern of the importing account and the way from its subjects to the exporter's. */
function serviceSubjects(
  from: string,
  to: string,
): Resolution<Pick<ResolvedServiceImport, 'from' | 'to' | 'isIdentity' | 'transform'>> {
  if (isLiteralSubject(to) || to === from) {
    return { ok: true, value: { from, to, isIdentity: to === from, transform: undefined } }
  }
  // Made the other way round, so that placeholders stand on the importer's side only.
  const made = createTransform(to, toDestination(from), { strict: true })
  if (!made.ok) return refuse(transformError('service', from, to, made.error))
  const transform = made.transform.reverse()
  if (transform === undefined) {
    return refuse(transformError('service', from, to, errorIn(NOT_ALL_WILDCARDS, from)))
  }
  return { ok: true, value: { from: toPattern(from), to, isIdentity: false, transform } }
}

function finishServiceImport(
  wanted: ServiceImport,
  importer: string,
  ends: ImportEnds,
  exports: ExportTable,
  others: readonly ResolvedServiceImport[],
): Resolution<ResolvedServiceImport> {
  const local = toPattern(ends.from)
  const twin = others.find((other) => other.exporter === wanted.account && other.from === local)
  if (twin !== undefined) {
    return refuse(
      `duplicate service import subject ${goQuote(ends.from)}, previously used in import ` +
        `for account ${goQuote(twin.exporter)}, subject ${goQuote(twin.to)}`,
    )
  }
  const subjects = serviceSubjects(ends.from, ends.to)
  if (!subjects.ok) return subjects
  const found = exports.findService(ends.to)
  const value: ResolvedServiceImport = {
    kind: 'service',
    key: serviceImportKey(wanted, importer, found),
    importer,
    exporter: wanted.account,
    ...subjects.value,
    ...serviceTraits(found),
    share: wanted.share,
    isSystem: false,
  }
  return { ok: true, value }
}

/** Imports of one account that were found before. */
export interface FoundImports {
  readonly streams: readonly ResolvedStreamImport[]
  readonly services: readonly ResolvedServiceImport[]
}

/** First half: is it permitted, and what does it connect. Cycles are looked for between the two. */
export function importEnds(
  wanted: AccountImport,
  importer: string,
  exports: ExportTable,
  check: CheckActivation,
): Resolution<ImportEnds> {
  return wanted.kind === 'stream'
    ? streamImportEnds(wanted, importer, exports, check)
    : serviceImportEnds(wanted, importer, exports, check)
}

/** Second half: the import as it works. */
export function finishImport(
  wanted: AccountImport,
  importer: string,
  ends: ImportEnds,
  exports: ExportTable,
  { streams, services }: FoundImports,
): Resolution<ResolvedImport> {
  return wanted.kind === 'stream'
    ? finishStreamImport(wanted, importer, ends, streams)
    : finishServiceImport(wanted, importer, ends, exports, services)
}

/** What an import has from the export it is of. */
export function serviceTraits(
  found: ResolvedServiceImport['export'],
): Pick<
  ResolvedServiceImport,
  'export' | 'responseType' | 'thresholdMs' | 'latency' | 'allowTrace'
> {
  return {
    export: found,
    responseType: found?.responseType ?? 'singleton',
    thresholdMs: found?.thresholdMs || RESPONSE_THRESHOLD_MS,
    latency: found?.latency,
    allowTrace: found?.allowTrace ?? false,
  }
}
