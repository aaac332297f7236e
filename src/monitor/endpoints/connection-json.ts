import { GLOBAL_ACCOUNT } from '../../protocol/global-account.ts'
import { goJsonString } from '../../protocol/go-json.ts'
import { goTimeOfMs } from '../../protocol/go-time.ts'
import type { ConnectionReport, SubscriptionReport, TlsReport } from '../reports.ts'
import { rttText, uptimeText } from './go-texts.ts'
import { type JsonObject, type JsonStyle, JsonText, omitEmpty, writeValue } from './json-value.ts'
import { subscriptionJson } from './subscription-json.ts'

export interface ConnectionView {
  readonly nowMs: number
  /** Who has logged in, and how. */
  readonly withAuth: boolean
  readonly subscriptions: 'none' | 'subjects' | 'detail'
}

/** nats-server's ConnInfo, of many. */
export function connectionsJson(
  reports: readonly ConnectionReport[],
  view: ConnectionView,
): JsonText {
  return new JsonText((style, margin) => {
    if (reports.length === 0) return '[]'
    const inner = margin + style.indent
    const writer = new ConnectionWriter(view, style, inner)
    const text = new FlatText()
    for (const [place, report] of reports.entries()) {
      text.add((place === 0 ? inner : `,${inner}`) + writer.text(report))
    }
    return `[${text.whole}${margin}]`
  })
}

const FIRST_BYTES = 64 * 1024
/** Of UTF-8, for one UTF-16 unit. */
const UNIT_BYTES_MAX = 3

/**
 * A long text of many parts. Joined strings stay a tree of all their parts until somebody reads
 * them: garbage that lives for long is the most expensive one.
 */
class FlatText {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES)
  #length = 0

  add(text: string): void {
    const needed = this.#length + text.length * UNIT_BYTES_MAX
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length))
      larger.set(this.#bytes.subarray(0, this.#length))
      this.#bytes = larger
    }
    this.#length += this.#bytes.write(text, this.#length)
  }

  get whole(): string {
    return this.#bytes.toString('utf8', 0, this.#length)
  }
}

/** What each of them has, up to its value. */
const MEMBERS = [
  'cid',
  'kind',
  'type',
  'ip',
  'port',
  'start',
  'last_activity',
  'stop',
  'reason',
  'rtt',
  'uptime',
  'idle',
  'pending_bytes',
  'in_msgs',
  'out_msgs',
  'in_bytes',
  'out_bytes',
  'stalls',
  'subscriptions',
  'name',
  'lang',
  'version',
] as const

/** Writes one text, and no object on the way; what few have, as values. */
class ConnectionWriter {
  readonly #view: ConnectionView
  readonly #style: JsonStyle
  readonly #margin: string
  readonly #inner: string
  readonly #before: Readonly<Record<(typeof MEMBERS)[number], string>>

  constructor(view: ConnectionView, style: JsonStyle, margin: string) {
    this.#view = view
    this.#style = style
    this.#margin = margin
    this.#inner = margin + style.indent
    const before = MEMBERS.map((name) => [name, `${this.#next}"${name}"${style.colon}`])
    this.#before = Object.fromEntries(before)
  }

  get #next(): string {
    return `,${this.#inner}`
  }

  text(report: ConnectionReport): string {
    const before = this.#before
    const { startMs, lastActivityMs, stopMs } = report
    const isClosed = stopMs !== 0
    const nowMs = isClosed ? stopMs : this.#view.nowMs
    // The first has no comma in front of it.
    let text = `{${before.cid.slice(1)}${report.cid}${before.kind}"${report.kind}"`
    if (report.type !== '') text += `${before.type}"${report.type}"`
    text += `${before.ip}${goJsonString(report.ip)}${before.port}${report.port}`
    text += `${before.start}"${goTimeOfMs(startMs)}"`
    text += `${before.last_activity}"${goTimeOfMs(lastActivityMs)}"`
    if (isClosed) text += `${before.stop}"${goTimeOfMs(stopMs)}"`
    if (report.reason !== '') text += before.reason + goJsonString(report.reason)
    text += `${before.rtt}"${rttText(report.rttNs)}"`
    text += `${before.uptime}"${uptimeText(nowMs - startMs)}"`
    text += `${before.idle}"${uptimeText(nowMs - lastActivityMs)}"`
    text += `${before.pending_bytes}${report.pendingBytes}`
    text += `${before.in_msgs}${report.in.msgs}${before.out_msgs}${report.out.msgs}`
    text += `${before.in_bytes}${report.in.bytes}${before.out_bytes}${report.out.bytes}`
    if (report.stalls !== 0) text += before.stalls + report.stalls
    text += before.subscriptions + report.subscriptions
    if (report.name !== '') text += before.name + goJsonString(report.name)
    if (report.lang !== '') text += before.lang + goJsonString(report.lang)
    if (report.version !== '') text += before.version + goJsonString(report.version)
    return `${text}${this.#rest(report, isClosed)}${this.#margin}}`
  }

  #rest(report: ConnectionReport, isClosed: boolean): string {
    const view = this.#view
    const { tls, subscriptionList, proxyKey } = report
    const hasLists = subscriptionList !== undefined && view.subscriptions !== 'none'
    if (!isClosed && !view.withAuth && !hasLists && tls === undefined && proxyKey === '') return ''
    const members: JsonObject = {
      ...tlsMembers(tls, view.withAuth && !isClosed),
      ...loginMembers(report, view.withAuth),
      ...subscriptionMembers(subscriptionList ?? [], view),
      ...(isClosed ? closedClaimMembers(report, view) : openClaimMembers(report, view)),
      proxy: proxyKey === '' ? undefined : { key: proxyKey },
    }
    let text = ''
    for (const [name, value] of Object.entries(members)) {
      if (value === undefined) continue
      const written = writeValue(value, this.#style, this.#inner)
      text += `${this.#next}"${name}"${this.#style.colon}${written}`
    }
    return text
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
