import type { RequestTerms } from '../../router/accounts/service-requests.ts'
import { mapper, type ServiceBlock } from './account-blocks.ts'
import type { Measurement } from './service-measurement.ts'

/** One import as a thread uses it. */
export interface Service extends ServiceBlock {
  readonly targetOf: (subject: string) => string | undefined
  /** Of requests that are not measured. */
  readonly terms: RequestTerms<Context>
}

/** What is remembered of a forwarded request until its answer comes. */
export interface Context {
  readonly importerNumber: number
  readonly exporterNumber: number
  /** Undefined: it is not measured. */
  readonly measurement: Measurement | undefined
}

export function parseService(text: string): Service {
  const block = JSON.parse(text) as ServiceBlock
  const { from, to, isIdentity, isFixed } = block
  const { importer, importerNumber, exporterNumber, responseType, thresholdMs } = block
  const targetOf = isIdentity ? (subject: string) => subject : isFixed ? () => to : mapper(from, to)
  const context = { importerNumber, exporterNumber, measurement: undefined }
  const terms = { importer, responseType, thresholdMs, isTracked: false, context }
  return { ...block, targetOf, terms }
}
