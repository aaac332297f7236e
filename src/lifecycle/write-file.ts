import { lstatSync, renameSync, rmSync, type Stats, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/**
 * Writes a small file that other programs wait for: they see it whole or not at all.
 *
 * By way of a second file and a rename. Where that cannot be done (the folder is not ours to write,
 * the path is a link or a device) the file is written in place, as nats-server does always. Errors
 * are those of writing in place.
 *
 * @param mode for a new file; the umask applies
 */
export function writeFileWhole(path: string, text: string, mode: number): void {
  if (isReplaceable(path) && replace(path, text, mode)) return
  writeFileSync(path, text, { mode })
}

function isReplaceable(path: string): boolean {
  const stats: Stats | undefined = lstatSync(path, { throwIfNoEntry: false })
  return stats === undefined || stats.isFile()
}

function replace(path: string, text: string, mode: number): boolean {
  // Hidden, so that who looks for *.ports does not find it, and ours alone by its process id.
  const newPath = join(dirname(path), `.${basename(path)}.${process.pid}.new`)
  try {
    writeFileSync(newPath, text, { mode })
    renameSync(newPath, path)
    return true
  } catch {
    return removeQuietly(newPath)
  }
}

/** Always false: what is left behind, if anything, is no reason not to write in place. */
function removeQuietly(path: string): false {
  try {
    rmSync(path)
  } catch {}
  return false
}
