import type { Kernel } from '../../kernel/kernel.ts'
import type {
  ResolvedImport,
  ResolvedServiceImport,
  ResolvedStreamImport,
} from '../../router/accounts/import-types.ts'
import type { AccountBlocks, ServiceBlock, StreamBlock } from './account-blocks.ts'

interface ImportEntry {
  readonly entry: number
  readonly block: number
}

/**
 * Imports as entries of the sublist: a stream's in its exporter's account, a service's in its
 * importer's.
 */
export class ImportEntries {
  readonly #kernel: Kernel
  readonly #blocks: AccountBlocks
  readonly #numberOf: (account: string) => number
  readonly #entries = new Map<string, ImportEntry>()

  /** @param numberOf number of an account that is known */
  constructor(kernel: Kernel, blocks: AccountBlocks, numberOf: (account: string) => number) {
    this.#kernel = kernel
    this.#blocks = blocks
    this.#numberOf = numberOf
  }

  /** @returns false without memory: the import is not in force then */
  add(resolved: ResolvedImport): boolean {
    const { layout } = this.#kernel
    const made =
      resolved.kind === 'stream'
        ? this.#insert(
            layout.ENTRY_KIND_STREAM_IMPORT,
            resolved.exporter,
            resolved.from,
            this.#streamBlock(resolved),
          )
        : this.#insert(
            layout.ENTRY_KIND_SERVICE_IMPORT,
            resolved.importer,
            resolved.from,
            this.#serviceBlock(resolved),
          )
    if (made !== undefined) this.#entries.set(keyOf(resolved), made)
    return made !== undefined
  }

  remove(resolved: ResolvedImport): void {
    const key = keyOf(resolved)
    const known = this.#entries.get(key)
    if (known === undefined) return
    this.#entries.delete(key)
    this.#kernel.exports.removeEntry(known.entry)
    this.#blocks.retire(known.block)
  }

  #streamBlock(resolved: ResolvedStreamImport): number {
    const { importer, from, to, isIdentity, transform, allowTrace } = resolved
    const text: StreamBlock = {
      importer,
      allowTrace,
      from: transform?.source ?? from,
      to: transform?.destination ?? to,
      isFixed: transform === undefined,
    }
    return this.#blocks.write(this.#numberOf(importer), isIdentity, JSON.stringify(text))
  }

  #serviceBlock(resolved: ResolvedServiceImport): number {
    const { importer, exporter, from, to, isIdentity, transform } = resolved
    const { responseType, thresholdMs, latency, share, key } = resolved
    const number = this.#numberOf(exporter)
    const text: ServiceBlock = {
      key,
      importer,
      importerNumber: this.#numberOf(importer),
      exporter,
      exporterNumber: number,
      from: transform?.source ?? from,
      to: transform?.destination ?? to,
      isIdentity,
      isFixed: transform === undefined,
      responseType,
      thresholdMs,
      latency,
      share,
      allowTrace: resolved.allowTrace,
      isSystem: resolved.isSystem,
    }
    return this.#blocks.write(number, isIdentity, JSON.stringify(text))
  }

  #insert(kind: number, account: string, subject: string, block: number): ImportEntry | undefined {
    if (block === 0) return undefined
    const { exports, bytes } = this.#kernel
    const at = exports.allocate(subject.length)
    if (at === 0) {
      exports.retireBlock(block)
      return undefined
    }
    bytes.write(subject, at, 'latin1')
    const entry = exports.insertImport(this.#numberOf(account), at, subject.length, kind, block)
    exports.release(at, subject.length)
    if (entry !== 0) return { entry, block }
    exports.retireBlock(block)
    return undefined
  }
}

function keyOf({ kind, importer, key }: ResolvedImport): string {
  return `${kind} ${importer} ${key}`
}
