import type { SubscriptionReport } from '../reports.ts'
import { type JsonObject, omitEmpty } from './json-value.ts'

/** nats-server's SubDetail. */
export function subscriptionJson({
  subject,
  queue,
  sid,
  msgs,
  max,
  cid,
  account,
  accountTag,
}: SubscriptionReport): JsonObject {
  return {
    account: omitEmpty(account),
    account_tag: omitEmpty(accountTag || account),
    subject,
    qgroup: omitEmpty(queue),
    sid,
    msgs,
    max: omitEmpty(max),
    cid,
  }
}
