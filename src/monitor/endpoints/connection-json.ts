import { GLOBAL_ACCOUNT } from '../../protocol/global-account.ts'
import { goTimeOfMs } from '../../protocol/go-time.ts'
import type { ConnectionReport, SubscriptionReport, TlsReport } from '../reports.ts'
import { rttText, uptimeText } from './go-texts.ts'
import { type JsonObject, omitEmpty } from './json-value.ts'
import { subscriptionJson } from './subscription-json.ts'

export interface ConnectionView {
  readonly nowMs: number
  /** Who has logged in, and how. */
  readonly withAuth: boolean
  readonly subscriptions: 'none' | 'subjects' | 'detail'
}

/** nats-server's ConnInfo. */
export function connectionJson(report: ConnectionReport, view: ConnectionView): JsonObject {
  const isClosed = report.stopMs !== 0
  const nowMs = isClosed ? report.stopMs : view.nowMs
  return {
    cid: report.cid,
    kind: report.kind,
    type: omitEmpty(report.type),
    ip: report.ip,
    port: report.port,
    start: goTimeOfMs(report.startMs),
    last_activity: goTimeOfMs(report.lastActivityMs),
    stop: isClosed ? goTimeOfMs(report.stopMs) : undefined,
    reason: omitEmpty(report.reason),
    rtt: rttText(report.rttNs),
    uptime: uptimeText(nowMs - report.startMs),
    idle: uptimeText(nowMs - report.lastActivityMs),
    pending_bytes: report.pendingBytes,
    in_msgs: report.in.msgs,
    out_msgs: report.out.msgs,
    in_bytes: report.in.bytes,
    out_bytes: report.out.bytes,
    stalls: omitEmpty(report.stalls),
    subscriptions: report.subscriptions,
    name: omitEmpty(report.name),
    lang: omitEmpty(report.lang),
    version: omitEmpty(report.version),
    ...tlsMembers(report.tls, view.withAuth && !isClosed),
    ...loginMembers(report, view.withAuth),
    ...subscriptionMembers(report.subscriptionList ?? [], view),
    ...(isClosed ? closedClaimMembers(report, view) : openClaimMembers(report, view)),
    proxy: report.proxyKey === '' ? undefined : { key: report.proxyKey },
  }
}

function tlsMembers(tls: TlsReport | undefined, withCertificates: boolean): JsonObject {
  if (tls === undefined) return {}
  const certificates = withCertificates ? tls.certificates : []
  return {
    tls_version: omitEmpty(tls.version),
    tls_cipher_suite: omitEmpty(tls.cipherSuite),
    tls_peer_certs: omitEmpty(
      certificates.map(({ subject, spkiSha256, certSha256 }) => ({
        subject: omitEmpty(subject),
        spki_sha256: omitEmpty(spkiSha256),
        cert_sha256: omitEmpty(certSha256),
      })),
    ),
    tls_first: omitEmpty(tls.isFirst),
  }
}

function loginMembers({ user, account }: ConnectionReport, withAuth: boolean): JsonObject {
  if (!withAuth) return {}
  return {
    authorized_user: omitEmpty(user),
    account: account === GLOBAL_ACCOUNT ? undefined : omitEmpty(account),
  }
}

function subscriptionMembers(
  list: readonly SubscriptionReport[],
  { subscriptions }: ConnectionView,
): JsonObject {
  if (list.length === 0 || subscriptions === 'none') return {}
  if (subscriptions === 'subjects') {
    return { subscriptions_list: list.map(({ subject }) => subject) }
  }
  return { subscriptions_list_detail: list.map(subscriptionJson) }
}

function openClaimMembers(report: ConnectionReport, { withAuth }: ConnectionView): JsonObject {
  if (!withAuth) return {}
  return {
    jwt: omitEmpty(report.jwt),
    issuer_key: omitEmpty(report.issuerKey),
    name_tag: omitEmpty(report.accountTag || report.account),
    tags: omitEmpty(report.tags),
  }
}

/** nats-server keeps them in what it shows of a closed connection, whether asked for or not. */
function closedClaimMembers(report: ConnectionReport, { withAuth }: ConnectionView): JsonObject {
  const isNamed = withAuth && report.account !== '' && report.account !== GLOBAL_ACCOUNT
  return {
    jwt: omitEmpty(report.jwt),
    issuer_key: omitEmpty(report.issuerKey),
    name_tag: omitEmpty(isNamed ? report.accountTag || report.account : report.nameTag),
    tags: omitEmpty(report.tags),
  }
}
