import type {
  AccountExport,
  AccountImport,
  ResponseType,
  ServiceExport,
  ServiceImport,
  ServiceLatency,
  StreamImport,
} from '../../config/account-types.ts'
import type { SubjectTransform } from './subject-transform.ts'

/** Imports as they work, found to be permitted. Accounts are named as in AccountOptions. */

interface ResolvedBase {
  /** Equal for equal imports, different for any that differ in what they do. */
  readonly key: string
  readonly importer: string
  readonly exporter: string
  /** Messages keep their subject. */
  readonly isIdentity: boolean
  readonly allowTrace: boolean
}

export interface ResolvedStreamImport extends ResolvedBase {
  readonly kind: 'stream'
  /** In the exporting account, may have wildcards. */
  readonly from: string
  /** What the importing account sees of it, placeholders as `*`. */
  readonly to: string
  /** From the exporter's subject to the importer's; undefined: see deliverySubject. */
  readonly transform: SubjectTransform | undefined
}

export interface ResolvedServiceImport extends ResolvedBase {
  readonly kind: 'service'
  /** In the importing account, placeholders as `*`: requests on what it matches are forwarded. */
  readonly from: string
  /** In the exporting account. */
  readonly to: string
  /** From the importer's subject to the exporter's; undefined: see targetSubject. */
  readonly transform: SubjectTransform | undefined
  /** Undefined only for imports of the server itself that no export stands for. */
  readonly export: ServiceExport | undefined
  readonly responseType: ResponseType
  /** Never 0. */
  readonly thresholdMs: number
  readonly latency: ServiceLatency | undefined
  readonly share: boolean
  /** Exported by the system account, which is told server and cluster of who asks. */
  readonly isSystem: boolean
}

export type ResolvedImport = ResolvedStreamImport | ResolvedServiceImport

/** An import that does not work, and why in the words of nats-server. */
export interface RejectedImport {
  readonly importer: string
  readonly import: AccountImport
  readonly error: string
}

/** Whether an activation token lets `importer` have what `export` of `exporter` offers. */
export interface ActivationRequest {
  /** '' = none. */
  readonly token: string
  readonly import: AccountImport
  readonly export: AccountExport
  readonly exporter: string
  readonly importer: string
}

export type CheckActivation = (request: ActivationRequest) => boolean

/** nats-server DEFAULT_SERVICE_EXPORT_RESPONSE_THRESHOLD. */
export const RESPONSE_THRESHOLD_MS = 120_000

export function streamImportKey(wanted: StreamImport, importer: string): string {
  const { account, subject, prefix, to, allowTrace } = wanted
  return JSON.stringify(['stream', importer, account, subject, prefix, to, allowTrace])
}

/** @param found what is imported; a change of it is another import */
export function serviceImportKey(
  wanted: Pick<ServiceImport, 'account' | 'subject' | 'to' | 'share'>,
  importer: string,
  found: ServiceExport | undefined,
): string {
  const { account, subject, to, share } = wanted
  const { responseType, thresholdMs, latency, allowTrace } = found ?? {}
  return JSON.stringify([
    'service',
    importer,
    account,
    subject,
    to,
    share,
    responseType,
    thresholdMs,
    latency?.subject,
    latency?.sampling,
    allowTrace,
  ])
}

/** The subject a message of the exporting account has for a subscriber of the importing one. */
export function deliverySubject(imported: ResolvedStreamImport, subject: string): string {
  if (imported.isIdentity) return subject
  return imported.transform?.apply(subject) ?? imported.to
}

/**
 * The subject a request of the importing account has in the exporting one, before the mappings of
 * that account.
 */
export function targetSubject(imported: ResolvedServiceImport, subject: string): string {
  if (imported.isIdentity) return subject
  return imported.transform?.apply(subject) ?? imported.to
}
