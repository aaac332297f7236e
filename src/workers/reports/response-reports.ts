import type { ImportReport } from '../../monitor/account-report.ts'
import type { ServiceRequests } from '../../router/accounts/service-requests.ts'

/** More of one thread are not told of: nobody reads them, and there may be a million. */
const RESPONSES_MAX = 1024

/** The answers an account's services still owe to requesters of one thread, by their subject. */
export function outstandingResponses<C>(
  requests: ServiceRequests<C> | undefined,
): readonly (readonly [string, ImportReport])[] {
  if (requests === undefined) return []
  const responses: [string, ImportReport][] = []
  for (const request of requests.outstanding) {
    if (responses.length >= RESPONSES_MAX) break
    const { terms, replyTo } = request
    const subject = requests.replyOf(request)
    const report: ImportReport = {
      type: 'service',
      subject: replyTo,
      account: terms.importer,
      localSubject: subject,
      isInvalid: false,
      isShared: false,
      isTracked: terms.isTracked,
      latency: undefined,
    }
    responses.push([subject, report])
  }
  return responses
}
