import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

/** A folder for one test file, removed when its tests are done. */
export class TemporaryFiles {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'sable-config-'))
  #count = 0

  constructor() {
    after(() => rmSync(this.folder, { recursive: true }))
  }

  /** Writes the text to a new file, or to one of that name, and returns its path. */
  write(text: string, name = `${this.#count++}.conf`): string {
    const file = join(this.folder, name)
    writeFileSync(file, text)
    return file
  }
}
