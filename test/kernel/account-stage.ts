import assert from 'node:assert/strict'
import {
  HOST_NO_ROOM,
  HOST_UNMAPPED,
  HOST_VOLATILE,
  type KernelHost,
} from '../../src/kernel/kernel.ts'
import { storePermissions } from '../../src/workers/leaf/leaf-link-permissions.ts'
import { type Frame, parseFrames } from './frames.ts'
import type { ConnectionOptions, KernelThread } from './kernel-thread.ts'
import { type MemoryOptions, Threads } from './threads.ts'

/** Number of an import or of mappings, as its block has it. */
const ID = 0

export interface TestDestination {
  readonly subject: string
  /** Of 100, with those before it. */
  readonly upTo: number
}

export interface TestMapping {
  readonly destinations: readonly TestDestination[]
  readonly isVolatile?: boolean
}

type Transform = (subject: string) => string | undefined

/** Answers the kernel from plain functions, found by the numbers in blocks. */
export class TestHost implements KernelHost {
  readonly transforms = new Map<number, Transform>()
  readonly mappings = new Map<number, (subject: string) => TestMapping | undefined>()
  /** How often it was asked. */
  asked = 0
  readonly #bytes: Buffer
  readonly #words: Int32Array

  constructor(memory: WebAssembly.Memory) {
    this.#bytes = Buffer.from(memory.buffer)
    this.#words = new Int32Array(memory.buffer)
  }

  transform(block: number, at: number, bytes: number, out: number, outMax: number): number {
    this.asked++
    const subject = this.#bytes.toString('latin1', at, at + bytes)
    const mapped = this.transforms.get(this.#words[(block + ID) >> 2]!)!(subject)
    if (mapped === undefined) return 0
    if (mapped.length > outMax) return HOST_NO_ROOM
    return this.#bytes.write(mapped, out, 'latin1')
  }

  destinations(block: number, at: number, bytes: number, out: number, outMax: number): number {
    this.asked++
    const subject = this.#bytes.toString('latin1', at, at + bytes)
    const mapping = this.mappings.get(this.#words[(block + ID) >> 2]!)!(subject)
    if (mapping === undefined) return HOST_UNMAPPED
    let to = out
    for (const { subject: text, upTo } of mapping.destinations) {
      const length = 8 + ((text.length + 3) & ~3)
      if (to + length > out + outMax) return HOST_NO_ROOM
      this.#words[to >> 2] = upTo
      this.#words[(to + 4) >> 2] = text.length
      this.#bytes.write(text, to + 8, 'latin1')
      to += length
    }
    return mapping.destinations.length | (mapping.isVolatile === true ? HOST_VOLATILE : 0)
  }
}

export interface TestImport {
  readonly id: number
  readonly entry: number
  readonly block: number
}

/** How a publish went. */
export interface Outcome {
  readonly status: 'done' | 'forbidden' | 'noResponders' | 'imports' | 'laneFull' | 'noSublist'
  /** As the kernel names it. */
  readonly subject: string
  readonly delivered: number
  /** Numbers of the service imports. */
  readonly services: readonly number[]
}

/** Threads with accounts, imports and mappings. */
export class AccountStage {
  readonly threads: Threads
  readonly host: TestHost
  #lastId = 0
  #lastPlanKey: number

  constructor(options: MemoryOptions = {}) {
    let host: TestHost | undefined
    this.threads = new Threads({
      ...options,
      hostOf: (memory) => {
        host = new TestHost(memory)
        return host
      },
    })
    this.host = host!
    this.#lastPlanKey = this.router.layout.ACCOUNTS_MAX
  }

  get router(): KernelThread {
    return this.threads.router
  }

  /** Clients with rules and leaf links get a key of their own. */
  connect(thread: number, options: ConnectionOptions = {}): number {
    const hasOwnKey = options.kind === 'leaf' || options.rules !== undefined
    const planKey = hasOwnKey ? ++this.#lastPlanKey : (options.account ?? 0)
    return this.threads.worker(thread).connect({ planKey, ...options })
  }

  // ── imports and mappings ──────────────────────────────────────────────────────────────────

  #block(id: number, account: number, isIdentity: boolean): number {
    const { exports, layout } = this.router
    const block = exports.createBlock(layout.IMPORT_TEXT)
    assert.notEqual(block, 0)
    this.router.setWord(block + layout.IMPORT_ID, id)
    this.router.setWord(block + layout.IMPORT_ACCOUNT, exports.accountAddress(account))
    this.router.setWord(block + layout.IMPORT_IS_IDENTITY, isIdentity ? 1 : 0)
    this.router.setWord(block + layout.IMPORT_TEXT_BYTES, 0)
    return block
  }

  #insert(account: number, subject: string, kind: number, id: number, block: number): TestImport {
    const [at] = this.router.place(subject)
    const entry = this.router.exports.insertImport(account, at!, subject.length, kind, block)
    assert.notEqual(entry, 0)
    return { id, entry, block }
  }

  /** @param transform undefined = the subject stays as it is */
  importStream(from: number, subject: string, to: number, transform?: Transform): TestImport {
    const id = ++this.#lastId
    if (transform !== undefined) this.host.transforms.set(id, transform)
    const block = this.#block(id, to, transform === undefined)
    const kind = this.router.layout.ENTRY_KIND_STREAM_IMPORT
    return this.#insert(from, subject, kind, id, block)
  }

  importService(account: number, subject: string): TestImport {
    const id = ++this.#lastId
    const kind = this.router.layout.ENTRY_KIND_SERVICE_IMPORT
    return this.#insert(account, subject, kind, id, this.#block(id, 0, true))
  }

  remove({ entry, block }: TestImport): void {
    this.router.exports.removeEntry(entry)
    this.router.exports.retireBlock(block)
  }

  /** @returns the block, to be retired after the next call for the account */
  map(
    account: number,
    mapping: ((subject: string) => TestMapping | undefined) | undefined,
  ): number {
    const { exports } = this.router
    if (mapping === undefined) {
      exports.setMappings(account, 0)
      return 0
    }
    const id = ++this.#lastId
    this.host.mappings.set(id, mapping)
    const block = this.#block(id, account, false)
    exports.setMappings(account, block)
    return block
  }

  /** A client's subscriptions are denied something else from now on. */
  deny(connection: number, slots: readonly number[], denies: readonly string[]): void {
    const { exports, layout } = this.router
    const old = this.router.word(connection + layout.CONNECTION_OUTGOING)
    const block = storePermissions(this.router.kernel, { deny: denies })
    this.router.setWord(connection + layout.CONNECTION_OUTGOING, block!)
    for (const slot of slots) {
      const entry = this.router.word(slot + layout.SUB_ENTRY)
      if (entry !== 0) exports.setEntryPermissions(entry, block!)
    }
    if (old !== 0) exports.retireBlock(old)
  }

  // ── messages ──────────────────────────────────────────────────────────────────────────────

  /** Publishes as a connection would, without reading any lane. */
  publish(
    thread: KernelThread,
    source: number,
    { subject, reply = '', payload = '', groups = [] }: PublishOptions,
  ): Outcome {
    const { exports, layout } = thread
    const isLeaf = thread.word(source + layout.CONNECTION_KIND) === layout.KIND_LEAF
    const middle = [...(groups.length === 0 ? [] : [reply === '' ? '|' : '+'])]
    if (reply !== '') middle.push(reply)
    const words = [isLeaf ? 'LMSG' : 'PUB', subject, ...middle, ...groups, `${payload.length}`]
    const text = `${words.join(' ')}\r\n${payload}\r\n`
    const [at] = thread.place(text)
    const end = exports.ingest(source, at!, at! + text.length)
    const status = exports.status.value
    if (status === layout.STATUS_OPERATION) {
      assert.equal(end, at)
      return this.publishParts(thread, source, { subject, reply, payload, groups }, 0)
    }
    const isConsumed = status !== layout.STATUS_LANE_FULL && status !== layout.STATUS_NO_SUBLIST
    assert.equal(end, isConsumed ? at! + text.length : at)
    return this.#outcome(thread)
  }

  publishParts(
    thread: KernelThread,
    source: number,
    { subject, reply = '', payload = '', groups = [] }: PublishOptions,
    trust: number,
  ): Outcome {
    const size = `${payload.length}`
    const queues = groups.join(' ')
    const [at, replyAt, sizeAt, payloadAt, queuesAt] = thread.place(
      ...[subject, reply, size, payload, queues],
    )
    thread.exports.publishParts(
      ...([source, at!, subject.length, replyAt!, reply.length, 0, 0] as const),
      ...([sizeAt!, size.length, 0, payload.length, payloadAt!] as const),
      ...([queuesAt!, queues.length, trust] as const),
    )
    return this.#outcome(thread)
  }

  #outcome(thread: KernelThread): Outcome {
    const { exports, layout } = thread
    const names = new Map<number, Outcome['status']>([
      [layout.STATUS_DONE, 'done'],
      [layout.STATUS_FORBIDDEN, 'forbidden'],
      [layout.STATUS_NO_RESPONDERS, 'noResponders'],
      [layout.STATUS_IMPORTS, 'imports'],
      [layout.STATUS_LANE_FULL, 'laneFull'],
      [layout.STATUS_NO_SUBLIST, 'noSublist'],
    ])
    const status = names.get(exports.status.value)
    assert.ok(status !== undefined, `status ${exports.status.value}`)
    const list = exports.services.value
    const count = status === 'imports' ? exports.serviceCount.value : 0
    return {
      status,
      subject: thread.latin1(exports.subject.value, exports.subjectBytes.value),
      delivered: exports.delivered.value,
      services: Array.from({ length: count }, (_, i) =>
        thread.word(thread.word(list + i * 4) + layout.IMPORT_ID),
      ),
    }
  }

  /** Frames that wait for a connection, once all lanes are empty. */
  take(thread: number, connection: number): Frame[] {
    this.threads.settle()
    return [...parseFrames(this.threads.worker(thread).take(connection))]
  }

  /** As take, each as its subject and payload. */
  texts(thread: number, connection: number): string[] {
    return this.take(thread, connection).map(({ words, payload }) => `${words[0]} ${payload}`)
  }
}

export interface PublishOptions {
  readonly subject: string
  readonly reply?: string
  readonly payload?: string
  /** Leaf links: names on the line. */
  readonly groups?: readonly string[]
}
