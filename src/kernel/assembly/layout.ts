/**
 * Byte layout of the one linear memory that all threads share. Nothing else declares an offset:
 * the kernel imports these constants, TypeScript reads them from the kernel's exports (kernel.ts).
 *
 *   0 ──► +--------------------------------------------------------------+
 *         | header, 4 KiB            where everything is, written once   |
 *         +--------------------------------------------------------------+
 *         | thread blocks            1 KiB for each thread               |
 *         +--------------------------------------------------------------+
 *         | generations              one u32 per first-token bucket      |
 *         +--------------------------------------------------------------+
 *         | lanes                    threads x threads rings             |
 *         +--------------------------------------------------------------+
 *         | accounts                 64 bytes for each possible account  |
 *         +--------------------------------------------------------------+
 *         | sublist arena            written by the routing worker only  |
 *         +--------------------------------------------------------------+
 *         | arena of thread 0        the routing worker's own            |
 *         | arena of thread 1 … N    the protocol workers' own           |
 *         +--------------------------------------------------------------+
 *
 * Addresses are bytes from 0, u32. 0 is never a valid address and means "none".
 * Access is given as: owner = one thread writes, plain; Atomics = written by one, read by others.
 */

export const CACHE_LINE_BYTES: u32 = 64
/** Two lines, because many CPUs prefetch lines in pairs. */
export const SLOT_BYTES: u32 = 128
export const PAGE_BYTES: u32 = 4096

// ── header ────────────────────────────────────────────────── written once by the main thread
export const HEADER_BYTES: u32 = 4096
export const HEADER_MAGIC: u32 = 0
export const HEADER_THREAD_COUNT: u32 = 4
export const HEADER_THREAD_BLOCKS: u32 = 8
export const HEADER_GENERATIONS: u32 = 12
export const HEADER_LANES: u32 = 16
export const HEADER_LANE_CAPACITY: u32 = 20
export const HEADER_SUBLIST: u32 = 24
export const HEADER_SUBLIST_END: u32 = 28
export const HEADER_ARENAS: u32 = 32
/** Bytes of the routing worker's arena, the first one. */
export const HEADER_ROUTER_ARENA_BYTES: u32 = 36
/** Bytes of each protocol worker's arena. */
export const HEADER_WORKER_ARENA_BYTES: u32 = 40
/** Bytes ahead of the read area, for the unfinished operation of the connection being read. */
export const HEADER_HEADROOM_BYTES: u32 = 44
export const HEADER_READ_BYTES: u32 = 48
export const HEADER_ACCOUNTS: u32 = 52
/** u64, random: what is hashed into tables, so that nobody can choose texts that collide. */
export const HEADER_HASH_SEED: u32 = 56
/** "SABL", little endian. */
export const MAGIC: u32 = 0x4c424153

/** The routing worker is always thread 0. */
export const ROUTER_THREAD: u32 = 0
/** Doorbell masks are one u32. */
export const THREAD_COUNT_MAX: u32 = 32

// ── thread block ──────────────────────────────────────────────────────── one for each thread
export const THREAD_BLOCK_BYTES: u32 = 1024
/** 1 while the thread sleeps in its event loop; a ringer swaps it to 0. Atomics. */
export const THREAD_SLEEPING: u32 = 0
/** 1 while a connection waits for the routing worker to apply a SUB. Atomics. */
export const THREAD_AWAITING_ROUTER: u32 = 4
/** Epoch in which the thread reads the sublist, 0 while it does not. Atomics. */
export const THREAD_EPOCH: u32 = 128
/** THREAD_STATE_*: the thread writes RUNNING, the main thread DEAD and ABSENT. Atomics. */
export const THREAD_STATE: u32 = 256
/** Connections of the thread above their stall mark. Atomics. */
export const THREAD_STALLED_CONNECTIONS: u32 = 384
/**
 * Connections handed to the thread and not closed yet: the main thread adds, the owner subtracts.
 */
export const THREAD_CONNECTIONS: u32 = 392
/** Counters, u64 each, written by the owner, read by the monitor. */
export const THREAD_IN_MSGS: u32 = 512
export const THREAD_IN_BYTES: u32 = 520
export const THREAD_OUT_MSGS: u32 = 528
export const THREAD_OUT_BYTES: u32 = 536
export const THREAD_PLAN_HITS: u32 = 544
export const THREAD_PLAN_MISSES: u32 = 552
export const THREAD_LANE_FULL: u32 = 560
export const THREAD_OUT_OF_MEMORY: u32 = 568
/** Connection that last lost a message for want of room, 0 = none; its thread clears it. Owner. */
export const THREAD_LOSSY: u32 = 640

export const THREAD_STATE_ABSENT: u32 = 0
export const THREAD_STATE_RUNNING: u32 = 1
export const THREAD_STATE_DEAD: u32 = 2

// ── generations ─────────────────────────────────────────── written by the routing worker, Atomics
/** Of first tokens, mixed with the number of their account. */
export const GENERATION_BUCKETS: u32 = 4096
export const GENERATIONS_BYTES: u32 = 4096 * 4

// ── account record, 64 bytes ──────────────────────────── written by the routing worker, Atomics
/** Root node of the account's subjects, 0 = nobody has been interested in any yet. */
export const ACCOUNT_ROOT: u32 = 0
/** Generation of subscriptions whose first token is a wildcard: they concern every subject. */
export const ACCOUNT_WILDCARD: u32 = 4
/** Address of a block that the host can read, 0 = subjects are not mapped. */
export const ACCOUNT_MAPPINGS: u32 = 8
/** Entries of its subjects now; then u64 each: ever made, ever taken out. Read by monitors. */
export const ACCOUNT_ENTRIES: u32 = 12
export const ACCOUNT_INSERTS: u32 = 16
export const ACCOUNT_REMOVES: u32 = 24
export const ACCOUNT_BYTES: u32 = 64
/** chosen: 4 MiB of addresses. Account 0 is the global one. */
export const ACCOUNTS_MAX: u32 = 65536

// ── lane: control slots, then `capacity` bytes of records ──────────────────────────────────────
//   field              type  written by  access
//   producer position  u32   producer    Atomics, once per batch
//   consumer position  u32   consumer    Atomics, once per batch
//   mark               u32   producer    Atomics; 1 + position of a batch that is being timed
//   mark's time        u32   producer    plain, written before the mark
//   claimed position   u32   producer    plain; ahead of producer position while a batch is open
//   cached consumer    u32   producer    plain
//   producer blocked   u32   both        Atomics; 1 while the producer waits for room
// Positions count bytes since the lane was made and wrap at 2^32.
export const LANE_PRODUCER: u32 = 0
/**
 * When the bytes that made a batch were read. While the consumer has not read the batch the
 * producer leaves both words alone, so the consumer finds them together.
 */
export const LANE_MARK: u32 = 4
/** Microseconds of a clock that all threads share, modulo 2^32. */
export const LANE_MARK_US: u32 = 8
export const LANE_CONSUMER: u32 = 128
export const LANE_CLAIMED: u32 = 256
export const LANE_CACHED_CONSUMER: u32 = 260
/** 1 while TypeScript has control records waiting for room: nothing may overtake them. */
export const LANE_HELD: u32 = 264
export const LANE_BLOCKED: u32 = 384
export const LANE_RECORDS: u32 = 512

// record: length u32 | kind u32 | body. Starts on a multiple of 16; length includes the header.
export const RECORD_LENGTH: u32 = 0
export const RECORD_KIND: u32 = 4
export const RECORD_ALIGN: u32 = 16
/** Fills the end of the lane before the wrap. */
export const RECORD_PADDING: u32 = 1
export const RECORD_MESSAGE: u32 = 2
/** A message record that is too large for the lane: it lies in a lent block. */
export const RECORD_INDIRECT: u32 = 3
/** From here on records are control records, handed to TypeScript one by one. */
export const RECORD_CONTROL: u32 = 16
export const RECORD_SUBSCRIBE: u32 = 16
export const RECORD_UNSUBSCRIBE: u32 = 17
export const RECORD_REFUSED: u32 = 18

// control record body: slot u32 | generation u32
export const CONTROL_SLOT: u32 = 8
export const CONTROL_GENERATION: u32 = 12
export const CONTROL_BYTES: u32 = 16

// indirect record body: address of the lent block, whose data is a message record
export const INDIRECT_BLOCK: u32 = 8
export const INDIRECT_BYTES: u32 = 16

// message record body
export const MESSAGE_TARGETS: u32 = 8 //       number of (slot, generation) pairs
export const MESSAGE_LEAFS: u32 = 12 //        number of leaf targets
export const MESSAGE_SUBJECT: u32 = 16 //      bytes of the subject
export const MESSAGE_REPLY: u32 = 20 //        bytes of the reply, 0 = none
export const MESSAGE_HEADER_TEXT: u32 = 24 //  bytes of the header-size token, 0 = no headers
export const MESSAGE_SIZE_TEXT: u32 = 28 //    bytes of the total-size token
export const MESSAGE_HEADER: u32 = 32 //       bytes of the header block
export const MESSAGE_TOTAL: u32 = 36 //        header block + payload
export const MESSAGE_REFERENCE: u32 = 40 //    address of a lent block with the payload, 0 = inline;
//                                             bit 0: the thread's next record uses it, too
export const MESSAGE_ACCOUNT: u32 = 44 //      account record, for threads that match themselves
export const MESSAGE_BODY: u32 = 48 //         pairs, leaf targets, texts (each padded), payload

// lent block: payload of a large message, or records too large for a lane; in the sender's arena
export const LENT_READERS: u32 = 0 // Atomics: mask of threads that have not read it yet
export const LENT_NEXT: u32 = 4 //    owner: list of lent blocks
export const LENT_BYTES: u32 = 8
export const LENT_DATA: u32 = 16

// ── sublist ──────────────────────────────────────────── written by the routing worker only
export const SUBLIST_HEADER_BYTES: u32 = 1024
/** Address of the edge table in force. Atomics. */
export const SUBLIST_TABLE: u32 = 0
/** Root node of the global account. Atomics; 0 while there is no sublist (plans wait). */
export const SUBLIST_ROOT: u32 = 4
/** Advanced with each retirement. Atomics. */
export const SUBLIST_EPOCH: u32 = 8
/** End of the used part of the arena. */
export const SUBLIST_BREAK: u32 = 12
export const SUBLIST_EDGES: u32 = 16 //         slots in use, tombstones included
export const SUBLIST_RETIRED: u32 = 20 //       blocks retired in this batch of changes
export const SUBLIST_WAITING: u32 = 24 //       those of a batch before, for readers to leave …
export const SUBLIST_COUNT: u32 = 28 //         entries
export const SUBLIST_ACCOUNTS: u32 = 32 //      account records ever used, from the first on
export const SUBLIST_SPARE: u32 = 36 //         unused part of a block that was freed
export const SUBLIST_SPARE_END: u32 = 40
export const SUBLIST_WAITING_EPOCH: u32 = 44 // … this epoch
export const SUBLIST_FREE_SMALL: u32 = 64 //    free lists, 64 classes of 16 bytes
export const SUBLIST_FREE_LARGE: u32 = 320 //   free lists, 32 powers of two

// edge table: mask u32 | pad | slots of 8 bytes: child node u32, hash u32 (one atomic u64)
export const TABLE_MASK: u32 = 0
export const TABLE_BYTES: u32 = 4
export const TABLE_RETIRED: u32 = 8 // list of retired blocks
export const TABLE_SLOTS: u32 = 16
export const TABLE_TOMBSTONE: u32 = 1
export const TABLE_SLOTS_FIRST: u32 = 1024

// node, followed by its token
export const NODE_PARENT: u32 = 0
export const NODE_HASH: u32 = 4 //      of a root: number of its account
export const NODE_TOKEN_BYTES: u32 = 8
export const NODE_CHILDREN: u32 = 12 //  literal children
export const NODE_STAR: u32 = 16
export const NODE_FULL: u32 = 20
export const NODE_ENTRIES: u32 = 24 //   plain entries
export const NODE_GROUPS: u32 = 28
export const NODE_TOKEN: u32 = 32

// queue group of one node, followed by its name
export const GROUP_NEXT: u32 = 0
export const GROUP_PREVIOUS: u32 = 4
export const GROUP_ENTRIES: u32 = 8
export const GROUP_NODE: u32 = 12
export const GROUP_NAME_BYTES: u32 = 16
export const GROUP_NAME: u32 = 20

// entry: one subscription, one leaf link's interest, or an import
export const ENTRY_TARGET: u32 = 0 //      slot (client), connection record (leaf), import block
export const ENTRY_GENERATION: u32 = 4 //  of the target
export const ENTRY_THREAD: u32 = 8 //      u16
export const ENTRY_KIND: u32 = 10 //       u16, ENTRY_KIND_*
export const ENTRY_WEIGHT: u32 = 12 //     leaf: ≥ 1. Atomics
export const ENTRY_DENIES: u32 = 12 //     client: permissions with denies, 0 = none. Atomics
export const ENTRY_NEXT: u32 = 16
export const ENTRY_PREVIOUS: u32 = 20
export const ENTRY_NODE: u32 = 24
export const ENTRY_GROUP: u32 = 28 //      0 = plain
export const ENTRY_BYTES: u32 = 32

export const ENTRY_KIND_CLIENT: u32 = 0
export const ENTRY_KIND_LEAF: u32 = 1
/** In the exporter's sublist: what matches goes to another account, too. */
export const ENTRY_KIND_STREAM_IMPORT: u32 = 2
/** In the importer's sublist: what matches is handed to TypeScript. */
export const ENTRY_KIND_SERVICE_IMPORT: u32 = 3
/** Tokens of a subscription. Bounds recursion: frames of `walk` are ~100 bytes. */
export const TOKEN_COUNT_MAX: u32 = 2048

// block in the sublist's memory: whole bytes u32 in front of what the block is for
export const BLOCK_BYTES: u32 = 0
export const BLOCK_RETIRED: u32 = 4 // list of retired blocks
export const BLOCK_DATA: u32 = 16

// import, of both kinds, in a block
export const IMPORT_ID: u32 = 0 //          TypeScript's
export const IMPORT_ACCOUNT: u32 = 4 //     stream import: record of the importing account
export const IMPORT_IS_IDENTITY: u32 = 8 // stream import: 1 = the subject stays as it is
export const IMPORT_TEXT_BYTES: u32 = 12
export const IMPORT_TEXT: u32 = 16 //       for the host

// permissions, in a block: counts, then patterns: allowed, denied, and for each denied group the
// subject and the group's name
export const PERMISSIONS_HAS_ALLOW: u32 = 0 // 1: only what is allowed; 0: everything not denied
export const PERMISSIONS_ALLOWED: u32 = 4 //   number of patterns
export const PERMISSIONS_DENIED: u32 = 8
export const PERMISSIONS_GROUPS: u32 = 12 //   number of pairs of patterns
export const PERMISSIONS_PATTERNS: u32 = 16
// one pattern: bytes u32, text padded to 4
export const PERMISSION_BYTES: u32 = 0
export const PERMISSION_TEXT: u32 = 4

// ── a thread's arena ─────────────────────────────────────────────────────────────── owner
//   control page | headroom + read area | plan cache | page states | pages (buddy allocator)
export const ARENA_EXPIRED: u32 = 4 //       list of slots that reached their maximum
export const ARENA_SLOT_SLABS: u32 = 8 //    slabs of subscription slots; read by a new router
export const ARENA_SLOT_FREE: u32 = 12
export const ARENA_RETIRING_HEAD: u32 = 16
export const ARENA_RETIRING_TAIL: u32 = 20
export const ARENA_CONNECTION_FREE: u32 = 24
export const ARENA_DIRTY: u32 = 28 //        list of connections with something to flush
export const ARENA_LENT: u32 = 32
export const ARENA_PAGES: u32 = 36
export const ARENA_PAGE_COUNT: u32 = 40
export const ARENA_PAGE_STATES: u32 = 44
export const ARENA_FREE_PAGES: u32 = 48 //   pages not allocated
export const ARENA_READ: u32 = 52 //         address of the read area
export const ARENA_PLANS: u32 = 56
export const ARENA_CONNECTION_SLABS: u32 = 60
export const ARENA_FREE_BLOCKS: u32 = 128 // buddy free lists, 20 orders
export const ARENA_FREE_SMALL: u32 = 256 //  free lists of 64 … 2048 bytes
export const ARENA_FREE_TIGHT: u32 = 1024 // free lists of 16, 32 … 512 bytes
export const ARENA_TIGHT: u32 = 1152 //      unused part of a slab that these are cut from
export const ARENA_TIGHT_END: u32 = 1156
export const ARENA_CONTROL_BYTES: u32 = 4096

// ── connection record, 192 bytes ──────────────────────────────────────────────────────────
// line 0: outbound, owner
export const CONNECTION_HEAD: u32 = 0 //            first chunk not handed to the socket
export const CONNECTION_TAIL: u32 = 4
export const CONNECTION_POSITION: u32 = 8 //        where the next frame goes
export const CONNECTION_LIMIT: u32 = 12 //          end of the tail chunk
export const CONNECTION_PENDING: u32 = 16 //        bytes not yet taken by the socket
export const CONNECTION_PENDING_MAX: u32 = 20 //    max_pending; 2^32 - 1 = none
export const CONNECTION_STALL_MARK: u32 = 24 //     three quarters of max_pending
export const CONNECTION_DIRTY: u32 = 28 //          1 while in the dirty list
export const CONNECTION_NEXT_DIRTY: u32 = 32
export const CONNECTION_CHUNK_BYTES: u32 = 36 //    size of the next chunk
export const CONNECTION_OUT_MSGS: u32 = 40 //       u64
export const CONNECTION_OUT_BYTES: u32 = 48 //      u64
export const CONNECTION_OVERFLOW: u32 = 56 //       1 = above max_pending, 2 = no memory
export const CONNECTION_STALLS: u32 = 60 //         times a publisher was asked to wait
// line 1: facts, owner; read by other threads
export const CONNECTION_GENERATION: u32 = 64 //     Atomics
export const CONNECTION_KIND: u32 = 68 //           KIND_*
export const CONNECTION_FLAGS: u32 = 72 //          FLAG_*
export const CONNECTION_PLAN_KEY: u32 = 76 //       PLAN_KEY_*; below PLAN_KEY_IMPORTED
export const CONNECTION_PAYLOAD_MAX: u32 = 80 //    i32, -1 = unlimited
export const CONNECTION_STALLED: u32 = 84 //        Atomics, 1 above the stall mark
export const CONNECTION_ORIGIN: u32 = 88 //         leaf: number of the peer's cluster, 0 = none
export const CONNECTION_INDEX: u32 = 92 //          TypeScript's index of the connection
export const CONNECTION_CID: u32 = 96 //            u64
export const CONNECTION_CONTROL_LINE_MAX: u32 = 104
export const CONNECTION_OUTGOING: u32 = 108 //       permissions to be sent, 0 = all; client: denies
export const CONNECTION_INCOMING: u32 = 112 //       permissions to send, 0 = all
export const CONNECTION_ACCOUNT: u32 = 116 //        its account's record
// line 2: inbound, owner
export const CONNECTION_IN_MSGS: u32 = 128 //       u64
export const CONNECTION_IN_BYTES: u32 = 136 //      u64
// lost on their way out, u64: by permissions (a leaf's; Atomics, any thread), for want of room
export const CONNECTION_FILTERED: u32 = 144
export const CONNECTION_DROPPED: u32 = 152
/** Who it is: address of a label, 0 = nobody has said yet. Owner; Atomics, read by any thread. */
export const CONNECTION_LABEL: u32 = 160
export const CONNECTION_ROUND: u32 = 164 //          last round of messages that went to it
// its subscriptions by sid, owner; see sids.ts
/** Table; or its only subscription, the slot's address + 1; 0 = it has none. */
export const CONNECTION_SUBS: u32 = 176
export const CONNECTION_SUB_COUNT: u32 = 180
/** Places in the table - 1. */
export const CONNECTION_SUB_MASK: u32 = 184
/** Places that were ever filled; while they are closed, SUBS_CLOSING and the places left. */
export const CONNECTION_SUB_USED: u32 = 188
export const CONNECTION_BYTES: u32 = 192

export const KIND_CLIENT: u32 = 1
export const KIND_LEAF: u32 = 2

export const FLAG_ECHO: u32 = 1
export const FLAG_HEADERS: u32 = 2
export const FLAG_NO_RESPONDERS: u32 = 4
/** Every operation goes through TypeScript: verbose, traced or not yet authenticated. */
export const FLAG_SLOW_PATH: u32 = 8
/** A SUB is on its way to the routing worker: TypeScript decides when to go on. */
export const FLAG_AWAITING_SUB: u32 = 16
export const FLAG_CLOSED: u32 = 32
/** This server is the spoke of a leaf link: what the hub may not send is dropped in silence. */
export const FLAG_SPOKE: u32 = 64
/** A message above CONNECTION_PENDING_MAX is lost to the connection, which lives on. */
export const FLAG_DROP_WHEN_FULL: u32 = 128
/** Messages with a `traceparent` header go through TypeScript: the account has them traced. */
export const FLAG_TRACES_PARENTS: u32 = 256
/** The server at the other end of a leaf link traces messages. */
export const FLAG_PEER_TRACES: u32 = 512
/** A client that wants to be told when it publishes to a subject with wildcards or empty tokens. */
export const FLAG_PEDANTIC: u32 = 1024
/** The connection is over and done with, but for subscriptions that are still being closed. */
export const FLAG_RELEASED: u32 = 2048

// label: bytes of name and user, then both, in a block of its own
export const LABEL_NAME_BYTES: u32 = 0
export const LABEL_USER_BYTES: u32 = 4
export const LABEL_TEXT: u32 = 8

// ── subscription slot, 64 bytes ──────────────────────────────────────────── owner thread
export const SUB_GENERATION: u32 = 0 //     Atomics; changes when deliveries must stop
export const SUB_CONNECTION: u32 = 4
export const SUB_DELIVERED: u32 = 8 //      u64
export const SUB_MAX: u32 = 16 //           auto-unsubscribe after so many, 0 = never
export const SUB_STATE: u32 = 20 //         Atomics, SUB_STATE_*
export const SUB_ENTRY: u32 = 24 //         written by the routing worker
export const SUB_TEXT: u32 = 28 //          block: subject, queue group, long sid
export const SUB_SUBJECT_BYTES: u32 = 32
export const SUB_QUEUE_BYTES: u32 = 36 //   0 = plain
export const SUB_NEXT: u32 = 40 //          free, retiring or expired list
export const SUB_SID_BYTES: u32 = 44
export const SUB_SID: u32 = 48 //           the sid, or its address when longer than 12 bytes
/** Queue group with a maximum: messages it was chosen for, on any thread. Atomics. */
export const SUB_RESERVED: u32 = 60
export const SUB_BYTES: u32 = 64
export const SUB_SID_INLINE: u32 = 12

export const SUB_STATE_FREE: u32 = 0
export const SUB_STATE_ACTIVE: u32 = 1
/** The owner is done with it; the routing worker has not removed the interest yet. */
export const SUB_STATE_RETIRING: u32 = 2
export const SUB_STATE_RETIRED: u32 = 3

// table of a connection's subscriptions: places of 8 bytes, slot u32 and hash u32 of the sid
export const SUBS_PLACE_BYTES: u32 = 8
export const SUBS_PLACES_FIRST: u32 = 8
export const SUBS_TOMBSTONE: u32 = 1
export const SUBS_CLOSING: u32 = 0x80000000

// slab of slots or connection records: next slab u32, count u32, then the items
export const SLAB_NEXT: u32 = 0
export const SLAB_ITEMS: u32 = 64
export const SLAB_BYTES: u32 = 65536

// ── outbound chunk ──────────────────────────────────────────────────────────────── owner
export const CHUNK_NEXT: u32 = 0
export const CHUNK_BYTES: u32 = 4 // of the whole block
export const CHUNK_END: u32 = 8 //   address after the last frame
export const CHUNK_DATA: u32 = 16
export const CHUNK_BYTES_MIN: u32 = 4096
export const CHUNK_BYTES_MAX: u32 = 262144

// ── plan ────────────────────────────────────────────────────────────────────────── owner
// Its audience of an importing account, a variant, has the same form, without key and groups.
export const PLAN_KEY: u32 = 0
export const PLAN_ACCOUNT: u32 = 0 //             variant: account that it is in
export const PLAN_BYTES: u32 = 4 //               of the whole block
export const PLAN_SUBJECT_BYTES: u32 = 8
export const PLAN_SUBJECT: u32 = 12 //            address, inside the block
export const PLAN_BUCKET: u32 = 16 //             address of the first token's generation
export const PLAN_GENERATION: u32 = 20 //         of the first token's bucket
export const PLAN_WILDCARD_GENERATION: u32 = 24 // of the account
export const PLAN_TRAITS: u32 = 28 //             PLAN_*, 0 = nothing but targets of this thread
export const PLAN_EXTRAS: u32 = 32 //             address, inside the block; 0 = none
export const PLAN_LOCALS: u32 = 36 //             targets of this thread
export const PLAN_REMOTES: u32 = 40 //            sections of other threads
export const PLAN_LEAFS: u32 = 44
export const PLAN_FILTERED: u32 = 48 //           leaf links with plain interest, not permitted
export const PLAN_GROUPS: u32 = 52
export const PLAN_MSGS: u32 = 56 //               found for so many messages since it was last asked
export const PLAN_SOURCE: u32 = 60 //             number of the account that it is a plan of
export const PLAN_BODY: u32 = 64
//   locals:   (slot, generation) …
//   remotes:  (thread, count, (slot, generation) …) …
//   leafs:    (connection, generation) …
//   filtered: (connection, generation) …
//   groups:   (name address, name bytes, members, leafs, filtered,
//              (slot, generation, place) …, (connection, generation, weight, variant) …,
//              (connection, generation) …) …
// place: thread, and from bit 5 on the number of the variant; 0 = the plan's own audience.
export const PLAN_GROUP_BYTES: u32 = 20
export const PLACE_VARIANT_SHIFT: u32 = 5

/** Others than this thread's plain subscriptions. */
export const PLAN_IS_WIDE: u32 = 1
/** The source may not send on this subject. */
export const PLAN_IS_REFUSED: u32 = 2
/** Audiences in importing accounts. */
export const PLAN_HAS_VARIANTS: u32 = 4
export const PLAN_HAS_SERVICES: u32 = 8
/** The subject becomes another one: there are destinations in place of an audience. */
export const PLAN_IS_MAPPED: u32 = 16
/** Permissions forbid the source a message that no destination gets. */
export const PLAN_REFUSES_LOSS: u32 = 32
/** Besides this thread's own: plain ones of the thread beside it, and one leaf link of either. */
export const PLAN_IS_NEAR: u32 = 64

// extras of an audience: numbers of variants and service imports, then their addresses; the imports
// are copies of their blocks
export const EXTRAS_VARIANTS: u32 = 0
export const EXTRAS_SERVICES: u32 = 4
export const EXTRAS_BODY: u32 = 8
// extras of a mapped plan: number of destinations; each with the weights up to it (of 100), whether
// the source may not send there, bytes of the subject, and the subject padded to 4
export const EXTRAS_DESTINATIONS: u32 = 0
export const DESTINATION_WEIGHT: u32 = 0
export const DESTINATION_IS_REFUSED: u32 = 4
export const DESTINATION_BYTES: u32 = 8
export const DESTINATION_TEXT: u32 = 12

// Who is concerned by one message, see explain.ts: a list of these
export const EXPLAINED_KIND: u32 = 0 //       EXPLAINED_*
export const EXPLAINED_PLACE: u32 = 4 //      thread and variant, as in plans
export const EXPLAINED_TARGET: u32 = 8 //     slot, or connection of a leaf link; variant: account
export const EXPLAINED_GENERATION: u32 = 12 // of the target; variant: block of its import
export const EXPLAINED_TEXT: u32 = 16 //      link: names of its groups, from `explainedTexts` on;
//                                            variant: address of its subject
export const EXPLAINED_TEXT_BYTES: u32 = 20
export const EXPLAINED_BYTES: u32 = 24

export const EXPLAINED_PLAIN: u32 = 1
/** Chosen in its queue group. */
export const EXPLAINED_MEMBER: u32 = 2
export const EXPLAINED_LINK: u32 = 3
/** A subscription to which the subject is denied. */
export const EXPLAINED_DENIED: u32 = 4
/** A leaf link that permissions keep the message from. */
export const EXPLAINED_KEPT: u32 = 5
/** A member of a queue group that is the publisher's own, which wants no echo. */
export const EXPLAINED_ECHO: u32 = 6
export const EXPLAINED_VARIANT: u32 = 7

/** What `explainParts` does besides: clients get nothing. */
export const EXPLAIN_DRY: u32 = 1
/** The caller sends to each leaf link. */
export const EXPLAIN_KEEPS_LINKS: u32 = 2

// Keys: whose plans are the same. TypeScript gives them; those of one key have the same account and
// may send the same. Clients that may send everything have the number of their account; all others
// have numbers from ACCOUNTS_MAX on, and leaf links each its own: their audience leaves out the
// link itself and its cluster.
/** Neither mapped nor asked whether the source may send it. */
export const PLAN_KEY_TRUSTED: u32 = 0x80000000
/** The plain subscriptions of the source's own account, and nothing else. */
export const PLAN_KEY_RELAYED: u32 = 0x40000000
/** It came through a service import: such messages are not exported. */
export const PLAN_KEY_IMPORTED: u32 = 0x20000000

// plan cache: sets of four, hashes then plans
export const PLAN_SETS: u32 = 32768
export const PLAN_SET_BYTES: u32 = 32
/** Larger plans are made for one message and forgotten: a cached one must not starve the arena. */
export const PLAN_CACHED_BYTES_MAX: u32 = 16 << 20

// ── what ingest and drain report ────────────────────────────────────────────────────────────
export const STATUS_DONE: u32 = 0
/** TypeScript handles the operation that starts at the returned address. */
export const STATUS_OPERATION: u32 = 1
/** A lane has no room: hold the connection, go on with others. */
export const STATUS_LANE_FULL: u32 = 2
/** The sublist is being rebuilt: hold the connection. */
export const STATUS_NO_SUBLIST: u32 = 3
/** A request found nobody, and its sender wants to know. */
export const STATUS_NO_RESPONDERS: u32 = 4
/** A control record waits at `record`. */
export const STATUS_RECORD: u32 = 5
/** More to read in the lane, but the work limit is reached. */
export const STATUS_MORE: u32 = 6
/** publishParts only: the source may not send on `subject`. Nobody got the message. */
export const STATUS_FORBIDDEN: u32 = 7
/** The message matches service imports, `services`; it was delivered to everybody else. */
export const STATUS_IMPORTS: u32 = 8
/** Much has been matched: hold the connection, go on with others, see pace.ts. */
export const STATUS_SPENT: u32 = 9

/** Bytes that vector copies may touch behind the end of what they write. */
export const SLACK_BYTES: u32 = 64
