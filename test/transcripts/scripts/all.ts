import type { Transcript } from '../script.ts'
import { ACCOUNT_LATENCY_SCRIPTS } from './account-latency.ts'
import { ACCOUNT_LOGIN_SCRIPTS } from './account-logins.ts'
import { ACCOUNT_MAPPING_SCRIPTS } from './account-mappings.ts'
import { ACCOUNT_PERMISSION_SCRIPTS } from './account-permissions.ts'
import { ACCOUNT_SERVICE_SCRIPTS } from './account-services.ts'
import { ACCOUNT_STREAM_SCRIPTS } from './account-streams.ts'
import { ACCOUNT_USER_INFO_SCRIPTS } from './account-user-info.ts'
import { AUTH_SCRIPTS } from './auth.ts'
import { CONNECT_SCRIPTS } from './connect.ts'
import { HEADER_SCRIPTS } from './headers.ts'
import { ILLEGAL_SCRIPTS } from './illegal.ts'
import { LEAF_SCRIPTS } from './leaf.ts'
import { LEAF_HUB_SCRIPTS } from './leaf-hub.ts'
import { LEAF_MESSAGE_SCRIPTS } from './leaf-messages.ts'
import { PUBLISH_SCRIPTS } from './publish.ts'
import { QUEUE_SCRIPTS } from './queue.ts'
import { TIMING_SCRIPTS } from './timing.ts'

export const TRANSCRIPTS: readonly Transcript[] = [
  ...CONNECT_SCRIPTS,
  ...PUBLISH_SCRIPTS,
  ...QUEUE_SCRIPTS,
  ...HEADER_SCRIPTS,
  ...ILLEGAL_SCRIPTS,
  ...AUTH_SCRIPTS,
  ...ACCOUNT_LOGIN_SCRIPTS,
  ...ACCOUNT_PERMISSION_SCRIPTS,
  ...ACCOUNT_STREAM_SCRIPTS,
  ...ACCOUNT_SERVICE_SCRIPTS,
  ...ACCOUNT_LATENCY_SCRIPTS,
  ...ACCOUNT_MAPPING_SCRIPTS,
  ...ACCOUNT_USER_INFO_SCRIPTS,
  ...TIMING_SCRIPTS,
  ...LEAF_SCRIPTS,
  ...LEAF_MESSAGE_SCRIPTS,
  ...LEAF_HUB_SCRIPTS,
]

/** Scripts by configuration, so that each configuration needs one server. */
export function byConfig(): ReadonlyMap<string, readonly Transcript[]> {
  return Map.groupBy(TRANSCRIPTS, (transcript) => transcript.config)
}
