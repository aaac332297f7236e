import { goTimeOfMs } from '../../protocol/go-time.ts'
import type {
  AccountReport,
  ClaimIssueReport,
  ExportReport,
  ImportReport,
  MappingReport,
  ServiceLatencyReport,
} from '../account-report.ts'
import { claimsOf } from './claims.ts'
import { type JsonObject, type JsonValue, omitEmpty } from './json-value.ts'
import { sublistJson } from './sublist-json.ts'

/** nats-server's AccountInfo. */
export function accountJson(account: AccountReport): JsonObject {
  return {
    account_name: account.name,
    update_time: goTimeOfMs(account.updatedMs),
    is_system: omitEmpty(account.isSystem),
    expired: account.isExpired,
    complete: account.isComplete,
    jetstream_enabled: false,
    leafnode_connections: account.leafs,
    client_connections: account.clients,
    subscriptions: account.subscriptions,
    mappings: omitEmpty(mappingsJson(account.mappings)),
    exports: omitEmpty(account.exports.map(exportJson)),
    imports: omitEmpty(account.imports.map(importJson)),
    jwt: omitEmpty(account.jwt),
    issuer_key: omitEmpty(account.issuerKey),
    name_tag: omitEmpty(account.nameTag || account.name),
    tags: omitEmpty(account.tags),
    decoded_jwt: claimsOf(account.jwt),
    validation_result_jwt: omitEmpty(account.issues.map(issueJson)),
    revoked_user: omitEmpty(timesJson(account.revokedUsers)),
    sublist_stats: sublistJson(account.sublist),
    responses: omitEmpty(
      new Map([...account.responses].map(([reply, owed]) => [reply, responseJson(owed)])),
    ),
  }
}

function mappingsJson(mappings: readonly MappingReport[]): ReadonlyMap<string, JsonValue> {
  return new Map(
    mappings.map(({ source, destinations }) => [
      source,
      destinations.map(({ subject, weight, cluster }) => ({
        subject,
        weight,
        cluster: omitEmpty(cluster),
      })),
    ]),
  )
}

function exportJson(exported: ExportReport): JsonObject {
  return {
    subject: exported.subject,
    type: exported.type,
    token_req: omitEmpty(exported.needsToken),
    response_type: omitEmpty(exported.responseType),
    service_latency: latencyJson(exported.latency),
    approved_accounts: omitEmpty(exported.approvedAccounts),
    revoked_activations: omitEmpty(timesJson(exported.revokedActivations)),
  }
}

function importJson(imported: ImportReport): JsonObject {
  return {
    subject: omitEmpty(imported.subject),
    account: omitEmpty(imported.account),
    // Deprecated, and kept for services by nats-server.
    to: imported.type === 'service' ? omitEmpty(imported.localSubject) : undefined,
    local_subject: omitEmpty(imported.localSubject),
    type: imported.type,
    invalid: imported.isInvalid,
    share: imported.isShared,
    tracking: imported.isTracked,
    latency: latencyJson(imported.latency),
  }
}

/** nats-server keeps them in a map, where Go writes the kind as its number. */
function responseJson(owed: ImportReport): JsonObject {
  return { ...importJson(owed), type: owed.type === 'service' ? 2 : 1 }
}

function latencyJson(latency: ServiceLatencyReport | undefined): JsonObject | undefined {
  if (latency === undefined) return undefined
  const { sampling, subject } = latency
  return { sampling: sampling === 0 ? 'headers' : sampling, results: subject }
}

function issueJson({ description, isBlocking, isTimeCheck }: ClaimIssueReport): JsonObject {
  return { description, blocking: isBlocking, time_check: isTimeCheck }
}

function timesJson(times: ReadonlyMap<string, number>): ReadonlyMap<string, JsonValue> {
  return new Map([...times].map(([key, ms]) => [key, goTimeOfMs(ms)]))
}
