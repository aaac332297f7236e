import type { AccountOptions, ResponseType, ServiceExport } from '../../config/account-types.ts'
import { isValidSubject } from '../../protocol/subjects.ts'
import { ExportTable } from './export-table.ts'
import { serviceTraits } from './import-resolution.ts'
import type { ResolvedServiceImport } from './import-types.ts'

/**
 * What every account can ask the system account without saying so. As nats-server's
 * registerSystemImports and addSystemAccountExports in events.go.
 */
export const USER_INFO = '$SYS.REQ.USER.INFO'
const DEBUG_SUBSCRIBERS = '$SYS.DEBUG.SUBSCRIBERS'
/** Place of the account's name in accountSubject. */
const ACCOUNT_POSITION = 4

function accountSubject(account: string, what: 'CONNZ' | 'STATZ'): string {
  return `$SYS.REQ.ACCOUNT.${account}.${what}`
}

function userSubject(account: string): string {
  return `$SYS.REQ.USER.${account}.INFO`
}

function offer(subject: string, responseType: ResponseType, tokenPosition: number): ServiceExport {
  return {
    kind: 'service',
    subject,
    accounts: undefined,
    tokenPosition,
    tokenRequired: false,
    revocations: {},
    responseType,
    thresholdMs: 0,
    latency: undefined,
    allowTrace: false,
  }
}

const SYSTEM_EXPORTS: readonly ServiceExport[] = [
  offer(accountSubject('*', 'CONNZ'), 'stream', ACCOUNT_POSITION),
  offer(accountSubject('*', 'STATZ'), 'stream', ACCOUNT_POSITION),
  offer(DEBUG_SUBSCRIBERS, 'singleton', 0),
  offer(userSubject('*'), 'singleton', 0),
]

/** The system account with what it always exports; its own exports of these subjects stay. */
export function withSystemExports(account: AccountOptions): AccountOptions {
  const own = new ExportTable(account)
  const added = SYSTEM_EXPORTS.filter(({ subject }) => !own.hasServiceMatching(subject))
  return { ...account, exports: [...account.exports, ...added] }
}

function systemSubjects(account: string, isSystem: boolean): (readonly [string, string])[] {
  const userInfo = [USER_INFO, userSubject(account)] as const
  if (isSystem) return [userInfo]
  return [
    ['$SYS.REQ.ACCOUNT.PING.CONNZ', accountSubject(account, 'CONNZ')],
    ['$SYS.REQ.SERVER.PING.CONNZ', accountSubject(account, 'CONNZ')],
    ['$SYS.REQ.ACCOUNT.PING.STATZ', accountSubject(account, 'STATZ')],
    userInfo,
  ]
}

const SYSTEM_TABLE = new ExportTable({ exports: SYSTEM_EXPORTS })

/**
 * The imports every account has without saying so; the system account itself has one of them. Made
 * when an account is first used, not for all there are.
 *
 * @param systemAccount its name
 * @param existing service imports of the account; one on the same subject from the system account
 *   stays alone
 */
export function systemImports(
  accountName: string,
  systemAccount: string,
  existing: readonly ResolvedServiceImport[],
): readonly ResolvedServiceImport[] {
  const imports: ResolvedServiceImport[] = []
  for (const [from, to] of systemSubjects(accountName, accountName === systemAccount)) {
    // An account may have a name that no subject can hold.
    if (!isValidSubject(to)) continue
    if (existing.some((other) => other.exporter === systemAccount && other.from === from)) continue
    const found = SYSTEM_TABLE.findService(to)
    const share = from === USER_INFO
    imports.push({
      kind: 'service',
      // Short, because every account in use has four of them, here and in the shared memory.
      key: `system ${from}`,
      importer: accountName,
      exporter: systemAccount,
      from,
      to,
      isIdentity: false,
      transform: undefined,
      ...serviceTraits(found),
      share,
      isSystem: true,
    })
  }
  return imports
}
