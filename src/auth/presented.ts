import { type PresentedUser, presentedUserText } from '../monitor/log/connection-prefix.ts'

/** What stands for a token wherever it would show. */
const HIDDEN_TOKEN = '[REDACTED]'

/** The user as events and the monitor show it; '' = nothing was presented. */
export function shownUser({ nkey, user, jwt, publicKey, token }: PresentedUser): string {
  if (nkey) return nkey
  if (user) return user
  if (jwt) return publicKey ?? ''
  return token ? HIDDEN_TOKEN : ''
}

/** What nats-server logs, at level error, of a connection that it does not let in. */
export function refusalText(presented: PresentedUser): string {
  const user = shownUser(presented)
  return user === ''
    ? 'authentication error'
    : `authentication error - ${presentedUserText(presented)}`
}
