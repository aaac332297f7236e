import type { WireClient } from '../order/wire-client.ts'
import { until } from '../support/wait.ts'

let lastInbox = 0

/** One request; resolves to the answer's text, or to '503'. */
async function ask(client: WireClient, subject: string): Promise<string> {
  const inbox = `_INBOX.ask.${++lastInbox}`
  let answer: string | undefined
  const others = client.onMessage
  client.onMessage = (message) => {
    if (message.subject !== inbox) others(message)
    else answer = message.headers.startsWith('NATS/1.0 503') ? '503' : `${message.payload}`
  }
  client.subscribe(inbox, inbox)
  client.publish(subject, 'ask', inbox)
  await client.waitFor(`an answer on ${subject}`, () => answer !== undefined || client.isClosed)
  client.onMessage = others
  client.send(`UNSUB ${inbox}\r\n`)
  return answer ?? 'closed'
}

/** Waits until nobody is interested in a subject any more. */
export async function untilNobody(client: WireClient, subject: string): Promise<void> {
  // A request that still finds the dead gets no answer at all, so each try has its own deadline.
  const tries = async () => {
    const first = await Promise.race([ask(client, subject), pause()])
    return first === '503'
  }
  await until(`503 for ${subject}`, tries, 15_000)
}

function pause(): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, 200, 'no answer'))
}

/** Whether a message from one client reaches another, subscribed afresh. */
export async function reaches(from: WireClient, to: WireClient, subject: string): Promise<boolean> {
  let hasCome = false
  const others = to.onMessage
  to.onMessage = (message) => {
    if (message.sid === subject) hasCome = true
    else others(message)
  }
  to.subscribe(subject, subject)
  await to.flush()
  from.publish(subject, 'reaches')
  await from.flush()
  await to.flush()
  to.onMessage = others
  to.send(`UNSUB ${subject}\r\n`)
  return hasCome
}
