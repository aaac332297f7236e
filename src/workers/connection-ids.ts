import { post } from './io-thread.ts'

/** Connection ids are the main thread's to give; a thread that dials asks for one. */
export class ConnectionIds {
  readonly #waiting = new Map<number, (cid: number) => void>()
  #lastId = 0

  take(): Promise<number> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      post({ type: 'takeConnectionId', id })
    })
  }

  onTaken(id: number, cid: number): void {
    this.#waiting.get(id)?.(cid)
    this.#waiting.delete(id)
  }
}
