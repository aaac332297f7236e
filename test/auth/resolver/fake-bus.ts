import type { SystemBus, SystemMessage } from '../../../src/auth/resolver/system-bus.ts'

interface Subscription {
  readonly owner: object
  readonly pattern: readonly string[]
  readonly queue: string | undefined
  readonly handler: (message: SystemMessage) => void
}

export function matches(pattern: readonly string[], subject: string): boolean {
  const tokens = subject.split('.')
  if (pattern.at(-1) !== '>' && pattern.length !== tokens.length) return false
  return pattern.every((token, at) => token === '>' || token === '*' || token === tokens[at])
}

/** The system account of some servers: what one publishes reaches the others, at once. */
export class FakeSystem {
  readonly #subscriptions = new Set<Subscription>()
  #inboxes = 0
  #turn = 0

  /** A server's end of it. */
  bus(otherServers = 0): SystemBus {
    const owner = {}
    return {
      subscribe: (subject, queue, handler) => {
        const subscription = { owner, pattern: subject.split('.'), queue, handler }
        this.#subscriptions.add(subscription)
        return () => this.#subscriptions.delete(subscription)
      },
      publish: (subject, reply, payload) => this.#publish(owner, subject, reply, payload),
      otherServers: () => otherServers,
    }
  }

  get subjects(): string[] {
    return [...this.#subscriptions].map(({ pattern }) => pattern.join('.')).sort()
  }

  publish(subject: string, payload: string | Uint8Array = '', reply = ''): void {
    this.#publish(this, subject, reply, Buffer.from(payload))
  }

  /** Collects answers until `count` of them are there. */
  async ask(subject: string, payload: string | Uint8Array = '', count = 1): Promise<string[]> {
    const reply = `_INBOX.${this.#inboxes++}`
    const answers: string[] = []
    let inbox: Subscription | undefined
    await new Promise<void>((resolve) => {
      const handler = (message: SystemMessage): void => {
        answers.push(Buffer.from(message.payload).toString())
        if (answers.length === count) resolve()
      }
      const pattern = reply.split('.')
      inbox = { owner: {}, pattern, queue: undefined, handler }
      this.#subscriptions.add(inbox)
      this.publish(subject, payload, reply)
    })
    this.#subscriptions.delete(inbox!)
    return answers
  }

  #publish(owner: object, subject: string, reply: string, payload: Uint8Array): void {
    const groups = new Map<string, Subscription[]>()
    const receivers: Subscription[] = []
    for (const subscription of this.#subscriptions) {
      const { pattern, queue } = subscription
      if (subscription.owner === owner || !matches(pattern, subject)) continue
      if (queue === undefined) receivers.push(subscription)
      else groups.set(queue, [...(groups.get(queue) ?? []), subscription])
    }
    for (const members of groups.values()) receivers.push(members[this.#turn++ % members.length]!)
    for (const { handler } of receivers) {
      handler({ subject, reply, headers: new Uint8Array(0), payload: Uint8Array.from(payload) })
    }
  }
}
