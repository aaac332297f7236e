import type { Logger } from '../../base/log-line.ts'
import { decodeAccountClaims } from '../jwt/decode.ts'
import type { ResolverServices } from './account-resolver.ts'
import { ClaimsReplies } from './claims-replies.ts'
import type { SystemBus, SystemMessage } from './system-bus.ts'
import { systemSubjects } from './system-subjects.ts'

const FAILED = 'jwt update resulted in error'

/**
 * The only service of servers without a directory of JWTs: accounts in use take an update at once,
 * others find it where they come from.
 *
 * @returns what ends it
 */
export function serveUpdates(bus: SystemBus, services: ResolverServices, log: Logger): () => void {
  const replies = new ClaimsReplies({ bus, log, serverInfo: services.serverInfo })

  function onUpdate({ subject, reply, payload }: SystemMessage): void {
    const account = systemSubjects.updatedAccount(subject)
    if (payload.length === 0) {
      replies.fail(reply, account, 'jwt update error', 'request body is empty')
      return
    }
    const jwt = Buffer.from(payload).toString('latin1')
    const decoded = decodeAccountClaims(jwt)
    if (!decoded.ok) {
      replies.fail(reply, account, FAILED, decoded.why)
    } else if (decoded.claims.subject !== account) {
      replies.fail(reply, account, FAILED, 'subject does not match jwt content')
    } else if (!services.isLoaded(account)) {
      replies.succeed(reply, account, 'jwt update skipped')
    } else {
      const verified = services.verify(jwt)
      if (!verified.ok) {
        replies.fail(reply, account, FAILED, verified.why)
        return
      }
      services.onUpdated(account, jwt, verified.claims)
      replies.succeed(reply, account, 'jwt updated')
    }
  }

  const unsubscribes = systemSubjects.accountUpdates.map((subject) =>
    bus.subscribe(subject, undefined, onUpdate),
  )
  return () => {
    for (const unsubscribe of unsubscribes) unsubscribe()
  }
}
