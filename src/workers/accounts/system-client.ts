import { randomInt } from 'node:crypto'
import type { SystemBus, SystemMessage } from '../../auth/resolver/system-bus.ts'
import { type InterestAnnouncer, InternalClient, type InternalPublish } from '../internal-client.ts'
import type { IoThread } from '../io-thread.ts'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const INBOX_TOKEN = 8

/** A client of the broker itself in one account, with inboxes. On the routing worker. */
export class SystemClient implements SystemBus {
  readonly #thread: IoThread
  readonly #client: InternalClient
  readonly #inboxPrefix: string
  readonly #waiting = new Map<string, (message: SystemMessage) => void>()
  #hasInbox = false

  /**
   * @param account number of the account
   * @param serverHash eight characters that stand for this server
   */
  constructor(thread: IoThread, account: number, announcer: InterestAnnouncer, serverHash: string) {
    this.#thread = thread
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
    return () => this.#thread.inTurn(() => this.#client.unsubscribe(sid))
  }

  publish(subject: string, reply: string, payload: Uint8Array): void {
    this.send({ subject, reply, payload })
  }

  send(message: InternalPublish): boolean {
    return this.#thread.inTurn(() => this.#client.publish(message))
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
    const reply = this.#inboxPrefix + randomText(INBOX_TOKEN)
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

function randomText(length: number): string {
  return Array.from({ length }, () => BASE62[randomInt(BASE62.length)]).join('')
}
