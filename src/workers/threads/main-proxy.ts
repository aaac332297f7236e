import type { BcryptAsker } from '../../auth/password.ts'
import { post } from '../io-thread/io-thread.ts'
import type { MainQuestionName, MainQuestions } from './main-questions.ts'

/** What a thread asks of the main thread, which has the crypto pool and counts the connections. */
export class MainProxy {
  readonly #waiting = new Map<number, (answer: unknown) => void>()
  #lastId = 0

  verifyBcrypt(password: string, hash: string, asker?: BcryptAsker): Promise<boolean> {
    return this.ask('verifyBcrypt', { password, hash, asker })
  }

  /** Its password need not be verified any more. */
  forgetConnection(cid: number): void {
    post({ type: 'forgetConnection', cid })
  }

  takeConnectionId(): Promise<number> {
    return this.ask('takeConnectionId', undefined)
  }

  onAnswer(id: number, answer: unknown): void {
    this.#waiting.get(id)?.(answer)
    this.#waiting.delete(id)
  }

  ask<Name extends MainQuestionName>(
    name: Name,
    ask: MainQuestions[Name]['ask'],
  ): Promise<MainQuestions[Name]['answer']> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      this.#waiting.set(id, (answer) => resolve(answer as MainQuestions[Name]['answer']))
      post({ type: 'mainQuestion', id, name, ask })
    })
  }
}
