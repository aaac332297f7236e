import { randomBytes, randomInt } from 'node:crypto'

/**
 * NATS unique ids: 22 characters of base 62, 12 random ones and a 10-digit sequence that starts at
 * a random place and grows by a random step. Cheap to make, and not to be guessed from another
 * process. Two ids of one generator share their prefix: not for secrets.
 */
export const NUID_LENGTH = 22
const PREFIX_LENGTH = 12
/** Digits of base 62, in the order of their values. */
export const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const BASE = BASE62.length
/** Half of the sequence: ten digits do not fit a double, twice five do. */
const HALF_DIGITS = 5
const HALF = BASE ** HALF_DIGITS
const STEP_MIN = 33 // nats-io/nuid
const STEP_MAX = 333
/** Bytes from here on would make some digits likelier than others. */
const FAIR_BYTE_LIMIT = 256 - (256 % BASE)

export function randomBase62(length: number): string {
  let text = ''
  while (text.length < length) {
    for (const byte of randomBytes(length - text.length)) {
      if (byte < FAIR_BYTE_LIMIT) text += BASE62[byte % BASE]
    }
  }
  return text
}

function halfText(value: number): string {
  let text = ''
  for (let i = 0, rest = value; i < HALF_DIGITS; i++) {
    text = BASE62[rest % BASE] + text
    rest = Math.floor(rest / BASE)
  }
  return text
}

/** Invariant: 0 ≤ high, low < HALF. */
export class NuidGenerator {
  #prefix = ''
  #high = 0
  #low = 0
  #step = 0

  constructor() {
    this.#restart()
  }

  next(): string {
    this.#low += this.#step
    if (this.#low >= HALF) {
      this.#low -= HALF
      this.#high += 1
      if (this.#high === HALF) this.#restart()
    }
    return this.#prefix + halfText(this.#high) + halfText(this.#low)
  }

  #restart(): void {
    this.#prefix = randomBase62(PREFIX_LENGTH)
    this.#high = randomInt(HALF)
    this.#low = randomInt(HALF)
    this.#step = randomInt(STEP_MIN, STEP_MAX)
  }
}

const shared = new NuidGenerator()

/** An id of this thread's own generator. */
export function nextNuid(): string {
  return shared.next()
}
