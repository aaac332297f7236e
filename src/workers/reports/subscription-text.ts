import type { SubscriptionReport } from '../../monitor/reports.ts'

/**
 * Subscriptions travel between threads, and stay with closed connections, as text: one string is
 * copied at once, a thousand objects are not.
 */

/** One subscription, its texts latin1 as the kernel has them; none of them has a tab in it. */
export function subscriptionLine(
  subject: string,
  queue: string,
  sid: string,
  msgs: number,
  max: number,
): string {
  return `${subject}\t${queue}\t${sid}\t${msgs}\t${max}\n`
}

/** Whose subscriptions they are; `account` '' where it is not shown. */
export type SubscriptionOwner = Pick<SubscriptionReport, 'cid' | 'account' | 'accountTag'>

export function readSubscriptions(text: string, owner: SubscriptionOwner): SubscriptionReport[] {
  const lines = text.split('\n')
  lines.pop()
  return lines.map((line) => {
    const [subject = '', queue = '', sid = '', msgs = '', max = ''] = line.split('\t')
    return {
      subject: utf8(subject),
      queue: utf8(queue),
      sid: utf8(sid),
      msgs: Number(msgs),
      max: Number(max),
      ...owner,
    }
  })
}

const NOT_ASCII = /[\x80-\xff]/

/** Bytes that are no UTF-8 become U+FFFD, as in Go's JSON. */
export function utf8(latin1: string): string {
  return NOT_ASCII.test(latin1) ? Buffer.from(latin1, 'latin1').toString() : latin1
}
