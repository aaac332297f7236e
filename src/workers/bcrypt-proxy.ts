import { post } from './io-thread.ts'

/** A worker's way to the crypto pool, which belongs to the main thread. */
export class BcryptProxy {
  readonly #waiting = new Map<number, (isRight: boolean) => void>()
  #lastId = 0

  verify(password: string, hash: string): Promise<boolean> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      post({ type: 'verifyBcrypt', id, password, hash })
    })
  }

  onVerified(id: number, isRight: boolean): void {
    this.#waiting.get(id)?.(isRight)
    this.#waiting.delete(id)
  }
}
