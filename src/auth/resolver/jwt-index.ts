import type { JwtFacts } from './jwt-facts.ts'

/** Bytes of a digest; all of them XORed are what two servers compare. */
export const DIGEST_BYTES = 32

interface Entry extends JwtFacts {
  /** Unix time in ms from which the file is to go; Infinity: never. */
  dropAtMs: number
}

/**
 * Which JWTs a store holds: about 250 bytes for each, and nothing of its text.
 *
 * Invariant: `digest` is the XOR of the digests of all entries. Entries are in the order of their
 * last use when `keepsUseOrder`, else in the order they came.
 */
export class JwtIndex {
  readonly #entries = new Map<string, Entry>()
  readonly #digest = new Uint8Array(DIGEST_BYTES)
  readonly #ttlMs: number
  readonly #keepsUseOrder: boolean
  readonly #nowMs: () => number

  /** @param ttlMs 0: entries go when their JWT expires; else this long after their last use */
  constructor(ttlMs: number, keepsUseOrder: boolean, nowMs: () => number) {
    this.#ttlMs = ttlMs
    this.#keepsUseOrder = keepsUseOrder
    this.#nowMs = nowMs
  }

  get count(): number {
    return this.#entries.size
  }

  get(publicKey: string): JwtFacts | undefined {
    return this.#entries.get(publicKey)
  }

  has(publicKey: string): boolean {
    return this.#entries.has(publicKey)
  }

  keys(): Iterable<string> {
    return this.#entries.keys()
  }

  /** The entry that was not used for longest. */
  get oldest(): string | undefined {
    return this.#entries.keys().next().value
  }

  /** A copy. */
  get digest(): Uint8Array {
    return this.#digest.slice()
  }

  isExpired(publicKey: string): boolean {
    const expires = this.#entries.get(publicKey)?.expires ?? 0
    return expires > 0 && expires * 1000 < this.#nowMs()
  }

  /** Keys whose files are to go by now. */
  due(): string[] {
    const nowMs = this.#nowMs()
    const keys: string[] = []
    for (const [key, entry] of this.#entries) {
      if (entry.dropAtMs <= nowMs) keys.push(key)
    }
    return keys
  }

  put(publicKey: string, facts: JwtFacts): void {
    const old = this.#entries.get(publicKey)
    if (old !== undefined) this.#toggle(old.digest)
    if (this.#keepsUseOrder) this.#entries.delete(publicKey)
    this.#entries.set(publicKey, { ...facts, dropAtMs: this.#dropAtMs(facts.expires) })
    this.#toggle(facts.digest)
  }

  remove(publicKey: string): void {
    const old = this.#entries.get(publicKey)
    if (old === undefined) return
    this.#toggle(old.digest)
    this.#entries.delete(publicKey)
  }

  /** The JWT was asked for or stored once more. */
  touch(publicKey: string): void {
    const entry = this.#entries.get(publicKey)
    if (entry === undefined) return
    if (this.#ttlMs > 0) entry.dropAtMs = this.#dropAtMs(0)
    if (!this.#keepsUseOrder) return
    this.#entries.delete(publicKey)
    this.#entries.set(publicKey, entry)
  }

  #dropAtMs(expires: number): number {
    if (this.#ttlMs > 0) return this.#nowMs() + this.#ttlMs
    return expires > 0 ? expires * 1000 : Number.POSITIVE_INFINITY
  }

  #toggle(digest: string): void {
    for (let at = 0; at < DIGEST_BYTES; at++) this.#digest[at]! ^= digest.charCodeAt(at)
  }
}
