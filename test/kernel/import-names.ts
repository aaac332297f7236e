/** What imports-threads.test.ts and its worker threads agree on. */
export const EXPORTER = 1
export const IMPORTER = 2

export interface ImportReaderResult {
  readonly published: number
  /** Messages of the thread that came to the importing account, and service imports listed. */
  readonly imported: number
  readonly services: number
  readonly mapped: number
}
