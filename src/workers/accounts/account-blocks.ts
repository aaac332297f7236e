import type { ServiceLatency } from '../../config/account-types.ts'
import type { Deadlines } from '../../io/deadlines.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import { createTransform } from '../../router/accounts/subject-transform.ts'

/** What a thread needs of a service import, as the text of its block has it. Plain data. */
export interface ServiceBlock {
  /** Of the import, unique in its importer. */
  readonly key: string
  readonly importer: string
  readonly importerNumber: number
  readonly exporter: string
  /** Number of the exporting account. */
  readonly exporterNumber: number
  readonly from: string
  readonly to: string
  /** The subject stays as it is; or becomes `to`, whatever it was. */
  readonly isIdentity: boolean
  readonly isFixed: boolean
  readonly responseType: 'singleton' | 'stream' | 'chunked'
  readonly thresholdMs: number
  readonly latency: ServiceLatency | undefined
  readonly share: boolean
  readonly allowTrace: boolean
  readonly isSystem: boolean
}

/** What a thread needs of a stream import that changes subjects. Plain data. */
export interface StreamBlock {
  readonly importer: string
  readonly allowTrace: boolean
  readonly from: string
  readonly to: string
  /** Messages become `to`, whatever they were. */
  readonly isFixed: boolean
}

/**
 * A block that is replaced may still be read by a thread that has just found it, outside an epoch,
 * or has not been told yet. Chosen: far longer than any thread is busy.
 */
export const RETIRE_MS = 10_000

/**
 * Blocks with text in the sublist's memory: the routing worker writes them, every thread reads
 * them. Each has an id of its own, so that readers may keep what they have parsed.
 */
export class AccountBlocks {
  readonly #kernel: Kernel
  /** Not the ids of a predecessor: other threads may still know those. */
  #lastId = Math.floor(Math.random() * 2 ** 31)

  readonly #deadlines: Deadlines

  constructor(kernel: Kernel, deadlines: Deadlines) {
    this.#kernel = kernel
    this.#deadlines = deadlines
  }

  /** Nobody is led to the block any more. */
  retire(block: number): void {
    this.#deadlines.after(RETIRE_MS, () => this.#kernel.exports.retireBlock(block))
  }

  /**
   * @param account number of the account the import leads to
   * @returns 0 without memory
   */
  write(account: number, isIdentity: boolean, text: string): number {
    const { exports, layout, words, bytes } = this.#kernel
    const content = Buffer.from(text)
    const block = exports.createBlock(layout.IMPORT_TEXT + content.length)
    if (block === 0) return 0
    words[(block + layout.IMPORT_ID) >> 2] = ++this.#lastId
    words[(block + layout.IMPORT_ACCOUNT) >> 2] = exports.accountAddress(account)
    words[(block + layout.IMPORT_IS_IDENTITY) >> 2] = isIdentity ? 1 : 0
    words[(block + layout.IMPORT_TEXT_BYTES) >> 2] = content.length
    bytes.set(content, block + layout.IMPORT_TEXT)
    return block
  }
}

/** What an import makes of a subject; undefined for one that it does not match. */
export function mapper(from: string, to: string): (subject: string) => string | undefined {
  const made = createTransform(from, to, { strict: true })
  return made.ok ? (subject) => made.transform.apply(subject) : () => undefined
}

/** Parsed blocks, as many as there were lately; chosen far above what accounts import. */
const PARSED_MAX = 16_384

/** Blocks as one thread reads them. */
export class BlockReader<T> {
  readonly #kernel: Kernel
  readonly #parse: (text: string) => T
  readonly #parsed = new Map<number, T>()

  constructor(kernel: Kernel, parse: (text: string) => T) {
    this.#kernel = kernel
    this.#parse = parse
  }

  read(block: number): T {
    const { layout, words, bytes } = this.#kernel
    const id = words[(block + layout.IMPORT_ID) >> 2]!
    const known = this.#parsed.get(id)
    if (known !== undefined) return known
    const at = block + layout.IMPORT_TEXT
    const text = bytes.toString('utf8', at, at + words[(block + layout.IMPORT_TEXT_BYTES) >> 2]!)
    const parsed = this.#parse(text)
    if (this.#parsed.size >= PARSED_MAX) this.#parsed.clear()
    this.#parsed.set(id, parsed)
    return parsed
  }
}
