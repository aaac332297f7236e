import type { BcryptAsker } from '../../auth/password.ts'
import type { MainQuestionName, MainQuestions } from './main-questions.ts'
import type { PostToMain } from './thread-messages.ts'

/** What a thread asks of the main thread, which has the crypto pool and counts the connections. */
export class MainProxy {
  readonly #waiting = new Map<number, (answer: unknown) => void>()
  readonly #post: PostToMain
  #lastId = 0

  constructor(post: PostToMain) {
    this.#post = post
  }

  verifyBcrypt(password: string, hash: string, asker?: BcryptAsker): Promise<boolean> {
    return this.ask('verifyBcrypt', { password, hash, asker })
  }

  /** Its password need not be verified any more. */
  forgetConnection(cid: number): void {
    this.#post({ type: 'forgetConnection', cid })
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
      this.#post({ type: 'mainQuestion', id, name, ask })
    })
  }
}
