import type { TlsFacts } from '../../auth/login.ts'
import type { ConnectOptions } from '../../protocol/connect.ts'
import { GLOBAL_ACCOUNT } from '../../protocol/global-account.ts'
import type { Grant } from '../threads/peer-messages.ts'
import type { SessionFacts } from './reported-session.ts'
import { presentedUser } from './session-report.ts'

/** What a client has said of itself, and what it was let in as. */
interface ReportedClient {
  readonly front: { readonly kind: 'client' | 'websocket' }
  readonly options: ConnectOptions
  /** Undefined before it is let in, and where everybody is. */
  readonly granted: { readonly grant: Grant } | undefined
  /** Account that it was not let into; '' = none. */
  readonly turnedAwayFrom: string
  readonly tls: TlsFacts | undefined
  readonly isTlsFirst: boolean
}

export function clientFacts(client: ReportedClient): SessionFacts {
  const { front, options, tls, isTlsFirst } = client
  const { name, lang, version } = options
  const grant = client.granted?.grant
  const identity = grant?.identity
  const account = grant?.accountName ?? (client.turnedAwayFrom || GLOBAL_ACCOUNT)
  const isNkeyUser = identity !== undefined && identity.nkey !== ''
  return {
    kind: 'Client',
    type: front.kind === 'websocket' ? 'websocket' : 'nats',
    name,
    lang,
    version,
    user: identity?.user ?? presentedUser(options),
    account,
    accountTag: grant?.accountTag || account,
    jwt: identity?.jwt ?? options.jwt,
    // nats-server: who vouches for the key of a configured user is its account.
    issuerKey: identity?.issuerKey || (isNkeyUser ? account : ''),
    nameTag: identity?.nameTag ?? '',
    tags: identity?.tags ?? [],
    proxyKey: identity?.proxyKey ?? '',
    tls,
    isTlsFirst,
  }
}
