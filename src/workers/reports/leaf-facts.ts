import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { LoginRequest, TlsFacts } from '../../auth/login.ts'
import type { LeafSession } from '../../router/leaf/leaf-session.ts'
import type { Grant } from '../threads/peer-messages.ts'
import type { SessionFacts } from './reported-session.ts'
import { presentedUser } from './session-report.ts'

interface ReportedLink {
  readonly accountName: string
  readonly tls: TlsFacts | undefined
  readonly isTlsFirst: boolean
  /** Undefined before it has presented anything. */
  readonly presented: LoginRequest['connect'] | undefined
}

/**
 * What the peer of a leaf link has said of itself, and what it was let in as; of one that this
 * server dialled nothing, as in nats-server, which lets nobody in there.
 *
 * @param session undefined before it is known how the peer wants to be spoken to
 * @param grant undefined before it is let in
 */
export function leafFacts(
  { accountName, tls, isTlsFirst, presented }: ReportedLink,
  session: LeafSession | undefined,
  grant: Grant | undefined,
): SessionFacts {
  const isSolicited = session?.isSolicited === true
  const peer = isSolicited ? undefined : session?.peerFacts
  const identity = isSolicited ? undefined : grant?.identity
  return {
    kind: 'Leafnode',
    type: '',
    name: peer?.name || presented?.name || '',
    lang: '',
    version: peer?.version || presented?.version || '',
    user: identity?.user ?? (presented === undefined ? '' : presentedUser(presented)),
    account: accountName,
    accountTag: grant?.accountTag || accountName,
    jwt: identity?.jwt ?? '',
    issuerKey: identity?.issuerKey ?? '',
    nameTag: identity?.nameTag ?? '',
    tags: identity?.tags ?? [],
    proxyKey: identity?.proxyKey ?? '',
    tls,
    isTlsFirst,
  }
}

/** What a link was made over; undefined without TLS. */
export function tlsShown(over: Duplex): TlsFacts | undefined {
  if (!('encrypted' in over)) return undefined
  const socket = over as TLSSocket
  return {
    version: (socket.getProtocol() ?? '').replace(/^TLSv/, ''),
    cipher: socket.getCipher()?.standardName ?? '',
    names: [],
    certificates: [],
    isVerified: false,
  }
}
