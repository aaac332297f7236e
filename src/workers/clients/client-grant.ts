import {
  createPublishPermission,
  createSubscribePermission,
  type PublishPermission,
  type SubscribePermission,
} from '../../auth/permissions.ts'
import { ReplyPermits } from '../../auth/reply-permits.ts'
import type { Connection } from '../../io/connection.ts'
import type { IoThread } from '../io-thread/io-thread.ts'
import { atWallTime } from '../io-thread/wall-deadline.ts'
import { frameLines } from '../messages/outbound-frames.ts'
import type { Grant } from '../threads/peer-messages.ts'

/**
 * What one connection has been granted, in force: what the kernel must know is in the connection's
 * record, the rest is here.
 */
export class ConnectionGrant {
  readonly grant: Grant
  /** Undefined: everything. */
  readonly subscribe: SubscribePermission | undefined
  readonly #publish: PublishPermission | undefined
  readonly #replies: ReplyPermits | undefined
  readonly #thread: IoThread
  readonly #connection: Connection

  constructor(thread: IoThread, connection: Connection, grant: Grant) {
    this.#thread = thread
    this.#connection = connection
    this.grant = grant
    const { permissions } = grant
    const { subscribe, publish, responses } = permissions ?? {}
    if (subscribe !== undefined) this.subscribe = createSubscribePermission(subscribe)
    if (publish !== undefined) this.#publish = createPublishPermission(publish)
    if (responses !== undefined && this.#publish !== undefined) {
      this.#replies = new ReplyPermits(responses)
    }
  }

  /** Tells the kernel. What plans rest on has other keys, or was voided by the routing worker. */
  enforce(): void {
    const { exports, layout, words } = this.#thread.kernel
    const { record } = this.#connection
    const set = (field: number, value: number) => Atomics.store(words, (record + field) >> 2, value)
    const { account, planKey, incoming, outgoing, maxPayload } = this.grant
    set(layout.CONNECTION_ACCOUNT, exports.accountAddress(account))
    set(layout.CONNECTION_PLAN_KEY, planKey)
    set(layout.CONNECTION_INCOMING, incoming)
    set(layout.CONNECTION_OUTGOING, outgoing)
    set(layout.CONNECTION_PAYLOAD_MAX, maxPayload)
  }

  /** @param onExpired called once, when the login ends */
  watchExpiry(onExpired: () => void): void {
    const { expiresMs } = this.grant
    if (expiresMs === 0) return
    if (expiresMs <= Date.now()) onExpired()
    else this.stop = atWallTime(this.#thread.deadlines, expiresMs, onExpired)
  }

  /** Nothing is watched any more. */
  stop = () => {}

  /** Whether a publish that needs no tracked reply is permitted; latin1. The kernel decides. */
  mayPublish(subject: string): boolean {
    return this.#publish === undefined || this.#publish.isAllowed(subject)
  }

  // ── replies to what was delivered ─────────────────────────────────────────────────────────

  /** Whether what is sent to the client must be shown to `onOutbound`. */
  get tracksReplies(): boolean {
    return this.#replies !== undefined
  }

  /** Uses up one reply. */
  takeReply(subject: string): boolean {
    return this.#replies?.take(subject, performance.now()) === true
  }

  /** @param frames whole frames on their way to the client */
  onOutbound(frames: Uint8Array): void {
    const replies = this.#replies
    if (replies === undefined) return
    for (const line of frameLines(frames)) {
      const words = line.split(' ')
      const isPlain = words[0] === 'MSG'
      if (!isPlain && words[0] !== 'HMSG') continue
      const reply = words.length === (isPlain ? 5 : 6) ? words[3]! : ''
      if (reply !== '' && !this.mayPublish(reply)) replies.remember(reply, this.#thread.nowMs)
    }
  }
}
