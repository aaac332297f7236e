import { readFileSync } from 'node:fs'

/** One message in the kernel's memory, as its functions take it; addresses, and sizes in bytes. */
export type MessageParts = [
  subject: number,
  subjectBytes: number,
  reply: number,
  replyBytes: number,
  headerText: number,
  headerDigits: number,
  sizeText: number,
  sizeDigits: number,
  headerBytes: number,
  totalBytes: number,
  payload: number,
]

/**
 * The kernel as TypeScript sees it: one instance for each thread, on the memory all share.
 * Addresses are bytes from the start of the memory; the shared memory is kept below 2 GiB
 * (SHARED_MEMORY_BYTES_MAX), so that they are positive 32-bit integers here, too.
 */
export interface KernelExports {
  attach(thread: number, seed: number): number
  standBeside(thread: number): void
  setDropOverStallMark(drops: number): void
  allocate(bytes: number): number
  release(block: number, bytes: number): void
  copy(target: number, source: number, bytes: number): void
  tidy(): void
  dropPlans(): void
  forgetReader(thread: number): void
  hasLent(): number

  createConnection(): number
  closeConnection(connection: number): void
  releaseConnection(connection: number): void
  setLabel(connection: number, label: number): void
  createSubscription(
    connection: number,
    subject: number,
    subjectBytes: number,
    queue: number,
    queueBytes: number,
    sid: number,
    sidBytes: number,
  ): number
  removeSubscription(slot: number): void
  closeSubscriptions(connection: number, most: number): number
  findBySid(connection: number, sid: number, sidBytes: number): number
  ingestInterest(
    connection: number,
    from: number,
    to: number,
    most: number,
    countMax: number,
    ends: number,
  ): number
  takeExpired(): number

  setPacing(on: number): void
  renewMatching(): void
  hasMatching(): number
  ingest(connection: number, from: number, to: number): number
  publishParts(
    connection: number,
    ...rest: [...message: MessageParts, queues: number, queuesBytes: number, trust: number]
  ): number
  explainParts(
    connection: number,
    ...rest: [
      ...message: MessageParts,
      queues: number,
      queuesBytes: number,
      trust: number,
      how: number,
    ]
  ): number
  linkParts(
    connection: number,
    ...rest: [
      ...message: MessageParts,
      queues: number,
      queuesBytes: number,
      link: number,
      generation: number,
    ]
  ): number
  /** After explainParts: address and length of a list of EXPLAINED_*; where its texts begin. */
  readonly explained: WebAssembly.Global
  readonly explainedCount: WebAssembly.Global
  readonly explainedTexts: WebAssembly.Global
  /** After explainParts: whether the subject was mapped. */
  readonly isMapped: WebAssembly.Global
  setTaps(at: number, count: number, skip: number): void
  mayBeTraced(at: number, bytes: number, withParents: number): number
  isListened(connection: number, at: number, bytes: number): number
  countInbound(connection: number, payloadBytes: number): void
  readonly status: WebAssembly.Global
  readonly needBytes: WebAssembly.Global
  readonly interestLines: WebAssembly.Global
  readonly subject: WebAssembly.Global
  readonly subjectBytes: WebAssembly.Global
  readonly reply: WebAssembly.Global
  readonly replyBytes: WebAssembly.Global
  /** Of the message at hand: its header block, both together, and where they are. */
  readonly headerBytes: WebAssembly.Global
  readonly totalBytes: WebAssembly.Global
  readonly payload: WebAssembly.Global
  /** Receivers of the last message; service imports are none. */
  readonly delivered: WebAssembly.Global
  /**
   * After STATUS_IMPORTS: address and number of addresses of IMPORT_*, copies of the blocks. They
   * are good until the next message.
   */
  readonly services: WebAssembly.Global
  readonly serviceCount: WebAssembly.Global
  readonly fullLane: WebAssembly.Global
  readonly failedCheck: WebAssembly.Global

  takeDirty(): number
  takeChunks(connection: number, bytesMax: number): number
  releaseChunks(connection: number, head: number, bytes: number): void
  appendBytes(connection: number, source: number, bytes: number): number
  readonly stallRequested: WebAssembly.Global
  clearStallRequest(): void
  /** Connection of any thread that last asked for a stall. */
  readonly stalledBy: WebAssembly.Global

  /** @param nowUs see LANE_MARK_US; 0 or none: what is committed is not timed */
  commitLanes(nowUs?: number): number
  wakeUp(thread: number): number
  hasInbound(): number
  drainBegin(from: number): void
  drain(from: number, bytesMax: number): number
  drainEnd(from: number): number
  readonly record: WebAssembly.Global
  sendControl(to: number, kind: number, slot: number, generation: number): number
  claimedPosition(to: number): number
  consumedPosition(to: number): number
  holdLane(to: number, held: number): void
  awaitRoom(to: number): number
  takeBlocked(from: number): number
  resetLanes(peer: number): void

  formatSublist(): number
  openSublist(): void
  openAccount(number: number): number
  accountAddress(number: number): number
  setMappings(account: number, block: number): void
  applySubscribe(slot: number, generation: number, thread: number): number
  applyUnsubscribe(slot: number): void
  insertEntry(
    account: number,
    subject: number,
    subjectBytes: number,
    queue: number,
    queueBytes: number,
    target: number,
    generation: number,
    thread: number,
    weight: number,
  ): number
  insertImport(
    account: number,
    subject: number,
    subjectBytes: number,
    kind: number,
    block: number,
  ): number
  removeEntry(entry: number): void
  entryAccount(entry: number): number
  setEntryPermissions(entry: number, denies: number): void
  setWeight(entry: number, weight: number): void
  matchNodes(
    account: number,
    subject: number,
    bytes: number,
    scratch: number,
    scratchMax: number,
  ): number
  readonly nodeCount: WebAssembly.Global
  createBlock(bytes: number): number
  retireBlock(block: number): void
  reclaim(): void
  bumpAll(): void
  walkSlots(thread: number): void
  nextUsedSlot(): number

  /** Goes on with the checksum of what came before, 0 for nothing. Results may be negative. */
  crc32c(before: number, from: number, bytes: number): number
  maskChecksum(crc: number): number
  s2Decode(from: number, bytes: number, to: number, toBytes: number): number
  s2Encode(level: number, from: number, bytes: number, to: number): number

  maskBytes(at: number, bytes: number, key: number, phase: number): void
}

/**
 * What the kernel asks while it builds a plan. Subjects are bytes in shared memory, as is what is
 * answered at `out`, where there is room for `outMax` bytes. No function of the kernel may be
 * called meanwhile, and none of these may throw.
 */
export interface KernelHost {
  /**
   * The subject that a stream import makes of one.
   *
   * @param block IMPORT_*, of the import
   * @returns its bytes; 0 = the import does not apply; HOST_NO_ROOM
   */
  transform(
    block: number,
    subject: number,
    subjectBytes: number,
    out: number,
    outMax: number,
  ): number
  /**
   * Where an account's mappings send a subject, which they get for each message by chance: at `out`
   * for each destination the weights up to it (u32, of 100; for what is missing the message is
   * lost), the subject's bytes (u32), and the subject, padded to 4.
   *
   * @param block as given to setMappings
   * @returns number of destinations, with HOST_VOLATILE if the next message may have others;
   *   HOST_UNMAPPED; HOST_NO_ROOM
   */
  destinations(
    block: number,
    subject: number,
    subjectBytes: number,
    out: number,
    outMax: number,
  ): number
}

/** More room is needed: the kernel asks again with twice as much, up to 16 MiB. */
export const HOST_NO_ROOM = -2
/** No mapping matches. */
export const HOST_UNMAPPED = -1
/** Bit in the number of destinations. */
export const HOST_VOLATILE = 2 ** 30

/** Without imports and mappings. */
const NO_HOST: KernelHost = { transform: () => 0, destinations: () => HOST_UNMAPPED }

/** Constants of layout.ts that TypeScript uses; read from the kernel so that they cannot drift. */
const LAYOUT_NAMES = [
  'HEADER_BYTES',
  'HEADER_MAGIC',
  'HEADER_THREAD_COUNT',
  'HEADER_THREAD_BLOCKS',
  'HEADER_GENERATIONS',
  'HEADER_LANES',
  'HEADER_LANE_CAPACITY',
  'HEADER_ACCOUNTS',
  'HEADER_HASH_SEED',
  'HEADER_SUBLIST',
  'HEADER_SUBLIST_END',
  'HEADER_ARENAS',
  'HEADER_ROUTER_ARENA_BYTES',
  'HEADER_WORKER_ARENA_BYTES',
  'HEADER_HEADROOM_BYTES',
  'HEADER_READ_BYTES',
  'MAGIC',
  'PAGE_BYTES',
  'SLACK_BYTES',
  'ROUTER_THREAD',
  'THREAD_COUNT_MAX',
  'THREAD_BLOCK_BYTES',
  'THREAD_SLEEPING',
  'THREAD_AWAITING_ROUTER',
  'THREAD_EPOCH',
  'THREAD_STATE',
  'THREAD_STALLED_CONNECTIONS',
  'THREAD_CONNECTIONS',
  'THREAD_IN_MSGS',
  'THREAD_IN_BYTES',
  'THREAD_OUT_MSGS',
  'THREAD_OUT_BYTES',
  'THREAD_PLAN_HITS',
  'THREAD_PLAN_MISSES',
  'THREAD_LANE_FULL',
  'THREAD_LOSSY',
  'THREAD_OUT_OF_MEMORY',
  'THREAD_STATE_ABSENT',
  'THREAD_STATE_RUNNING',
  'THREAD_STATE_DEAD',
  'GENERATIONS_BYTES',
  'ACCOUNTS_MAX',
  'ACCOUNT_BYTES',
  'ACCOUNT_MAPPINGS',
  'ACCOUNT_ENTRIES',
  'ACCOUNT_INSERTS',
  'ACCOUNT_REMOVES',
  'CONNECTION_LABEL',
  'CONNECTION_SUBS',
  'SUBS_PLACE_BYTES',
  'SUBS_TOMBSTONE',
  'CONNECTION_SUB_COUNT',
  'CONNECTION_SUB_MASK',
  'CONNECTION_STALLED',
  'EXPLAINED_BYTES',
  'EXPLAINED_DENIED',
  'EXPLAINED_ECHO',
  'EXPLAINED_GENERATION',
  'EXPLAINED_KEPT',
  'EXPLAINED_KIND',
  'EXPLAINED_LINK',
  'EXPLAINED_MEMBER',
  'EXPLAINED_PLACE',
  'EXPLAINED_PLAIN',
  'EXPLAINED_TARGET',
  'EXPLAINED_TEXT',
  'EXPLAINED_TEXT_BYTES',
  'EXPLAINED_VARIANT',
  'EXPLAIN_DRY',
  'EXPLAIN_KEEPS_LINKS',
  'FLAG_PEER_TRACES',
  'FLAG_TRACES_PARENTS',
  'IMPORT_ID',
  'IMPORT_ACCOUNT',
  'IMPORT_IS_IDENTITY',
  'IMPORT_TEXT_BYTES',
  'IMPORT_TEXT',
  'ENTRY_KIND_STREAM_IMPORT',
  'ENTRY_KIND_SERVICE_IMPORT',
  'LABEL_NAME_BYTES',
  'LABEL_TEXT',
  'LABEL_USER_BYTES',
  'LANE_RECORDS',
  'LANE_PRODUCER',
  'LANE_CONSUMER',
  'LANE_MARK',
  'LANE_MARK_US',
  'PLACE_VARIANT_SHIFT',
  'RECORD_KIND',
  'RECORD_SUBSCRIBE',
  'RECORD_UNSUBSCRIBE',
  'RECORD_REFUSED',
  'CONTROL_SLOT',
  'CONTROL_GENERATION',
  'SUBLIST_ROOT',
  'SUBLIST_COUNT',
  'SUBLIST_BREAK',
  'ARENA_FREE_PAGES',
  'ARENA_PAGE_COUNT',
  'ARENA_READ',
  'ARENA_PLANS',
  'ARENA_CONNECTION_SLABS',
  'ARENA_DIRTY',
  'ARENA_SLOT_SLABS',
  'SLAB_NEXT',
  'SLAB_ITEMS',
  'SLAB_BYTES',
  'SUB_BYTES',
  'CONNECTION_BYTES',
  'CONNECTION_HEAD',
  'CONNECTION_POSITION',
  'CONNECTION_PENDING',
  'CONNECTION_PENDING_MAX',
  'CONNECTION_STALL_MARK',
  'CONNECTION_OVERFLOW',
  'CONNECTION_STALLS',
  'CONNECTION_GENERATION',
  'CONNECTION_KIND',
  'CONNECTION_FLAGS',
  'CONNECTION_PLAN_KEY',
  'CONNECTION_PAYLOAD_MAX',
  'CONNECTION_ORIGIN',
  'CONNECTION_OUTGOING',
  'CONNECTION_INCOMING',
  'CONNECTION_ACCOUNT',
  'PERMISSIONS_HAS_ALLOW',
  'PERMISSIONS_ALLOWED',
  'PERMISSIONS_DENIED',
  'PERMISSIONS_GROUPS',
  'PERMISSIONS_PATTERNS',
  'PERMISSION_BYTES',
  'PERMISSION_TEXT',
  'CONNECTION_CONTROL_LINE_MAX',
  'CONNECTION_INDEX',
  'CONNECTION_CID',
  'CONNECTION_IN_MSGS',
  'CONNECTION_IN_BYTES',
  'CONNECTION_OUT_MSGS',
  'CONNECTION_OUT_BYTES',
  'CONNECTION_FILTERED',
  'CONNECTION_DROPPED',
  'KIND_CLIENT',
  'KIND_LEAF',
  'FLAG_ECHO',
  'FLAG_HEADERS',
  'FLAG_NO_RESPONDERS',
  'FLAG_PEDANTIC',
  'FLAG_SLOW_PATH',
  'FLAG_AWAITING_SUB',
  'FLAG_SPOKE',
  'FLAG_DROP_WHEN_FULL',
  'FLAG_CLOSED',
  'SUB_GENERATION',
  'SUB_CONNECTION',
  'SUB_DELIVERED',
  'SUB_MAX',
  'SUB_STATE',
  'SUB_STATE_ACTIVE',
  'SUB_STATE_RETIRING',
  'SUB_ENTRY',
  'SUB_TEXT',
  'SUB_SUBJECT_BYTES',
  'SUB_QUEUE_BYTES',
  'SUB_SID_BYTES',
  'SUB_SID',
  'SUB_SID_INLINE',
  'SUB_RESERVED',
  'PLAN_KEY',
  'PLAN_SUBJECT',
  'PLAN_SUBJECT_BYTES',
  'PLAN_MSGS',
  'PLAN_SOURCE',
  'PLAN_LOCALS',
  'PLAN_REMOTES',
  'PLAN_LEAFS',
  'PLAN_GROUPS',
  'PLAN_BODY',
  'PLAN_KEY_TRUSTED',
  'PLAN_KEY_RELAYED',
  'PLAN_KEY_IMPORTED',
  'PLAN_SETS',
  'PLAN_SET_BYTES',
  'CHUNK_NEXT',
  'CHUNK_END',
  'CHUNK_DATA',
  'STATUS_DONE',
  'STATUS_OPERATION',
  'STATUS_LANE_FULL',
  'STATUS_NO_SUBLIST',
  'STATUS_SPENT',
  'STATUS_NO_RESPONDERS',
  'STATUS_RECORD',
  'STATUS_MORE',
  'S2_LEVEL_FAST',
  'S2_LEVEL_BETTER',
  'S2_LEVEL_BEST',
  'STATUS_FORBIDDEN',
  'STATUS_IMPORTS',
] as const

export type Layout = Readonly<Record<(typeof LAYOUT_NAMES)[number], number>>

export interface Kernel {
  readonly exports: KernelExports
  readonly layout: Layout
  /** The whole memory, three ways. */
  readonly bytes: Buffer
  readonly words: Int32Array
  readonly longs: BigUint64Array
}

/** Where the compiled kernel is: in dist, also when this runs from source. */
function kernelFile(isChecked: boolean): URL {
  const name = isChecked ? 'kernel.checked.wasm' : 'kernel.wasm'
  const here = import.meta.url
  return new URL(here.endsWith('.ts') ? `../../dist/${name}` : `./${name}`, here)
}

/**
 * Compiles the kernel once; the module is shared with every thread.
 *
 * @param isChecked the build with assertions, for tests (environment SABLE_CHECKED=1)
 */
export function compileKernel(
  isChecked = process.env['SABLE_CHECKED'] === '1',
): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(kernelFile(isChecked)))
}

export function instantiateKernel(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  host: KernelHost = NO_HOST,
): Kernel {
  const abort = () => {
    throw new Error('kernel aborted')
  }
  const { exports } = new WebAssembly.Instance(module, {
    env: { memory, abort },
    host: {
      transform: host.transform.bind(host),
      destinations: host.destinations.bind(host),
    },
  })
  const layout = Object.fromEntries(
    LAYOUT_NAMES.map((name) => {
      const constant = exports[name]
      if (!(constant instanceof WebAssembly.Global))
        throw new Error(`kernel does not export ${name}`)
      return [name, constant.value as number]
    }),
  ) as Layout
  return {
    exports: exports as unknown as KernelExports,
    layout,
    bytes: Buffer.from(memory.buffer),
    words: new Int32Array(memory.buffer),
    longs: new BigUint64Array(memory.buffer),
  }
}
