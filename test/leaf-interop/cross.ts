import { CLASSIC, type TestConnection } from '../support/client-libraries.ts'
import { Collector, respondWith } from '../support/collector.ts'
import { DEADLINE_MS, until, within } from '../support/wait.ts'

/** One try; when the interest is not there the answer "no responders" comes much sooner. */
const TRY_MS = 1000

/**
 * Makes sure that all SUB and UNSUB of `from` so far are known to the server of `to`.
 *
 * A link keeps the order of interest changes, so it is enough to wait until a subscription made
 * after them can be seen from the other end. The same proves that the way between the two servers
 * is up in both directions.
 */
export async function crossInterest(
  from: TestConnection,
  to: TestConnection,
  deadlineMs: number = DEADLINE_MS,
): Promise<void> {
  const subject = `interest.${crypto.randomUUID()}`
  const responder = respondWith(from, subject, String)
  await until(
    `interest to cross from ${from.getServer()} to ${to.getServer()}`,
    async () => {
      // A client that is still reconnecting refuses the flush, or keeps it for later.
      await within('a flush', from.flush(), TRY_MS)
      await to.request(subject, '', { timeout: TRY_MS })
      return true
    },
    deadlineMs,
  )
  responder.unsubscribe()
}

/** Makes sure that what `from` published so far has reached `to`, over however many links. */
export async function crossMessages(from: TestConnection, to: TestConnection): Promise<void> {
  const marker = new Collector(to, `messages.${crypto.randomUUID()}`)
  await crossInterest(to, from)
  from.publish(marker.subscription.getSubject())
  await marker.waitFor(1)
  marker.subscription.unsubscribe()
}

/** Waits until a request from `asker` is told that nobody is there. */
export async function waitForNoResponders(asker: TestConnection, subject: string): Promise<void> {
  await until(`no responders on "${subject}" at ${asker.getServer()}`, async () => {
    try {
      await asker.request(subject, 'anybody?', { timeout: 200 })
      return false
    } catch (error) {
      return CLASSIC.kindOf(error) === 'no responders'
    }
  })
}
