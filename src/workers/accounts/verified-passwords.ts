import type { BcryptAsker, VerifyBcrypt } from '../../auth/password.ts'

/** A password and the hash that it was found to be of. */
export interface VerifiedPassword {
  readonly password: string
  readonly hash: string
}

/**
 * Remembers of each connection with which bcrypt hash it was let in, so that it can be judged anew
 * without computing: a reload may concern thousands, and a hash takes some 70 ms.
 *
 * While many are judged at a time, what is asked twice is computed once.
 */
export class VerifiedPasswords {
  readonly #verify: VerifyBcrypt
  readonly #byConnection = new Map<number, VerifiedPassword>()
  /** By hash and password; undefined unless many are being judged. */
  #shared: Map<string, Promise<boolean>> | undefined

  constructor(verify: VerifyBcrypt) {
    this.#verify = verify
  }

  readonly verify = async (
    password: string,
    hash: string,
    asker?: BcryptAsker,
  ): Promise<boolean> => {
    const connection = asker?.connection ?? 0
    const known = this.#byConnection.get(connection)
    if (known?.hash === hash && known.password === password) return true
    const isRight = await this.#compute(password, hash, asker)
    if (isRight && connection !== 0) this.#byConnection.set(connection, { password, hash })
    return isRight
  }

  #compute(password: string, hash: string, asker: BcryptAsker | undefined): Promise<boolean> {
    const shared = this.#shared
    if (shared === undefined) return this.#verify(password, hash, asker)
    const key = JSON.stringify([hash, password])
    const known = shared.get(key)
    if (known !== undefined) return known
    // The answer is for others, too: it must not be lost with the one who asked first.
    const answer = this.#verify(password, hash, asker && { ...asker, connection: 0 })
    shared.set(key, answer)
    return answer
  }

  /** From here on until `shareNoMore` equal questions have one answer. */
  share(): void {
    this.#shared = new Map()
  }

  shareNoMore(): void {
    this.#shared = undefined
  }

  /** What a predecessor of this thread has verified; undefined: nothing. */
  restore(connection: number, verified: VerifiedPassword | undefined): void {
    if (verified !== undefined) this.#byConnection.set(connection, verified)
  }

  of(connection: number): VerifiedPassword | undefined {
    return this.#byConnection.get(connection)
  }

  /** The connection is gone. */
  forget(connection: number): void {
    this.#byConnection.delete(connection)
  }
}
