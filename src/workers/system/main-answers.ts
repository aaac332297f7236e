import type { Logger } from '../../base/log-line.ts'
import { statszOf } from '../../monitor/events/statsz.ts'
import { monitorAnswer } from '../../monitor/monitor-answer.ts'
import type { MonitorContext } from '../../monitor/monitor-context.ts'
import { goJson } from '../../protocol/go-json.ts'
import type { ReloadReport } from '../reload/reload-types.ts'
import type { MainAnswers } from '../threads/main-questions.ts'
import type { SystemQuestions } from './system-questions.ts'

export interface SystemAnswersOptions {
  readonly context: MonitorContext
  /** @throws Error that says why it failed */
  readonly reload: () => Promise<ReloadReport>
  readonly log: Logger
}

type Answered = Pick<MainAnswers, Exclude<keyof SystemQuestions, 'endConnection'>>

/** The main thread's answers to the routing worker, where requests to the system account arrive. */
export function systemAnswers({ context, reload, log }: SystemAnswersOptions): Answered {
  /** A thread may die while it is asked. */
  const unless = async <T>(otherwise: T, answer: () => Promise<T>): Promise<T> => {
    try {
      return await answer()
    } catch (error) {
      log.error(`A request of the system account failed: ${String(error)}`)
      return otherwise
    }
  }
  const { source } = context
  const failure = { ok: false, code: 500, text: 'internal error' } as const
  return {
    monitor: (request) => unless(failure, () => monitorAnswer(request, context)),
    statsz: () => unless(undefined, async () => goJson(await statszOf(source))),
    accountStats: ({ accounts }) =>
      unless([], async () => {
        const wanted = new Set(accounts)
        return (await source.accountStats()).filter(({ account }) => wanted.has(account))
      }),
    reload: async () => {
      try {
        return await reload()
      } catch (error) {
        return { error: error instanceof Error ? error.message : String(error) }
      }
    },
  }
}
