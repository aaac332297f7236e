import type { GoDecoded, GoFields } from '../../protocol/go-json-decode.ts'
import type { MonitorContext } from '../monitor-context.ts'
import { type JsonValue, writeJson } from './json-value.ts'
import type { Query } from './query.ts'

/** The endpoint cannot answer: 400 with this text, or an error of code 500 to a system request. */
export class EndpointError extends Error {
  override readonly name = 'EndpointError'
  /** System requests are not answered at all then. */
  readonly isSilent: boolean

  constructor(text: string, { isSilent = false } = {}) {
    super(text)
    this.isSilent = isSilent
  }
}

/** Which requests count in `http_req_stats`: all, or those whose parameters can be read. */
export type CountedRequests = 'all' | 'valid' | 'none'

export const JSON_TYPE = 'application/json'
export const TEXT_TYPE = 'text/plain; charset=utf-8'

export interface HttpAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** A request of the system account, its options decoded. */
export interface SystemRequest<Options = object> {
  readonly options: Options
  /** Of an account's own services; '' = any. */
  readonly account: string
}

/**
 * One endpoint: the same answer to HTTP, whose parameters are texts, and to requests of the system
 * account, whose options are JSON. Options that are not given are undefined.
 */
interface Definition<Fields extends GoFields> {
  /** Below the base path; also the key in `http_req_stats`. */
  readonly path: string
  readonly counted: CountedRequests
  /** Last part of the subject of system requests. */
  readonly name: string
  /** Of the options in JSON: our member, name in JSON, Go's type. */
  readonly fields: Fields
  /** @throws ParameterError */
  fromQuery(query: Query): GoDecoded<Fields>
  /** Options of a request that concerns one account alone. */
  forAccount?(options: GoDecoded<Fields>, account: string): GoDecoded<Fields>
  /** @throws EndpointError */
  answer(options: GoDecoded<Fields>, context: MonitorContext): JsonValue | Promise<JsonValue>
  /** Where requests of the system account get something else. @throws EndpointError */
  answerSystem?(
    request: SystemRequest<GoDecoded<Fields>>,
    context: MonitorContext,
  ): JsonValue | Promise<JsonValue>
  /** Where HTTP shows something else than JSON with status 200. */
  http?(options: GoDecoded<Fields>, context: MonitorContext): HttpAnswer | Promise<HttpAnswer>
}

/** Any endpoint, whatever its options are. */
export interface Endpoint {
  readonly path: string
  readonly name: string
  readonly counted: CountedRequests
  readonly fields: GoFields
  /**
   * @param onValid called when the parameters have been read
   * @throws ParameterError, EndpointError
   */
  overHttp(query: Query, context: MonitorContext, onValid: () => void): Promise<HttpAnswer>
  /** @throws EndpointError */
  forSystem(request: SystemRequest, context: MonitorContext): Promise<JsonValue>
}

export function defineEndpoint<const Fields extends GoFields>(
  definition: Definition<Fields>,
): Endpoint {
  const { path, name, counted, fields, forAccount } = definition
  return {
    path,
    name,
    counted,
    fields,
    async overHttp(query, context, onValid) {
      const options = definition.fromQuery(query)
      onValid()
      if (definition.http !== undefined) return definition.http(options, context)
      const body = writeJson(await definition.answer(options, context), '  ')
      return { status: 200, contentType: JSON_TYPE, body }
    },
    async forSystem({ options: decoded, account }, context) {
      const options = decoded as GoDecoded<Fields>
      if (definition.answerSystem !== undefined) {
        return definition.answerSystem({ options, account }, context)
      }
      const scoped = account === '' ? options : (forAccount?.(options, account) ?? options)
      return definition.answer(scoped, context)
    },
  }
}
