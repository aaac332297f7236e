import { IMPORT_PREFIX } from '../settings.ts'
import { REQUESTS } from './amounts.ts'
import { throughput } from './messages.ts'
import { latency, requests } from './requests.ts'
import type { Scenario } from './types.ts'

/** Servers with users, permissions, and accounts. */
export const ACCOUNTS: readonly Scenario[] = [
  {
    ...throughput(
      'users',
      'as 1:1-16, two of 100 users with permissions; and without users',
      1,
      1,
      16,
    ),
    setting: 'users',
    besidePlain: true,
  },
  {
    ...throughput('stream-import', 'as 1:1-16, to another account by a stream import', 1, 1, 16),
    setting: 'stream-import',
  },
  {
    ...throughput('stream-import-prefix', 'as stream-import, under another subject', 1, 1, 16),
    setting: 'stream-import-prefix',
    subscribePrefix: `${IMPORT_PREFIX}.`,
  },
  {
    ...requests('service-import', 'as requests, the responder in another account: service import'),
    setting: 'service-import',
  },
  {
    ...latency('service-import-request', 'as request-reply, the responder in another account'),
    setting: 'service-import',
  },
  {
    kind: 'logins',
    name: 'logins',
    workload: 'paced requests, alone, then with 200 bcrypt logins (cost 11) under way',
    setting: 'logins',
    logins: { smoke: 2, full: 200 },
    payloadBytes: 16,
    rate: { smoke: 2_000, full: 500 },
    amounts: REQUESTS,
  },
]
