import type { SystemBus, SystemMessage } from '../../auth/resolver/system-bus.ts'
import { randomBase62 } from '../../protocol/nuid.ts'
import type { IoThread } from '../io-thread/io-thread.ts'
import {
  type InterestAnnouncer,
  InternalClient,
  type InternalPublish,
} from '../messages/internal-client.ts'
import type { SystemTrace } from './system-trace.ts'

const INBOX_TOKEN = 8

/** A client of the broker itself in one account, with inboxes. On the routing worker. */
export class SystemClient implements SystemBus {
  readonly #thread: IoThread
  readonly #client: InternalClient
  readonly #inboxPrefix: string
  readonly #trace: SystemTrace | undefined
  readonly #waiting = new Map<string, (message: SystemMessage) => void>()
  #hasInbox = false

  /**
   * @param account number of the account
   * @param serverHash eight characters that stand for this server
   * @param trace undefined: what it does is not traced
   */
  constructor(
    thread: IoThread,
    account: number,
    announcer: InterestAnnouncer,
    serverHash: string,
    trace: SystemTrace | undefined,
  ) {
    this.#thread = thread
    this.#trace = trace
    this.#client = new InternalClient(thread, account, announcer)
    this.#inboxPrefix = `$SYS._INBOX.${serverHash}.`
  }

  subscribe(
    subject: string,
    queue: string | undefined,
    handler: (message: SystemMessage) => void,
  ): () => void {
    const sid = this.#thread.inTurn(() => this.#client.subscribe(subject, queue ?? '', handler))
    if (sid === undefined) throw new RangeError('shared_memory is exhausted')
    this.#trace?.subscribed(subject, queue ?? '', sid)
    return () => {
      this.#thread.inTurn(() => this.#client.unsubscribe(sid))
      this.#trace?.unsubscribed(sid)
    }
  }

  publish(subject: string, reply: string, payload: Uint8Array): void {
    this.send({ subject, reply, payload })
  }

  send(message: InternalPublish): boolean {
    this.#trace?.published(message)
    return this.#thread.inTurn(() => this.#client.publish(message))
  }

  /** Whether anybody in the account listens to a literal subject, latin1. */
  isListened(subject: string): boolean {
    return this.#client.isListened(subject)
  }

  otherServers(): number {
    return 0
  }

  /**
   * Publishes and waits for the first answer.
   *
   * @returns undefined: none came in time
   */
  request(message: InternalPublish, timeoutMs: number): Promise<SystemMessage | undefined> {
    if (!this.#hasInbox) {
      this.#hasInbox = true
      this.subscribe(`${this.#inboxPrefix}*`, undefined, (answer) => {
        this.#waiting.get(answer.subject)?.(answer)
      })
    }
    const reply = this.#inboxPrefix + randomBase62(INBOX_TOKEN)
    return new Promise((resolve) => {
      const done = (answer: SystemMessage | undefined) => {
        this.#waiting.delete(reply)
        deadline.cancel()
        resolve(answer)
      }
      const deadline = this.#thread.deadlines.after(timeoutMs, () => done(undefined))
      this.#waiting.set(reply, done)
      this.send({ ...message, reply })
    })
  }
}
