import type { Connection } from '../../io/connection.ts'
import type { ConnectionReport, PeerCertificateReport, TlsReport } from '../../monitor/reports.ts'
import type { OpenRows } from './report-messages.ts'
import type { SessionFacts } from './reported-session.ts'
import { peerCertificates, shownJwt, tlsReport } from './session-report.ts'
import { readSubscriptions } from './subscription-text.ts'

/**
 * Open connections as they travel between threads: numbers in one array, and what seldom changes
 * as one line of text for each. As long as nothing in it changes a line is made, sent and read
 * once; objects would be made, cloned and thrown away every time.
 */

/** What a connection's numbers are; places in OpenRows.numbers. */
export const NUMBERS = 11
export const CID = 0
export const LAST_ACTIVITY_MS = 1
export const RTT_NS = 2
export const PENDING_BYTES = 3
export const IN_MSGS = 4
export const IN_BYTES = 5
export const OUT_MSGS = 6
export const OUT_BYTES = 7
export const STALLS = 8
export const SUBSCRIPTIONS = 9
/** Of its line. */
export const VERSION = 10

const NO_SECRETS = '["",[]]'

/** What was last shown of a connection. */
export interface ShownRow {
  readonly facts: SessionFacts
  readonly ip: string
  readonly port: number
  readonly row: string
  /** Tells lines of one connection apart; from 1. */
  readonly version: number
  /** What takes time to find out, and does not change; '' = nobody has asked for it. */
  secrets: string
}

let lastVersion = 0

/** @param shown of the same connection, if any */
export function shownRow(
  facts: SessionFacts,
  { remoteAddress: ip, remotePort: port }: Pick<Connection, 'remoteAddress' | 'remotePort'>,
  startMs: number,
  shown: ShownRow | undefined,
): ShownRow {
  if (shown?.ip === ip && shown.port === port && isSame(shown.facts, facts)) return shown
  const { kind, type, name, lang, version, user, account, accountTag } = facts
  const { issuerKey, nameTag, tags, proxyKey, tls, isTlsFirst } = facts
  const values = [kind, type, ip, port, startMs, name, lang, version, user, account, accountTag]
  const login = [issuerKey, nameTag, tags, proxyKey, tlsReport(tls, isTlsFirst) ?? null]
  const row = JSON.stringify([...values, ...login])
  return { facts, ip, port, row, version: ++lastVersion, secrets: '' }
}

/** The objects in it are those of a login or a handshake: others belong to another one. */
function isSame(one: SessionFacts, other: SessionFacts): boolean {
  return (
    one.user === other.user &&
    one.account === other.account &&
    one.name === other.name &&
    one.lang === other.lang &&
    one.version === other.version &&
    one.jwt === other.jwt &&
    one.tls === other.tls &&
    one.isTlsFirst === other.isTlsFirst &&
    one.accountTag === other.accountTag &&
    one.issuerKey === other.issuerKey &&
    one.nameTag === other.nameTag &&
    (one.tags === other.tags || (one.tags.length === 0 && other.tags.length === 0)) &&
    one.proxyKey === other.proxyKey &&
    one.kind === other.kind &&
    one.type === other.type
  )
}

/** JWT and certificates. */
export function secretsOf(shown: ShownRow): string {
  if (shown.secrets === '') {
    const { jwt, tls } = shown.facts
    const isPlain = jwt === '' && tls === undefined
    const find = () => JSON.stringify([shownJwt(jwt), peerCertificates(tls)])
    shown.secrets = isPlain ? NO_SECRETS : find()
  }
  return shown.secrets
}

// ── reading ─────────────────────────────────────────────────────────────────────────────────

/** What is in a line. */
interface RowFacts {
  readonly kind: ConnectionReport['kind']
  readonly type: ConnectionReport['type']
  readonly ip: string
  readonly port: number
  readonly startMs: number
  readonly name: string
  readonly lang: string
  readonly version: string
  readonly user: string
  readonly account: string
  readonly accountTag: string
  readonly issuerKey: string
  readonly nameTag: string
  readonly tags: readonly string[]
  readonly proxyKey: string
  readonly tls: TlsReport | undefined
}

function readRow(row: string): RowFacts {
  const values = JSON.parse(row)
  return {
    kind: values[0],
    type: values[1],
    ip: values[2],
    port: values[3],
    startMs: values[4],
    name: values[5],
    lang: values[6],
    version: values[7],
    user: values[8],
    account: values[9],
    accountTag: values[10],
    issuerKey: values[11],
    nameTag: values[12],
    tags: values[13],
    proxyKey: values[14],
    tls: values[15] ?? undefined,
  }
}

interface KnownRow {
  readonly version: number
  readonly facts: RowFacts
}

type RowsByCid = Map<number, KnownRow>

/** Lines that are remembered, twice; chosen: pages of four who look at different connections. */
const REMEMBERED = 4096

/** Reads what threads send; main thread. */
export class OpenRowReader {
  #rows: RowsByCid = new Map()
  /** Those before; forgotten when there are too many again. */
  #older: RowsByCid = new Map()

  /** What is known of some connections now. */
  known(cids: Float64Array): KnownRow[] {
    return Array.from(cids, (cid) => this.#rows.get(cid) ?? this.#older.get(cid) ?? NOT_KNOWN)
  }

  #learn(cid: number, row: KnownRow): void {
    if (this.#rows.get(cid) === row) return
    if (this.#rows.size >= REMEMBERED) {
      this.#older = this.#rows
      this.#rows = new Map()
    }
    this.#rows.set(cid, row)
  }

  /**
   * @param cids those that were asked for
   * @param known what was known of them then
   */
  read(
    { rows, secrets, numbers, subscriptionTexts }: OpenRows,
    cids: Float64Array,
    known: readonly KnownRow[],
  ): ConnectionReport[] {
    let askedPlace = -1
    return rows.map((row, place) => {
      const at = place * NUMBERS
      const cid = numbers[at + CID]!
      // In the order in which they were asked for; some may be missing.
      do askedPlace += 1
      while (cids[askedPlace] !== cid)
      const isNew = row !== ''
      const version = numbers[at + VERSION]!
      const line = isNew ? { version, facts: readRow(row) } : known[askedPlace]!
      this.#learn(cid, line)
      const { facts } = line
      const [jwt, certificates] = readSecrets(secrets[place])
      const { tls } = facts
      const report: ConnectionReport = {
        cid,
        kind: facts.kind,
        type: facts.type,
        ip: facts.ip,
        port: facts.port,
        startMs: facts.startMs,
        lastActivityMs: numbers[at + LAST_ACTIVITY_MS]!,
        stopMs: 0,
        reason: '',
        rttNs: numbers[at + RTT_NS]!,
        pendingBytes: numbers[at + PENDING_BYTES]!,
        in: { msgs: numbers[at + IN_MSGS]!, bytes: numbers[at + IN_BYTES]! },
        out: { msgs: numbers[at + OUT_MSGS]!, bytes: numbers[at + OUT_BYTES]! },
        stalls: numbers[at + STALLS]!,
        subscriptions: numbers[at + SUBSCRIPTIONS]!,
        name: facts.name,
        lang: facts.lang,
        version: facts.version,
        tls: certificates.length === 0 ? tls : tls && { ...tls, certificates },
        user: facts.user,
        account: facts.account,
        accountTag: facts.accountTag,
        jwt,
        issuerKey: facts.issuerKey,
        nameTag: facts.nameTag,
        tags: facts.tags,
        proxyKey: facts.proxyKey,
      }
      const text = subscriptionTexts[place]
      if (text === undefined) return report
      const owner = { cid, account: '', accountTag: '' }
      return { ...report, subscriptionList: readSubscriptions(text, owner) }
    })
  }
}

const NOT_KNOWN: KnownRow = { version: 0, facts: readRow('[]') }
const NOTHING_SECRET: readonly [string, readonly PeerCertificateReport[]] = ['', []]

function readSecrets(text: string | undefined): typeof NOTHING_SECRET {
  return text === undefined || text === NO_SECRETS ? NOTHING_SECRET : JSON.parse(text)
}
