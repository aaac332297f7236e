import { durationNs, formatDuration } from '../../base/duration.ts'
import type { Logger } from '../../base/log-line.ts'
import { decodePublicNkey } from '../../protocol/nkey-encoding.ts'
import { messageOf } from './resolver-error.ts'

/** From here on the log warns of the time that a fetch took; nats-server accounts.go. */
const SLOW_FETCH_MS = 1000

/** One search for each account at a time, however many logins wait for it. */
export class SharedFetch {
  readonly #log: Logger
  readonly #nowMs: () => number
  readonly #find: (publicKey: string) => Promise<string>
  readonly #underWay = new Map<string, Promise<string | undefined>>()

  /** @param find rejects with the reason when there is no JWT */
  constructor(log: Logger, nowMs: () => number, find: (publicKey: string) => Promise<string>) {
    this.#log = log
    this.#nowMs = nowMs
    this.#find = find
  }

  /**
   * Never rejects. Undefined: the log has the reason.
   *
   * @param isQuiet the log has nothing of it; whoever joins a search has it as it was begun
   */
  fetch(publicKey: string, isQuiet = false): Promise<string | undefined> {
    if (decodePublicNkey(publicKey)?.kind !== 'account') {
      this.#log.warn('Account fetch failed: will only fetch valid account keys')
      return Promise.resolve(undefined)
    }
    const underWay = this.#underWay.get(publicKey)
    if (underWay !== undefined) return underWay
    const started = this.#fetchAlone(publicKey, isQuiet)
    this.#underWay.set(publicKey, started)
    return started
  }

  async #fetchAlone(publicKey: string, isQuiet: boolean): Promise<string | undefined> {
    const startMs = this.#nowMs()
    let jwt: string | undefined
    let why: string | undefined
    try {
      jwt = await this.#find(publicKey)
    } catch (error) {
      why = messageOf(error)
    }
    this.#underWay.delete(publicKey)
    if (isQuiet) return jwt
    const tookMs = this.#nowMs() - startMs
    const text = `Account [${publicKey}] fetch took ${formatDuration(durationNs(tookMs))}`
    if (tookMs > SLOW_FETCH_MS) this.#log.warn(text)
    else this.#log.debug(text)
    if (why !== undefined) this.#log.warn(`Account fetch failed: ${why}`)
    return jwt
  }
}
