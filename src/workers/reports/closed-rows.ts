import type { ConnectionReport, TlsReport } from '../../monitor/reports.ts'
import type { Keyed } from './connection-order.ts'
import { readSubscriptions } from './subscription-text.ts'

/**
 * A closed connection as one line of text. Ten thousand are kept, most of which nobody ever looks
 * at: a string is made, sent and kept for a fraction of what an object takes.
 */

/** Its order is that of the columns. */
export interface ClosedConnection
  extends Omit<ConnectionReport, 'subscriptionList' | 'in' | 'out'>,
    Keyed {
  readonly subscriptionText: string
}

const COLUMNS = [
  'cid',
  'account',
  'user',
  'reason',
  'kind',
  'type',
  'ip',
  'port',
  'startMs',
  'lastActivityMs',
  'stopMs',
  'rttNs',
  'pendingBytes',
  'inMsgs',
  'inBytes',
  'outMsgs',
  'outBytes',
  'stalls',
  'subscriptions',
  'name',
  'lang',
  'version',
  'accountTag',
  'jwt',
  'issuerKey',
  'nameTag',
  'tags',
  'proxyKey',
  'tls',
  'subscriptionText',
] as const satisfies readonly (keyof ClosedConnection)[]

export function encodeClosed(closed: ClosedConnection): string {
  return JSON.stringify(COLUMNS.map((column) => closed[column] ?? null))
}

/** Written out, because it is done for thousands at a time. */
export function decodeClosed(row: string): ClosedConnection {
  const values = JSON.parse(row)
  return {
    cid: values[0],
    account: values[1],
    user: values[2],
    reason: values[3],
    kind: values[4],
    type: values[5],
    ip: values[6],
    port: values[7],
    startMs: values[8],
    lastActivityMs: values[9],
    stopMs: values[10],
    rttNs: values[11],
    pendingBytes: values[12],
    inMsgs: values[13],
    inBytes: values[14],
    outMsgs: values[15],
    outBytes: values[16],
    stalls: values[17],
    subscriptions: values[18],
    name: values[19],
    lang: values[20],
    version: values[21],
    accountTag: values[22],
    jwt: values[23],
    issuerKey: values[24],
    nameTag: values[25],
    tags: values[26],
    proxyKey: values[27],
    tls: values[28] ?? undefined,
    subscriptionText: values[29],
  }
}

export function closedReport(
  closed: ClosedConnection,
  withSubscriptions: boolean,
): ConnectionReport {
  const { subscriptionText, inMsgs, inBytes, outMsgs, outBytes, ...rest } = closed
  const { cid, account, accountTag } = closed
  return {
    ...rest,
    tls: rest.tls as TlsReport | undefined,
    in: { msgs: inMsgs, bytes: inBytes },
    out: { msgs: outMsgs, bytes: outBytes },
    ...(withSubscriptions && {
      subscriptionList: readSubscriptions(subscriptionText, { cid, account, accountTag }),
    }),
  }
}
