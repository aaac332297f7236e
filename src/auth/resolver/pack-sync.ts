import type { Logger } from '../../base/log-line.ts'
import { systemInbox } from './bus-lookup.ts'
import { DIGEST_BYTES } from './jwt-index.ts'
import type { JwtStore } from './jwt-store.ts'
import { messageOf } from './resolver-error.ts'
import type { SystemBus, SystemMessage } from './system-bus.ts'

const PACK_SUBJECT = '$SYS.REQ.CLAIMS.PACK'
const RESPONDER_QUEUE = 'responder'
const NOTHING = new Uint8Array(0)

interface PackSyncOptions {
  readonly store: JwtStore
  readonly bus: SystemBus
  readonly intervalMs: number
  readonly after: (ms: number, run: () => void) => () => void
  readonly log: Logger
}

/**
 * Keeps full resolvers alike: each asks one of the others, now and then, with the hash of what it
 * has, and gets all that the other has unless their hashes are the same.
 *
 *   PACK, 32 bytes ──►
 *                  ◄── <public key>|<jwt>     one message for each
 *                  ◄── an empty message       end
 */
export class PackSync {
  readonly #options: PackSyncOptions
  readonly #inbox = systemInbox()
  readonly #unsubscribes: readonly (() => void)[]
  #cancelTimer: () => void
  /** Ends with the last line that came; never rejects. */
  #merged: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(options: PackSyncOptions) {
    this.#options = options
    const { bus, intervalMs, after } = options
    this.#unsubscribes = [
      bus.subscribe(PACK_SUBJECT, RESPONDER_QUEUE, (message) => void this.#onRequest(message)),
      bus.subscribe(this.#inbox, undefined, (message) => {
        this.#merged = this.#merged.then(() => this.#onPack(message))
      }),
    ]
    this.#cancelTimer = after(intervalMs, () => void this.#ask())
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTimer()
    for (const unsubscribe of this.#unsubscribes) unsubscribe()
  }

  async #ask(): Promise<void> {
    const { store, bus, intervalMs, after, log } = this.#options
    const hash = await store.hash()
    if (this.#isClosed) return
    log.debug(`DirResolver - Checking store state: ${hex(hash)}`)
    bus.publish(PACK_SUBJECT, this.#inbox, hash)
    this.#cancelTimer = after(intervalMs, () => void this.#ask())
  }

  async #onRequest({ reply, payload }: SystemMessage): Promise<void> {
    if (reply === '') return
    const { store, bus, log } = this.#options
    try {
      const hash = await store.hash()
      if (this.#isClosed) return
      if (Buffer.compare(hash, payload) === 0) {
        bus.publish(reply, '', NOTHING)
        log.debug(`DirResolver - Pack request matches hash ${hex(hash)}`)
        return
      }
      await store.pack((line) => {
        if (!this.#isClosed) bus.publish(reply, '', Buffer.from(line, 'latin1'))
      })
      if (this.#isClosed) return
      const theirs = hex(payload.subarray(0, DIGEST_BYTES))
      log.debug(
        `DirResolver - Pack request hash ${theirs} - finished responding with hash ${hex(hash)}`,
      )
      bus.publish(reply, '', NOTHING)
    } catch (error) {
      // The other side asks again after its interval.
      log.error(`DirResolver - Pack request error: ${messageOf(error)}`)
    }
  }

  async #onPack({ payload }: SystemMessage): Promise<void> {
    const { store, log } = this.#options
    if (this.#isClosed) return
    try {
      if (payload.length === 0) {
        log.debug(`DirResolver - Merging finished and resulting in: ${hex(await store.hash())}`)
        return
      }
      const before = await store.hash()
      await store.merge(Buffer.from(payload).toString('latin1'))
      const after = await store.hash()
      log.debug(`DirResolver - Merging succeeded and changed ${hex(before)} to ${hex(after)}`)
    } catch (error) {
      log.error(`DirResolver - Merging resulted in error: ${messageOf(error)}`)
    }
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
