import type { TestConnection, TestMessage, TestSubscription } from './client-libraries.ts'
import { DEADLINE_MS, within } from './wait.ts'

const decoder = new TextDecoder()

export function textOf(message: TestMessage): string {
  return decoder.decode(message.data)
}

/** A subscription that keeps its messages, so that a test can wait for a number of them. */
export class Collector {
  readonly messages: TestMessage[] = []
  readonly subscription: TestSubscription
  readonly #waiters = new Set<() => void>()

  constructor(
    connection: TestConnection,
    subject: string,
    options: { queue?: string; max?: number } = {},
  ) {
    this.subscription = connection.subscribe(subject, {
      ...options,
      callback: (error, message) => {
        if (error === null) this.messages.push(message)
        for (const waiter of [...this.#waiters]) waiter()
      },
    })
  }

  get texts(): string[] {
    return this.messages.map(textOf)
  }

  /**
   * Resolves as soon as there are `messageCount` messages; names what came when they do not come.
   */
  async waitFor(messageCount: number, deadlineMs: number = DEADLINE_MS): Promise<TestMessage[]> {
    let waiter: (() => void) | undefined
    const enough = new Promise<void>((resolve) => {
      waiter = () => {
        if (this.messages.length >= messageCount) resolve()
      }
      this.#waiters.add(waiter)
      waiter()
    })
    const what = (): string => {
      const wanted = `${messageCount} messages on "${this.subscription.getSubject()}"`
      return `${wanted}, ${this.messages.length} came: ${this.texts.slice(-5).join(' | ')}`
    }
    try {
      await within(what, enough, deadlineMs)
    } finally {
      if (waiter !== undefined) this.#waiters.delete(waiter)
    }
    return this.messages
  }
}

/**
 * Makes sure that what is under way from one connection to another has arrived: sends a marker
 * after it and waits for the marker, because the server keeps the order between two connections.
 */
export async function settle(
  from: TestConnection,
  ...to: readonly TestConnection[]
): Promise<void> {
  const subject = `settle.${crypto.randomUUID()}`
  const markers = to.map((connection) => new Collector(connection, subject))
  await Promise.all(to.map((connection) => connection.flush()))
  from.publish(subject)
  await Promise.all(markers.map((marker) => marker.waitFor(1)))
  for (const marker of markers) marker.subscription.unsubscribe()
}

/** Answers each request on `subject` with what `answer` makes of its text. */
export function respondWith(
  connection: TestConnection,
  subject: string,
  answer: (text: string) => string,
  queue?: string,
): TestSubscription {
  return connection.subscribe(subject, {
    ...(queue === undefined ? {} : { queue }),
    callback: (_, message) => {
      message.respond(answer(textOf(message)))
    },
  })
}
