import type { BcryptAsker } from '../../auth/password.ts'
import type { SystemQuestions } from '../system/system-questions.ts'

/** What threads ask of the main thread, by name: what is asked, and what is answered. */
export interface MainQuestions extends SystemQuestions {
  verifyBcrypt: {
    ask: {
      readonly password: string
      readonly hash: string
      readonly asker: BcryptAsker | undefined
    }
    answer: boolean
  }
  /** Connection ids are the main thread's to give; a thread that dials asks for one. */
  takeConnectionId: { ask: undefined; answer: number }
}

export type MainQuestionName = keyof MainQuestions

/** As it travels. */
export interface MainQuestion {
  readonly type: 'mainQuestion'
  readonly id: number
  readonly name: MainQuestionName
  readonly ask: unknown
}

/** The main thread's answers. */
export type MainAnswers = {
  readonly [Name in MainQuestionName]: (
    ask: MainQuestions[Name]['ask'],
  ) => MainQuestions[Name]['answer'] | Promise<MainQuestions[Name]['answer']>
}
