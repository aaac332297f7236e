import { timerMs } from '../../base/clock.ts'
import type { LeafReport } from '../../monitor/leaf-report.ts'
import type { ThreadMeasurements, ThreadSubject } from '../../monitor/metrics/measurements.ts'
import type { TapSpec } from '../../monitor/trace/tap-sample.ts'
import type { ReloadQuestions } from '../reload/reload-types.ts'
import type { ReportQuestions } from '../reports/report-questions.ts'
import type { SystemThreadQuestions } from '../system/system-questions.ts'
import type { ThreadLine } from './thread-line.ts'
import type { FromThread } from './thread-messages.ts'

/** What the main thread asks of its threads, by name: what is asked, and what is answered. */
export interface ThreadQuestions extends ReloadQuestions, ReportQuestions, SystemThreadQuestions {
  /** Tell clients and leafs that this server is about to end. Answer: how many there are. */
  lameDuck: { ask: undefined; answer: number }
  /** Close the clients one by one, spread over this time. */
  drain: { ask: { readonly durationMs: number }; answer: undefined }
  /** All leaf links and remotes; routing worker only. */
  leafReport: { ask: { readonly withSubscriptions: boolean }; answer: LeafReport }
  /** Read all files of TLS again. Answer: what is wrong with one; '' = the new ones are in use. */
  reloadTls: { ask: undefined; answer: string }
  /** What the thread measures of itself; asking keeps the costly part of it going for a minute. */
  measurements: { ask: undefined; answer: ThreadMeasurements }
  /** Subjects with the most messages since it was last asked; one asker. */
  topSubjects: { ask: { readonly limit: number }; answer: readonly ThreadSubject[] }
  /** These taps are open, and no others. */
  setTaps: { ask: readonly TapSpec[]; answer: undefined }
  /** Close everything; the answer is the last word. */
  end: { ask: undefined; answer: undefined }
}

export type QuestionName = keyof ThreadQuestions
export type Ask<Name extends QuestionName> = ThreadQuestions[Name]['ask']
export type AnswerTo<Name extends QuestionName> = ThreadQuestions[Name]['answer']

/** As it travels. */
export interface Question {
  readonly type: 'question'
  readonly id: number
  readonly name: QuestionName
  readonly ask: unknown
}

/** A role's answers; what it does not answer concerns the other role only. */
export type Answers = {
  readonly [Name in QuestionName]?: (ask: Ask<Name>) => AnswerTo<Name> | Promise<AnswerTo<Name>>
}

/** A thread's side: answers one question. An error of the answer is the asker's. */
export async function answerQuestion(
  answers: Answers,
  { id, name, ask }: Question,
  post: (message: FromThread) => void,
): Promise<void> {
  const answer = answers[name] as ((ask: unknown) => unknown) | undefined
  try {
    post({ type: 'reply', id, answer: await answer?.(ask), fault: '' })
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error)
    post({ type: 'reply', id, answer: undefined, fault })
  }
}

/** A reply as it travels; `fault` is '' unless the thread failed to answer. */
export interface Reply {
  readonly type: 'reply'
  readonly id: number
  readonly answer: unknown
  readonly fault: string
}

/** The main thread's side of one thread. */
export class ThreadAsker {
  readonly #line: ThreadLine
  readonly #waiting = new Map<number, (reply: Reply | undefined) => void>()
  #lastId = 0

  constructor(line: ThreadLine) {
    this.#line = line
    line.onExit(() => {
      for (const done of [...this.#waiting.values()]) done(undefined)
    })
  }

  /**
   * @returns undefined when the thread ends before, or does not answer in time
   * @throws Error when the thread fails to answer
   */
  async ask<Name extends QuestionName>(
    name: Name,
    ask: Ask<Name>,
    timeoutMs: number,
  ): Promise<AnswerTo<Name> | undefined> {
    const id = ++this.#lastId
    const reply = await new Promise<Reply | undefined>((resolve) => {
      const timer = setTimeout(() => done(undefined), timerMs(timeoutMs))
      const done = (got: Reply | undefined) => {
        clearTimeout(timer)
        this.#waiting.delete(id)
        resolve(got)
      }
      this.#waiting.set(id, done)
      this.#line.postMessage({ type: 'question', id, name, ask })
    })
    if (reply?.fault) throw new Error(reply.fault)
    return reply?.answer as AnswerTo<Name> | undefined
  }

  onReply(reply: Reply): void {
    this.#waiting.get(reply.id)?.(reply)
  }
}
