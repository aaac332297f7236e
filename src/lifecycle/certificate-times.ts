import { statSync } from 'node:fs'
import type { TlsOptions } from '../config/option-types.ts'

/** Whether a certificate or key of the block was written after that time, in Unix milliseconds. */
export function areFilesNewer(tls: TlsOptions | undefined, sinceMs: number): boolean {
  if (tls === undefined) return false
  const { certFile, keyFile, certificates } = tls
  return [{ certFile, keyFile }, ...certificates]
    .flatMap((pair) => [pair.certFile, pair.keyFile])
    .some((file) => file !== '' && changedMs(file) > sinceMs)
}

/** A file that is moved into place keeps the time of its writing, not that of its change. */
function changedMs(file: string): number {
  const stats = statSync(file, { throwIfNoEntry: false })
  return stats === undefined ? 0 : Math.max(stats.mtimeMs, stats.ctimeMs)
}
