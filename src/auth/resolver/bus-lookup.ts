import { randomBase62 } from '../../protocol/nuid.ts'
import { ResolverError } from './resolver-error.ts'
import type { SystemBus, SystemMessage } from './system-bus.ts'

const NOTHING = new Uint8Array(0)
const INBOX_CHARS = 8 // nats-server events.go, replySubject

interface Pending {
  /** Servers that have not said "not here". */
  awaited: number
  readonly end: (outcome: string | ResolverError) => void
}

/** An inbox of the server itself, on the system account. */
export function systemInbox(): string {
  return `$SYS._INBOX.${randomBase62(INBOX_CHARS)}.${randomBase62(INBOX_CHARS)}`
}

/** Asks the other servers for account JWTs: `$SYS.REQ.ACCOUNT.<key>.CLAIMS.LOOKUP`. */
export class BusLookup {
  readonly #bus: SystemBus
  readonly #timeoutMs: number
  readonly #after: (ms: number, run: () => void) => () => void
  readonly #inbox = systemInbox()
  readonly #unsubscribe: () => void
  /** By the last token of the reply subject. */
  readonly #pending = new Map<string, Pending>()

  constructor(
    bus: SystemBus,
    timeoutMs: number,
    after: (ms: number, run: () => void) => () => void,
  ) {
    this.#bus = bus
    this.#timeoutMs = timeoutMs
    this.#after = after
    this.#unsubscribe = bus.subscribe(`${this.#inbox}.*`, undefined, this.#onReply)
  }

  /**
   * The first JWT that comes, unchecked.
   *
   * @throws ResolverError when every known server has said that it has none, or after the time-out
   */
  lookup(publicKey: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const id = randomBase62(INBOX_CHARS)
      const timedOut = (): void => end(new ResolverError('fetching jwt timed out'))
      const cancel = this.#after(this.#timeoutMs, timedOut)
      const end = (outcome: string | ResolverError): void => {
        if (!this.#pending.delete(id)) return
        cancel()
        if (typeof outcome === 'string') resolve(outcome)
        else reject(outcome)
      }
      this.#pending.set(id, { awaited: this.#bus.otherServers(), end })
      const subject = `$SYS.REQ.ACCOUNT.${publicKey}.CLAIMS.LOOKUP`
      this.#bus.publish(subject, `${this.#inbox}.${id}`, NOTHING)
    })
  }

  close(): void {
    this.#unsubscribe()
    for (const { end } of this.#pending.values()) {
      end(new ResolverError('fetching jwt failed due to shutdown'))
    }
  }

  readonly #onReply = ({ subject, payload }: SystemMessage): void => {
    const pending = this.#pending.get(subject.slice(this.#inbox.length + 1))
    if (pending === undefined) return
    pending.awaited--
    if (payload.length > 0) pending.end(Buffer.from(payload).toString('latin1'))
    else if (pending.awaited <= 0) pending.end(new ResolverError('account jwt not found'))
  }
}
