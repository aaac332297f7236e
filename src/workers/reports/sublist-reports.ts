import type { Kernel } from '../../kernel/kernel.ts'
import type { SubscriptionPage, SubscriptionQuery } from '../../monitor/monitor-source.ts'
import type { SubscriptionReport } from '../../monitor/reports.ts'
import { isLiteralSubject, subjectMatches } from '../../protocol/subjects.ts'
import { isSubsetSubject } from '../../router/accounts/subject-sets.ts'
import type { LeafSession } from '../../router/leaf/leaf-session.ts'
import type { AccountDirectory } from '../accounts/account-directory.ts'
import { SlotReader } from '../subscriptions.ts'
import { walkSubscriptions } from './slot-walk.ts'
import { utf8 } from './subscription-text.ts'

const NO_INDEX = -1

/** What monitors are told of the sublist, on the routing worker. */
export class SublistReports {
  readonly #kernel: Kernel
  readonly #directory: AccountDirectory
  readonly #slots: SlotReader
  readonly #leafs: () => Iterable<LeafSession>

  /** @param leafs sessions of all leaf links */
  constructor(kernel: Kernel, directory: AccountDirectory, leafs: () => Iterable<LeafSession>) {
    this.#kernel = kernel
    this.#directory = directory
    this.#slots = new SlotReader(kernel)
    this.#leafs = leafs
  }

  /**
   * Subscriptions of clients, those of the broker itself included (their id is 0), by account.
   * Within one they have no order, but pages fit together as long as nothing changes.
   */
  async subscriptions(query: SubscriptionQuery): Promise<SubscriptionPage> {
    const { account, test, offset, limit } = query
    const number = account === '' ? undefined : this.#directory.get(account)?.number
    if (account !== '' && number === undefined) return { subscriptions: [], total: 0 }
    const byAccount: (number[] | undefined)[] = []
    await walkSubscriptions(this.#kernel, (slot) => {
      const owner = this.#accountOf(slot)
      if (number !== undefined && number !== owner) return
      if (test !== '' && !subjectMatches(utf8(this.#slots.subject(slot)), test)) return
      byAccount[owner] ??= []
      byAccount[owner].push(slot)
    })
    const all = byAccount.flatMap((slots) => slots ?? [])
    const page = all.slice(offset, offset + limit)
    const subscriptions: SubscriptionReport[] = []
    // Some may have gone while all were looked at.
    for (const slot of page)
      if (this.#slots.hasInterest(slot)) subscriptions.push(this.#report(slot))
    return { subscriptions, total: all.length }
  }

  #accountOf(slot: number): number {
    const { exports, layout, words } = this.#kernel
    return exports.entryAccount(words[(slot + layout.SUB_ENTRY) >>> 2]!)
  }

  #report(slot: number): SubscriptionReport {
    const slots = this.#slots
    const { layout, words } = this.#kernel
    const account = this.#directory.at(this.#accountOf(slot))
    const name = account?.name ?? ''
    return {
      subject: utf8(slots.subject(slot)),
      queue: utf8(slots.queue(slot)),
      sid: utf8(Buffer.from(slots.sid(slot)).toString('latin1')),
      msgs: Number(slots.delivered(slot)),
      max: slots.max(slot),
      cid: words[(slots.connection(slot) + layout.CONNECTION_CID) >>> 2]! >>> 0,
      account: name,
      accountTag: account?.claims?.name || name,
    }
  }

  /**
   * Subscriptions of clients, and of the leafs of this hub, that get what is published on a literal
   * subject, or that a pattern has in it: nats-server's count of subscribers.
   *
   * @param subject UTF-8
   * @param queue only members of this group; undefined = all
   */
  async countInterest(account: string, subject: string, queue?: string): Promise<number> {
    const known = this.#directory.get(account)
    if (known === undefined) return 0
    const concerns = isLiteralSubject(subject)
      ? (wanted: string) => subjectMatches(wanted, subject)
      : (wanted: string) => isSubsetSubject(wanted, subject)
    let count = 0
    await walkSubscriptions(this.#kernel, (slot) => {
      if (this.#accountOf(slot) !== known.number || this.#isInternal(slot)) return
      if (queue !== undefined && utf8(this.#slots.queue(slot)) !== queue) return
      if (concerns(utf8(this.#slots.subject(slot)))) count += 1
    })
    for (const session of this.#leafs()) {
      if (session.account !== account || session.isSpoke) continue
      for (const wanted of session.received.values()) {
        if (queue !== undefined && utf8(wanted.queue ?? '') !== queue) continue
        if (concerns(utf8(wanted.subject))) count += 1
      }
    }
    return count
  }

  /** Of a client of the broker itself. */
  #isInternal(slot: number): boolean {
    const { layout, words } = this.#kernel
    return words[(this.#slots.connection(slot) + layout.CONNECTION_INDEX) >>> 2] === NO_INDEX
  }
}
