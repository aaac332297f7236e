import { createPublishPermission, type PublishPermission } from '../../auth/permissions.ts'
import { ReplyPermits } from '../../auth/reply-permits.ts'
import type { PermissionOptions } from '../../config/account-types.ts'
import { isServiceReply } from '../../router/leaf/leaf-subjects.ts'
import { frameLines } from '../messages/outbound-frames.ts'

const WITH_QUEUES = '|'
const WITH_REPLY_AND_QUEUES = '+'

/**
 * What a leaf may reply to (`allow_responses` of its user): the replies of messages that were sent
 * over its link. nats-server does not remember those that the leaf may *subscribe* to, having
 * looked into the wrong list; here it is those that it may publish to anyway.
 */
export class LeafReplies {
  readonly #publish: PublishPermission
  readonly #permits: ReplyPermits

  private constructor(publish: PublishPermission, permits: ReplyPermits) {
    this.#publish = publish
    this.#permits = permits
  }

  /** @returns undefined where there is nothing to remember */
  static of(permissions: PermissionOptions | undefined): LeafReplies | undefined {
    const { publish, responses } = permissions ?? {}
    if (responses === undefined || publish === undefined) return undefined
    return new LeafReplies(createPublishPermission(publish), new ReplyPermits(responses))
  }

  /** @param frames whole frames on their way to the leaf */
  onOutbound(frames: Uint8Array, nowMs: number): void {
    for (const line of frameLines(frames)) {
      const words = line.split(' ')
      const sizes = words[0] === 'LMSG' ? 1 : words[0] === 'HMSG' ? 2 : 0
      if (sizes === 0) continue
      const reply = replyOf(words.slice(2, -sizes))
      if (reply === '' || isServiceReply(reply) || this.#publish.isAllowed(reply)) continue
      this.#permits.remember(reply, nowMs)
    }
  }

  /** Uses up one reply. */
  take(subject: string, nowMs: number): boolean {
    return this.#permits.take(subject, nowMs)
  }
}

/** @param words between the subject and the sizes */
function replyOf([first = '', second = '']: readonly string[]): string {
  if (first === WITH_REPLY_AND_QUEUES) return second
  return first === WITH_QUEUES ? '' : first
}
