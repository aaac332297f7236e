import type { IoThread } from '../io-thread/io-thread.ts'
import { partsOf } from '../messages/message-place.ts'
import type { PlaceCopy } from './place-copies.ts'

interface Waiting {
  resume(): void
}

/** One message for one leaf link. */
interface LinkMessage {
  readonly copy: PlaceCopy
  /** Record of the connection it came from. */
  readonly source: number
  readonly names: PlaceNames
  readonly link: number
  readonly generation: number
}

/** Names of queue groups, somewhere in the kernel's memory. */
interface PlaceNames {
  readonly at: number
  readonly bytes: number
}

/**
 * Sends leaf links messages with headers of their own, in order. What finds no room in the lane to
 * the routing worker waits, and its publisher with it.
 */
export class LinkSender {
  readonly #thread: IoThread
  #backlog: LinkMessage[] = []
  #waiting: Waiting[] = []

  constructor(thread: IoThread) {
    this.#thread = thread
  }

  get isIdle(): boolean {
    return this.#backlog.length === 0
  }

  /** Goes on when everything has been sent. */
  await(waiting: Waiting): void {
    this.#waiting.push(waiting)
  }

  /** @param names blank separated, latin1. Takes the copy over. */
  send(copy: PlaceCopy, source: number, names: string, link: number, generation: number): void {
    const { exports, bytes } = this.#thread.kernel
    const at = names === '' ? 0 : exports.allocate(names.length)
    if (at !== 0) bytes.write(names, at, 'latin1')
    const placed = { at, bytes: at === 0 ? 0 : names.length }
    const message = { copy, source, names: placed, link, generation }
    if (this.isIdle && this.#sendNow(message)) return
    if (this.isIdle) this.#thread.retryLater(this)
    this.#backlog.push(message)
  }

  #sendNow({ copy, source, names, link, generation }: LinkMessage): boolean {
    const { exports } = this.#thread.kernel
    const { place, block, blockBytes } = copy
    const isSent = exports.linkParts(
      source,
      ...partsOf(place),
      names.at,
      names.bytes,
      link,
      generation,
    )
    if (isSent === 0) return false
    exports.release(block, blockBytes)
    if (names.at !== 0) exports.release(names.at, names.bytes)
    return true
  }

  /** There may be room again. */
  resume(): void {
    let sent = 0
    for (const message of this.#backlog) {
      if (!this.#sendNow(message)) break
      sent++
    }
    this.#backlog = this.#backlog.slice(sent)
    if (!this.isIdle) {
      this.#thread.retryLater(this)
      return
    }
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) one.resume()
  }
}
