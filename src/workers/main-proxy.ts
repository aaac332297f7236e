import type { BcryptAsker } from '../auth/password.ts'
import { post } from './io-thread.ts'
import type { Answer } from './thread-messages.ts'

/** What a thread asks of the main thread, which has the crypto pool and counts the connections. */
export class MainProxy {
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #lastId = 0

  async verifyBcrypt(password: string, hash: string, asker?: BcryptAsker): Promise<boolean> {
    const answer = await this.#ask((id) =>
      post({ type: 'verifyBcrypt', id, password, hash, asker }),
    )
    return answer === true
  }

  /** Its password need not be verified any more. */
  forgetConnection(cid: number): void {
    post({ type: 'forgetConnection', cid })
  }

  /** Connection ids are the main thread's to give; a thread that dials asks for one. */
  async takeConnectionId(): Promise<number> {
    return Number(await this.#ask((id) => post({ type: 'takeConnectionId', id })))
  }

  onAnswer(id: number, answer: Answer): void {
    this.#waiting.get(id)?.(answer)
    this.#waiting.delete(id)
  }

  #ask(question: (id: number) => void): Promise<Answer> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      question(id)
    })
  }
}
