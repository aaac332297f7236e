import type { Kernel } from '../../kernel/kernel.ts'
import { shadowSubject } from '../../router/accounts/import-interest.ts'
import { createTransform, toPattern } from '../../router/accounts/subject-transform.ts'
import { BlockReader, type StreamBlock } from '../accounts/account-blocks.ts'
import { SlotReader } from '../subscriptions.ts'
import { readLabel } from './labels.ts'

/** CONNECTION_INDEX of the broker's own clients. */
const INTERNAL_INDEX = -1

/** A message as an importing account gets it. */
export interface Variant {
  readonly importer: string
  /** The import lets traces cross into the account. */
  readonly allowTrace: boolean
  /** latin1, as are all subjects here. */
  readonly subject: string
  /** What a subscription in the importing account is in the exporting one. */
  readonly shadowOf: (subject: string) => string
}

export type ConcernedHow = 'plain' | 'member' | 'link' | 'denied' | 'kept' | 'echo'

/** One subscription or leaf link that a message concerns. */
export interface Concerned {
  readonly how: ConcernedHow
  /** It has ended since it was found. */
  readonly hasEnded: boolean
  /** It is the publisher's own, which wants no echo. */
  readonly isOwn: boolean
  /** Of the broker itself. */
  readonly isInternal: boolean
  readonly isLeaf: boolean
  readonly thread: number
  /** Undefined: the message as it is. */
  readonly variant: Variant | undefined
  /** Connection record, and its generation. */
  readonly connection: number
  readonly generation: number
  readonly cid: number
  readonly name: string
  readonly user: string
  /** It has more waiting than its stall mark. */
  readonly isStalled: boolean
  readonly subject: string
  readonly queue: string
  readonly sid: string
  /** Leaf links: queue groups it was chosen for, blank separated. */
  readonly names: string
}

/** Reads what the kernel has listed of the message it has just explained. */
export class ExplainedReader {
  readonly #kernel: Kernel
  readonly #slots: SlotReader
  readonly #streams: BlockReader<StreamBlock>
  /** Record of a publisher that wants no echo. */
  #excluded = 0
  readonly #hows: readonly (ConcernedHow | undefined)[]

  constructor(kernel: Kernel) {
    this.#kernel = kernel
    this.#slots = new SlotReader(kernel)
    this.#streams = new BlockReader(kernel, (text) => JSON.parse(text) as StreamBlock)
    const { layout } = kernel
    const hows: (ConcernedHow | undefined)[] = []
    hows[layout.EXPLAINED_PLAIN] = 'plain'
    hows[layout.EXPLAINED_MEMBER] = 'member'
    hows[layout.EXPLAINED_LINK] = 'link'
    hows[layout.EXPLAINED_DENIED] = 'denied'
    hows[layout.EXPLAINED_KEPT] = 'kept'
    hows[layout.EXPLAINED_ECHO] = 'echo'
    this.#hows = hows
  }

  /** @param source record of the connection the message came from */
  read(source: number): Concerned[] {
    const { exports, layout, words } = this.#kernel
    const flags = words[(source + layout.CONNECTION_FLAGS) >> 2]!
    this.#excluded = (flags & layout.FLAG_ECHO) === 0 ? source : 0
    const count: number = exports.explainedCount.value
    const variants = new Map<number, Variant>()
    const concerned: Concerned[] = []
    const denied: number[] = []
    let at: number = exports.explained.value
    for (let i = 0; i < count; i++, at += layout.EXPLAINED_BYTES) {
      const kind = words[(at + layout.EXPLAINED_KIND) >> 2]!
      const place = words[(at + layout.EXPLAINED_PLACE) >> 2]!
      if (kind === layout.EXPLAINED_VARIANT) {
        variants.set(place >> layout.PLACE_VARIANT_SHIFT, this.#variantAt(at))
      } else if (kind === layout.EXPLAINED_DENIED) {
        // They are found before the variants are known.
        denied.push(at)
      } else {
        concerned.push(this.#concernedAt(at, this.#hows[kind] ?? 'plain', variants))
      }
    }
    for (const place of denied) concerned.push(this.#concernedAt(place, 'denied', variants))
    return concerned
  }

  #variantAt(at: number): Variant {
    const { layout, words, bytes } = this.#kernel
    const from = words[(at + layout.EXPLAINED_TEXT) >> 2]!
    const subject = bytes.toString(
      'latin1',
      from,
      from + words[(at + layout.EXPLAINED_TEXT_BYTES) >> 2]!,
    )
    const address = words[(at + layout.EXPLAINED_GENERATION) >> 2]!
    const block = this.#streams.read(address)
    const isIdentity = words[(address + layout.IMPORT_IS_IDENTITY) >> 2] !== 0
    const { from: source, to: target } = block
    const isRenamed = !block.isFixed && !isIdentity
    const made = isRenamed ? createTransform(source, target, { strict: true }) : undefined
    const transform = made?.ok ? made.transform : undefined
    const to = isRenamed ? toPattern(target) : target
    const imported = { from: source, to, isIdentity, transform }
    return {
      importer: block.importer,
      allowTrace: block.allowTrace,
      subject,
      shadowOf: (wanted) => shadowSubject(imported, wanted) ?? wanted,
    }
  }

  #concernedAt(at: number, how: ConcernedHow, variants: ReadonlyMap<number, Variant>): Concerned {
    const { layout, words } = this.#kernel
    const place = words[(at + layout.EXPLAINED_PLACE) >> 2]!
    const target = words[(at + layout.EXPLAINED_TARGET) >> 2]!
    const generation = words[(at + layout.EXPLAINED_GENERATION) >> 2]!
    const number = place >> layout.PLACE_VARIANT_SHIFT
    const thread = place - (number << layout.PLACE_VARIANT_SHIFT)
    const variant = variants.get(number)
    const common = { how, thread, variant }
    if (how === 'link' || how === 'kept') {
      return { ...common, ...this.#link(target, generation), names: this.#namesAt(at) }
    }
    return { ...common, ...this.#subscription(target, generation), names: '' }
  }

  #namesAt(at: number): string {
    const { exports, layout, words, bytes } = this.#kernel
    const from = exports.explainedTexts.value + words[(at + layout.EXPLAINED_TEXT) >> 2]!
    const length = words[(at + layout.EXPLAINED_TEXT_BYTES) >> 2]!
    return bytes.toString('latin1', from, from + length)
  }

  #link(connection: number, generation: number) {
    return {
      ...this.#connection(connection),
      hasEnded: this.#generationOf(connection) !== generation,
      isOwn: false,
      generation,
      subject: '',
      queue: '',
      sid: '',
    }
  }

  #generationOf(connection: number): number {
    const { layout, words } = this.#kernel
    return Atomics.load(words, (connection + layout.CONNECTION_GENERATION) >> 2)
  }

  /** Of any thread: it may end while it is read, which its generation tells afterwards. */
  #subscription(slot: number, generation: number) {
    const { layout, words } = this.#kernel
    const connection = this.#slots.connection(slot)
    const facts = {
      ...this.#connection(connection),
      isOwn: connection === this.#excluded,
      generation: this.#generationOf(connection),
      subject: this.#slots.subject(slot),
      queue: this.#slots.queue(slot),
      sid: Buffer.from(this.#slots.sid(slot)).toString('latin1'),
    }
    const now = Atomics.load(words, (slot + layout.SUB_GENERATION) >> 2)
    return { ...facts, hasEnded: now !== generation }
  }

  #connection(connection: number) {
    const { layout, words, longs } = this.#kernel
    const isLeaf = words[(connection + layout.CONNECTION_KIND) >> 2] === layout.KIND_LEAF
    const index = words[(connection + layout.CONNECTION_INDEX) >> 2]!
    return {
      connection,
      isLeaf,
      isInternal: !isLeaf && index === INTERNAL_INDEX,
      cid: Number(longs[(connection + layout.CONNECTION_CID) >> 3]!),
      ...readLabel(this.#kernel, connection),
      isStalled: Atomics.load(words, (connection + layout.CONNECTION_STALLED) >> 2) !== 0,
    }
  }
}
