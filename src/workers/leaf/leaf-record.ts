import type { Connection } from '../../io/connection.ts'
import type { LeafLinkReport } from '../../monitor/leaf-report.ts'
import { LEAF_CONTROL_LINE_FACTOR } from '../../protocol/operation.ts'
import type { LeafPeer, SubjectPermission } from '../../router/leaf/leaf-types.ts'
import { storePermissions } from './leaf-link-permissions.ts'
import type { LeafLinks } from './leaf-links.ts'

/** What the kernel has counted. */
export type LinkCounts = Pick<
  LeafLinkReport,
  'inMsgs' | 'inBytes' | 'outMsgs' | 'outBytes' | 'droppedMsgs' | 'filteredMsgs'
>

/** The record of a leaf link's connection: what the kernel is told of the link, and has counted. */
export class LeafRecord {
  readonly #links: LeafLinks
  readonly #connection: Connection
  /** Of the peer; '' = none. */
  #cluster = ''

  constructor(links: LeafLinks, connection: Connection) {
    this.#links = links
    this.#connection = connection
    const { layout } = links.kernel
    const { maxPayload, maxControlLine } = links.options
    this.#set(layout.CONNECTION_PAYLOAD_MAX, maxPayload)
    this.#set(layout.CONNECTION_CONTROL_LINE_MAX, maxControlLine * LEAF_CONTROL_LINE_FACTOR)
    // Until the peer is known nothing may pass the kernel.
    this.#set(layout.CONNECTION_FLAGS, layout.FLAG_SLOW_PATH)
  }

  #set(field: number, value: number): void {
    this.#links.kernel.words[(this.#connection.record + field) >> 2] = value
  }

  /** @param account number of the one whose interest and messages these are */
  bind(account: number): void {
    const { exports, layout } = this.#links.kernel
    this.#set(layout.CONNECTION_ACCOUNT, exports.accountAddress(account))
  }

  /** Bytes; negative: no limit. */
  get maxPayload(): number {
    const { layout, words } = this.#links.kernel
    return words[(this.#connection.record + layout.CONNECTION_PAYLOAD_MAX) >> 2]! | 0
  }

  set maxPayload(bytes: number) {
    this.#set(this.#links.kernel.layout.CONNECTION_PAYLOAD_MAX, bytes)
  }

  /** Where its messages come from, and which of them may pass in either direction. */
  setPeer({ cluster, outgoing, incoming }: LeafPeer): void {
    const { exports, layout } = this.#links.kernel
    this.#set(layout.CONNECTION_PLAN_KEY, this.#links.takePlanKey())
    const origin = this.#links.moveToCluster(cluster, this.#cluster)
    this.#cluster = cluster
    this.#set(layout.CONNECTION_ORIGIN, origin)
    this.#setPermissions(layout.CONNECTION_OUTGOING, outgoing)
    this.#setPermissions(layout.CONNECTION_INCOMING, incoming)
    // Plans made before rest on the old permissions.
    exports.bumpAll()
  }

  /** What the kernel may do without asking. */
  setFlags(
    peer: LeafPeer,
    {
      peerTraces,
      tracesParents,
    }: { readonly peerTraces: boolean; readonly tracesParents: boolean },
  ): void {
    const { kernel, options } = this.#links
    const { layout } = kernel
    let flags = 0
    if (peer.headers) flags |= layout.FLAG_HEADERS
    if (peer.isSpoke) flags |= layout.FLAG_SPOKE
    if (options.trace) flags |= layout.FLAG_SLOW_PATH
    if (options.leafnodes.slowLeaf === 'drop') flags |= layout.FLAG_DROP_WHEN_FULL
    if (peerTraces) flags |= layout.FLAG_PEER_TRACES
    if (tracesParents) flags |= layout.FLAG_TRACES_PARENTS
    this.#set(layout.CONNECTION_FLAGS, flags)
  }

  #setPermissions(field: number, permission: SubjectPermission): void {
    const { kernel } = this.#links
    const { exports, words } = kernel
    const at = (this.#connection.record + field) >> 2
    const old = words[at]!
    const permissions = storePermissions(kernel, permission)
    if (permissions === undefined) {
      this.#connection.close('protocolViolation')
      return
    }
    Atomics.store(words, at, permissions)
    if (old !== 0) exports.retireBlock(old)
  }

  /** The link has ended. */
  clear(): void {
    this.#links.moveToCluster('', this.#cluster)
    this.#cluster = ''
    const { layout } = this.#links.kernel
    this.#setPermissions(layout.CONNECTION_OUTGOING, {})
    this.#setPermissions(layout.CONNECTION_INCOMING, {})
  }

  counts(): LinkCounts {
    const { layout, words } = this.#links.kernel
    const at = (field: number) => (this.#connection.record + field) >> 2
    const count = (field: number) =>
      (words[at(field)]! >>> 0) + (words[at(field) + 1]! >>> 0) * 2 ** 32
    return {
      inMsgs: count(layout.CONNECTION_IN_MSGS),
      inBytes: count(layout.CONNECTION_IN_BYTES),
      outMsgs: count(layout.CONNECTION_OUT_MSGS),
      outBytes: count(layout.CONNECTION_OUT_BYTES),
      droppedMsgs: count(layout.CONNECTION_DROPPED),
      filteredMsgs: count(layout.CONNECTION_FILTERED),
    }
  }
}
