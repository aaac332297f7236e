import type { GoFields } from '../protocol/go-json-decode.ts'
import { EndpointError } from './endpoints/endpoint.ts'
import { SYSTEM_ENDPOINTS } from './endpoints/endpoint-list.ts'
import { writeJson } from './endpoints/json-value.ts'
import type { MonitorContext } from './monitor-context.ts'
import type { OptionValues } from './requests/go-unmarshal.ts'
import { readRequestOptions } from './requests/request-options.ts'

const BAD_REQUEST = 400
const INTERNAL_ERROR = 500

export interface MonitorRequest {
  /** Last part of the subject: `VARZ`, `CONNZ`, …; of an account also `INFO`, `STATZ`. */
  readonly name: string
  /** Options in JSON; empty = none. */
  readonly body: Uint8Array
  /** The account whose service it is; '' = the request concerns the server. */
  readonly account: string
}

/** Member `data` or member `error` of the reply. */
export type MonitorAnswer =
  | { readonly ok: true; readonly json: string }
  | { readonly ok: false; readonly code: number; readonly text: string }

/** @returns undefined where there is nothing to be answered, or nothing of that name */
export async function monitorAnswer(
  { name, body, account }: MonitorRequest,
  context: MonitorContext,
): Promise<MonitorAnswer | undefined> {
  const endpoint = SYSTEM_ENDPOINTS.get(name)
  if (endpoint === undefined) return undefined
  const read = readRequestOptions(name, body)
  if (!read.ok) return { ok: false, code: BAD_REQUEST, text: read.error }
  try {
    const request = { options: optionsOf(endpoint.fields, read.values), account }
    return { ok: true, json: writeJson(await endpoint.forSystem(request, context)) }
  } catch (error) {
    if (!(error instanceof EndpointError)) throw error
    return error.isSilent ? undefined : { ok: false, code: INTERNAL_ERROR, text: error.message }
  }
}

/** Under our names; what filters servers is passed over. */
function optionsOf(fields: GoFields, values: OptionValues): object {
  return Object.fromEntries(
    Object.entries(fields).map(([member, { json }]) => [member, values[json]]),
  )
}
