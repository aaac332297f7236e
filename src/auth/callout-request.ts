import type { CalloutQuestion, CalloutSettings } from './auth-callout.ts'
import { encodeAuthorizationRequest, type RequestTls } from './jwt/encode.ts'
import type { TlsFacts } from './login.ts'
import { shownUser } from './presented.ts'

/** Where another program is asked who somebody is; clients may not publish there. */
export const CALLOUT_SUBJECT = '$SYS.REQ.USER.AUTH'
/** Tells the program that is asked that this is no other kind of JWT. */
const AUDIENCE = 'nats-authorization-request'

interface RequestKeys {
  /** Public key made for this question. */
  readonly userNkey: string
  /** The server's public curve key; '' = the question is asked in clear. */
  readonly xkey: string
}

/** The signed question, a JWT. It holds what was presented, passwords included. */
export function calloutRequest(
  { attempt, verdict, account, isLeaf }: CalloutQuestion,
  { options, server, keys, timeoutMs, nowMs }: CalloutSettings,
  { userNkey, xkey }: RequestKeys,
): string {
  const { presented, request } = attempt
  const { connect, host, cid, nonce, connectionType, tls } = request
  const known = verdict.ok ? verdict.identity : undefined
  const now = nowMs()
  return encodeAuthorizationRequest(
    {
      subject: options?.issuer ?? account,
      audience: AUDIENCE,
      expires: Math.floor((now + timeoutMs) / 1000),
      server: { ...server, xkey: xkey || undefined },
      userNkey,
      client: {
        host,
        id: cid,
        user: shownUser(presented),
        name: connect.name,
        tags: known?.tags,
        nameTag: known?.nameTag,
        kind: isLeaf ? 'Leafnode' : 'Client',
        type: isLeaf ? '' : connectionType === 'WEBSOCKET' ? 'websocket' : 'nats',
        nonce: connect.sig === '' ? '' : nonce,
      },
      connect: {
        jwt: presented.jwt,
        nkey: presented.nkey,
        sig: connect.sig,
        authToken: presented.token,
        user: presented.user,
        pass: presented.pass,
        name: connect.name,
        lang: connect.lang,
        version: connect.version,
        protocol: connect.protocol,
      },
      tls: tls && requestTls(tls),
    },
    keys,
    now,
  )
}

function requestTls({ version, cipher, certificates, isVerified }: TlsFacts): RequestTls {
  if (isVerified) return { version, cipher, verifiedChains: [certificates] }
  return { version, cipher, certs: certificates }
}
