import {
  instantiateKernel,
  type Kernel,
  type KernelExports,
  type KernelHost,
  type Layout,
} from '../../src/kernel/kernel.ts'
import { threadField } from '../../src/kernel/shared-memory.ts'
import { storePermissions } from '../../src/workers/leaf/leaf-link-permissions.ts'
import { type LinkRules, NO_RULES } from './permission-model.ts'

const TEXT_BYTES = 1024 * 1024
const TEXT_ALIGN = 16
/** Text areas are filled with this between two uses: nothing may depend on what lies behind. */
const STALE_BYTE = 0x20
const PENDING_BYTES_MAX = 64 * 1024 * 1024
const NO_BOUND = -1
const MAX_PAYLOAD = 1024 * 1024
const CONTROL_LINE_MAX = 4096
const DRAIN_BYTES = 512 * 1024

export interface ConnectionOptions {
  readonly kind?: 'client' | 'leaf'
  readonly echo?: boolean
  readonly headers?: boolean
  readonly noResponders?: boolean
  readonly pendingBytesMax?: number
  /** Leaf links, and clients with rules: unique. Others: number of their account. */
  readonly planKey?: number
  readonly account?: number
  /** Leaf links: number of the peer's cluster. */
  readonly origin?: number
  /** Clients: what they may publish, and what is denied to them. */
  readonly rules?: LinkRules
}

/** A control record that a thread read from one of its lanes. */
export interface ControlRecord {
  readonly from: number
  readonly kind: number
  readonly slot: number
  readonly generation: number
}

/** A constant of layout.ts, also one that only the kernel itself uses. */
function constantOf(kernel: Kernel, name: string): number {
  const constants = kernel.exports as unknown as Readonly<Record<string, WebAssembly.Global>>
  const constant = constants[name]
  if (constant === undefined) throw new RangeError(`the kernel exports no ${name}`)
  return constant.value
}

/** One thread's kernel and what its TypeScript would do with it, in small. */
export class KernelThread {
  readonly kernel: Kernel
  readonly thread: number
  readonly exports: KernelExports
  readonly layout: Layout
  /** Records of RECORD_REFUSED that came back. */
  readonly refused: ControlRecord[] = []
  readonly #text: number

  /** @throws RangeError when the arena is too small */
  constructor(
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    thread: number,
    seed = 1,
    host?: KernelHost,
  ) {
    this.kernel = instantiateKernel(module, memory, host)
    this.thread = thread
    this.exports = this.kernel.exports
    this.layout = this.kernel.layout
    if (this.exports.attach(thread, seed) === 0) throw new RangeError('the arena is too small')
    this.#text = this.exports.allocate(TEXT_BYTES)
    if (this.#text === 0) throw new RangeError('no memory for texts')
    this.setState(this.layout.THREAD_STATE_RUNNING)
  }

  // ── memory ────────────────────────────────────────────────────────────────────────────────

  constant(name: string): number {
    return constantOf(this.kernel, name)
  }

  word(at: number): number {
    return this.kernel.words[at >> 2]! >>> 0
  }

  setWord(at: number, value: number): void {
    this.kernel.words[at >> 2] = value
  }

  long(at: number): bigint {
    return this.kernel.longs[at >> 3]!
  }

  latin1(at: number, bytes: number): string {
    return this.kernel.bytes.toString('latin1', at, at + bytes)
  }

  get arena(): number {
    const { layout } = this
    const first = this.word(layout.HEADER_ARENAS)
    if (this.thread === layout.ROUTER_THREAD) return first
    const workerBytes = this.word(layout.HEADER_WORKER_ARENA_BYTES)
    return first + this.word(layout.HEADER_ROUTER_ARENA_BYTES) + (this.thread - 1) * workerBytes
  }

  get freePages(): number {
    return this.word(this.arena + this.layout.ARENA_FREE_PAGES)
  }

  /** Whether payloads of this thread are still to be read by others. */
  get hasLent(): boolean {
    return this.word(this.arena + this.constant('ARENA_LENT')) !== 0
  }

  /** Address of a field of this thread's block. */
  field(name: string): number {
    return threadField(this.kernel, this.thread, this.constant(name))
  }

  setState(state: number): void {
    Atomics.store(this.kernel.words, this.field('THREAD_STATE') >> 2, state)
  }

  sublistField(name: string): number {
    return this.word(this.word(this.layout.HEADER_SUBLIST) + this.constant(name))
  }

  /** Puts texts into memory, one character per byte, and returns their addresses. */
  place(...texts: readonly string[]): number[] {
    const { bytes } = this.kernel
    let at = this.#text
    return texts.map((text) => {
      const address = at
      at += bytes.write(text, at, 'latin1')
      if (at > this.#text + TEXT_BYTES) throw new RangeError('too much text')
      bytes.fill(STALE_BYTE, at, at + TEXT_ALIGN)
      at = Math.ceil((at + 1) / TEXT_ALIGN) * TEXT_ALIGN
      return address
    })
  }

  // ── connections ───────────────────────────────────────────────────────────────────────────

  connect(options: ConnectionOptions = {}): number {
    const { exports, layout } = this
    const { kind = 'client', echo = true, headers = true, noResponders = false } = options
    const record = exports.createConnection()
    if (record === 0) throw new RangeError('no memory for a connection')
    const pendingMax = options.pendingBytesMax ?? (kind === 'leaf' ? NO_BOUND : PENDING_BYTES_MAX)
    const set = (field: number, value: number) => this.setWord(record + field, value)
    set(layout.CONNECTION_KIND, kind === 'leaf' ? layout.KIND_LEAF : layout.KIND_CLIENT)
    set(layout.CONNECTION_PENDING_MAX, pendingMax)
    set(
      layout.CONNECTION_STALL_MARK,
      Math.floor(((pendingMax === NO_BOUND ? PENDING_BYTES_MAX : pendingMax) / 4) * 3),
    )
    set(layout.CONNECTION_PAYLOAD_MAX, MAX_PAYLOAD)
    set(layout.CONNECTION_CONTROL_LINE_MAX, CONTROL_LINE_MAX)
    set(layout.CONNECTION_PLAN_KEY, options.planKey ?? options.account ?? 0)
    set(layout.CONNECTION_ACCOUNT, exports.accountAddress(options.account ?? 0))
    set(layout.CONNECTION_ORIGIN, options.origin ?? 0)
    set(
      layout.CONNECTION_FLAGS,
      (echo ? layout.FLAG_ECHO : 0) |
        (headers ? layout.FLAG_HEADERS : 0) |
        (noResponders ? layout.FLAG_NO_RESPONDERS : 0) |
        (options.rules?.isSpoke ? layout.FLAG_SPOKE : 0),
    )
    if (options.rules !== undefined) this.setRules(record, options.rules)
    return record
  }

  /** Gives a connection permissions in place of those it had. */
  setRules(record: number, { outgoing, incoming }: LinkRules): void {
    const { exports, layout } = this
    const fields = [
      [layout.CONNECTION_OUTGOING, outgoing],
      [layout.CONNECTION_INCOMING, incoming],
    ] as const
    for (const [field, permission] of fields) {
      const old = this.word(record + field)
      const stored = storePermissions(this.kernel, permission)
      if (stored === undefined) throw new RangeError('no memory for permissions')
      this.setWord(record + field, stored)
      if (old !== 0) exports.retireBlock(old)
    }
    exports.bumpAll()
  }

  /** Ends a connection: what it still had to get is lost. */
  disconnect(connection: number): void {
    this.exports.closeConnection(connection)
    if (this.word(connection + this.layout.CONNECTION_KIND) === this.layout.KIND_LEAF) {
      this.setRules(connection, NO_RULES)
    }
    this.take(connection)
    this.takeAllDirty()
    this.exports.releaseConnection(connection)
  }

  takeAllDirty(): number[] {
    const dirty: number[] = []
    for (let record = this.exports.takeDirty(); record !== 0; record = this.exports.takeDirty()) {
      dirty.push(record)
    }
    return dirty
  }

  append(connection: number, text: string): boolean {
    const [at] = this.place(text)
    return this.exports.appendBytes(connection, at!, text.length) !== 0
  }

  /** What waits for the socket, as the socket would get it; it has then been sent. */
  take(connection: number, bytesMax = 2 ** 30): string {
    const { layout, exports } = this
    const head = exports.takeChunks(connection, bytesMax)
    let text = ''
    for (let at = head; at !== 0; at = this.word(at + layout.CHUNK_NEXT)) {
      const end = this.word(at + layout.CHUNK_END)
      text += this.latin1(at + layout.CHUNK_DATA, end - at - layout.CHUNK_DATA)
    }
    exports.releaseChunks(connection, head, text.length)
    return text
  }

  // ── subscriptions ─────────────────────────────────────────────────────────────────────────

  generation(slot: number): number {
    return this.word(slot + this.layout.SUB_GENERATION)
  }

  /** A slot that no other thread knows of yet; 0 without memory. */
  createSubscription(connection: number, subject: string, queue = '', sid = '1'): number {
    const [at, queueAt, sidAt] = this.place(subject, queue, sid)
    return this.exports.createSubscription(
      ...[connection, at!, subject.length, queueAt!, queue.length, sidAt!, sid.length],
    )
  }

  /** @returns the slot, announced to the routing worker */
  subscribe(connection: number, subject: string, queue = '', sid = '1'): number {
    const slot = this.createSubscription(connection, subject, queue, sid)
    if (slot === 0) throw new RangeError('no memory for a subscription')
    this.#announce(this.layout.RECORD_SUBSCRIBE, slot)
    return slot
  }

  unsubscribe(slot: number): void {
    this.exports.removeSubscription(slot)
    this.#announce(this.layout.RECORD_UNSUBSCRIBE, slot)
  }

  #announce(kind: number, slot: number): void {
    const { exports, layout } = this
    if (exports.sendControl(layout.ROUTER_THREAD, kind, slot, this.generation(slot)) === 0) {
      throw new RangeError('the lane to the routing worker is full')
    }
  }

  takeAllExpired(): number[] {
    const slots: number[] = []
    for (let slot = this.exports.takeExpired(); slot !== 0; slot = this.exports.takeExpired()) {
      slots.push(slot)
    }
    return slots
  }

  // ── lanes ─────────────────────────────────────────────────────────────────────────────────

  /** Reads all lanes once. Returns whether anything was there. */
  drainLanes(
    onRecord: (record: ControlRecord) => void = (record) => this.onRecord(record),
  ): boolean {
    const { exports, layout } = this
    const threadCount = this.word(layout.HEADER_THREAD_COUNT)
    let hasRead = false
    for (let from = 0; from < threadCount; from++) {
      if (from === this.thread) continue
      exports.drainBegin(from)
      while (exports.drain(from, DRAIN_BYTES) === layout.STATUS_RECORD) {
        const record = exports.record.value
        onRecord({
          from,
          kind: this.word(record + layout.RECORD_KIND),
          slot: this.word(record + layout.CONTROL_SLOT),
          generation: this.word(record + layout.CONTROL_GENERATION),
        })
      }
      if (exports.drainEnd(from)) hasRead = true
    }
    return hasRead
  }

  /** What the roles do with control records. */
  onRecord(record: ControlRecord): void {
    const { exports, layout } = this
    const { from, kind, slot, generation } = record
    if (kind === layout.RECORD_REFUSED) {
      this.refused.push(record)
      return
    }
    if (this.generation(slot) !== generation) return
    const isActive = this.word(slot + layout.SUB_STATE) === layout.SUB_STATE_ACTIVE
    if (kind === layout.RECORD_UNSUBSCRIBE) {
      if (!isActive) exports.applyUnsubscribe(slot)
    } else if (isActive && this.word(slot + layout.SUB_ENTRY) === 0) {
      if (exports.applySubscribe(slot, generation, from) === 0) {
        exports.sendControl(from, layout.RECORD_REFUSED, slot, generation)
      }
    }
  }
}
