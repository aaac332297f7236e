import {
  readExportAccounts,
  readExportSubject,
  readExports,
  readImportSource,
  readImports,
  readResponseType,
  readServiceLatency,
  readThresholdMs,
} from './account-exchange-readers.ts'
import { readAccountJetstream } from './account-jetstream-reader.ts'
import type { AccountKind } from './account-kinds.ts'
import {
  readAccountLimits,
  readAccountNkey,
  readAccounts,
  readAccountTrace,
} from './account-readers.ts'
import { readMappings, readMappingWeight } from './mapping-readers.ts'
import {
  readPermissions,
  readResponseCount,
  readResponses,
  readResponseTimeMs,
  readSubjectPermission,
} from './permission-readers.ts'
import type { Reader } from './section-reading.ts'
import {
  readAccountUsers,
  readAuthCallout,
  readCalloutIssuer,
  readCalloutNames,
  readCalloutXkey,
  readConnectionTypes,
  readUsers,
} from './user-readers.ts'

/** One reader for each kind of option of users, permissions, accounts and mappings. */
export const ACCOUNT_READERS: Readonly<Record<AccountKind, Reader>> = {
  // Such options have no key in a file.
  'program only': () => undefined,
  users: readUsers,
  permissions: readPermissions,
  'publish permission': (occurrence) => readSubjectPermission(occurrence, { allowQueue: false }),
  'subscribe permission': (occurrence) => readSubjectPermission(occurrence, { allowQueue: true }),
  responses: readResponses,
  'response count': readResponseCount,
  'response time': readResponseTimeMs,
  'connection types': readConnectionTypes,
  'auth callout': readAuthCallout,
  'callout issuer': readCalloutIssuer,
  'callout users': (occurrence) => readCalloutNames(occurrence, 'auth_users'),
  'callout accounts': (occurrence) => readCalloutNames(occurrence, 'allowed accounts'),
  'callout xkey': readCalloutXkey,
  accounts: readAccounts,
  'account users': readAccountUsers,
  'account nkey': readAccountNkey,
  'account limits': readAccountLimits,
  'account trace': readAccountTrace,
  'account jetstream': readAccountJetstream,
  exports: readExports,
  'exported stream': (occurrence) => readExportSubject(occurrence, 'stream'),
  'exported service': (occurrence) => readExportSubject(occurrence, 'service'),
  'export accounts': readExportAccounts,
  'response type': readResponseType,
  'response threshold': readThresholdMs,
  'service latency': readServiceLatency,
  imports: readImports,
  'imported stream': (occurrence) => readImportSource(occurrence, 'Stream'),
  'imported service': (occurrence) => readImportSource(occurrence, 'Service'),
  mappings: readMappings,
  'mapping weight': readMappingWeight,
}
