import type { ServiceLatency } from '../../config/account-types.ts'
import { type GoJsonValue, goJson, goJsonString } from '../../protocol/go-json.ts'
import { goTime } from '../../protocol/go-time.ts'
import { type ClientInfo, encodeClientInfo } from './client-info.ts'
import { type HeaderMap, readHeaders } from './message-headers.ts'
import { mathRandomBelow } from './subject-transform.ts'
import type { RandomBelow } from './transform-functions.ts'

/** Measuring of exported services: which requests, and what is published of them. */
const SERVICE_LATENCY_TYPE = 'io.nats.server.metric.v1.service_latency'

/** Undefined: the request is not measured. */
export type Sample = {
  /** Headers that asked for it, to be published; undefined: chance did. */
  readonly trigger: HeaderMap | undefined
}

const BY_CHANCE: Sample = { trigger: undefined }
const UBER = 'Uber-Trace-Id'
const UBER_CONTEXT = 'Uberctx-'
const B3 = 'B3'
const B3_SAMPLED = 'X-B3-Sampled'
const B3_TRACE = 'X-B3-Traceid'
const B3_HEADERS = [B3_SAMPLED, B3_TRACE, 'X-B3-Parentspanid', 'X-B3-Spanid']
const TRACE_PARENT = 'Traceparent'
const TRACE_STATE = 'Tracestate'

function pick(headers: HeaderMap, isWanted: (name: string) => boolean): Sample {
  return { trigger: new Map([...headers].filter(([name]) => isWanted(name))) }
}

/** `479fefe9525eddb:5adb976bfc1f95c1:479fefe9525eddb:1`: the lowest bit of the flags. */
function isUberSampled(value: string): boolean {
  const parts = value.split(':')
  const flags = parts.length === 4 ? (parts[3] ?? '') : ''
  const digit = flags.length <= 2 ? flags.slice(-1) : ''
  return /[0-9a-f]/i.test(digit) && (Number.parseInt(digit, 16) & 1) === 1
}

function isB3Denied(value: string): boolean {
  const parts = value.split('-')
  return parts.length === 1 ? value === '0' : parts[2] === '0'
}

/** `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`; flags beyond 7f are not taken. */
function isTraceParentSampled(value: string): boolean {
  const parts = value.split('-')
  const flags = parts.length === 4 ? (parts[3] ?? '') : ''
  return /^(?:[0-7][0-9a-f]|[+-][0-9a-f])$/i.test(flags) && (Number.parseInt(flags, 16) & 1) === 1
}

/** In nats-server's order: the first kind of tracing header that is there decides. */
function sampleByHeaders(headers: HeaderMap): Sample | undefined {
  const uber = headers.get(UBER)?.[0]
  if (uber !== undefined) {
    if (!isUberSampled(uber)) return undefined
    return pick(headers, (name) => name === UBER || name.startsWith(UBER_CONTEXT))
  }
  const sampled = headers.get(B3_SAMPLED)?.[0]
  if (sampled === '0') return undefined
  if (sampled === '1' || headers.has(B3_TRACE)) {
    return pick(headers, (name) => B3_HEADERS.includes(name))
  }
  const b3 = headers.get(B3)?.[0]
  if (b3 !== undefined) return isB3Denied(b3) ? undefined : pick(headers, (name) => name === B3)
  const parent = headers.get(TRACE_PARENT)?.[0]
  if (parent === undefined || !isTraceParentSampled(parent)) return undefined
  return pick(headers, (name) => name === TRACE_PARENT || name === TRACE_STATE)
}

/**
 * Whether to measure one request. Chance comes first, then headers that ask for it, whatever the
 * percentage is. A percentage of n measures n + 1 of 100, as in nats-server.
 *
 * @param headers block of the request, empty = none
 */
export function sampleRequest(
  latency: ServiceLatency | undefined,
  headers: Uint8Array,
  randomBelow: RandomBelow = mathRandomBelow,
): Sample | undefined {
  if (latency === undefined) return undefined
  const { sampling } = latency
  if (sampling >= 100 || (sampling > 0 && randomBelow(100) <= sampling)) return BY_CHANCE
  return headers.length === 0 ? undefined : sampleByHeaders(readHeaders(headers))
}

const FAILURES = {
  noReply: { status: 400, description: 'Bad Request' },
  interestLost: { status: 408, description: 'Request Timeout' },
  notDelivered: { status: 503, description: 'Service Unavailable' },
  timeout: { status: 504, description: 'Service Timeout' },
} as const

export type LatencyFailure = keyof typeof FAILURES

/** Figures of one request. Durations and times in nanoseconds. */
export interface LatencyRecord {
  readonly status: number
  readonly description: string
  readonly requestor: ClientInfo | undefined
  readonly responder: ClientInfo | undefined
  readonly trigger: HeaderMap | undefined
  /** When the requester sent it, by its round-trip time. Since 1970. */
  readonly startNs: bigint
  readonly serviceNs: number
  readonly systemNs: number
  readonly totalNs: number
}

interface MeasuredRequest {
  /** When the request was forwarded, since 1970. */
  readonly forwardedNs: bigint
  /** As much of it as is to be shown; undefined: the connection is gone. */
  readonly requestor: ClientInfo | undefined
  readonly trigger: HeaderMap | undefined
}

export interface AnsweredRequest extends MeasuredRequest {
  readonly responder: ClientInfo | undefined
  readonly answeredNs: bigint
  /** When the answer was on its way to the requester; not before `answeredNs`. */
  readonly deliveredNs: bigint
}

function rttOf(info: ClientInfo | undefined): number {
  return info?.rttNs ?? 0
}

/** Times of the network are taken off what was measured; what becomes negative by it is 0. */
export function answeredRecord(request: AnsweredRequest): LatencyRecord {
  const { forwardedNs, answeredNs, deliveredNs, requestor, responder, trigger } = request
  const measuredNs = Number(answeredNs - forwardedNs)
  const systemNs = rttOf(responder) > 0 ? Number(deliveredNs - answeredNs) : 0
  return {
    status: 200,
    description: '',
    requestor,
    responder,
    trigger,
    startNs: forwardedNs - BigInt(rttOf(requestor)),
    serviceNs: Math.max(0, measuredNs - rttOf(responder)),
    systemNs: Math.max(0, systemNs),
    totalNs: rttOf(requestor) + measuredNs + systemNs,
  }
}

export function failedRecord(failure: LatencyFailure, request: MeasuredRequest): LatencyRecord {
  const { forwardedNs, requestor, trigger } = request
  return {
    ...FAILURES[failure],
    requestor,
    responder: undefined,
    trigger,
    startNs: forwardedNs - BigInt(rttOf(requestor)),
    serviceNs: 0,
    systemNs: 0,
    totalNs: 0,
  }
}

function encodeTrigger(headers: HeaderMap): string {
  // Names are tokens, so that UTF-16 order is byte order.
  const names = [...headers.keys()].sort()
  const members = names.map((name) => {
    const values: GoJsonValue = (headers.get(name) ?? []).map((text) => Buffer.from(text, 'latin1'))
    return `${goJsonString(name)}:${goJson(values)}`
  })
  return `{${members.join(',')}}`
}

/**
 * The message published on the export's latency subject.
 *
 * @param id a nuid
 * @param nowNs since 1970
 */
export function encodeLatency(record: LatencyRecord, id: string, nowNs: bigint): string {
  const { requestor, responder, trigger } = record
  const members = [
    `"type":"${SERVICE_LATENCY_TYPE}"`,
    `"id":${goJsonString(id)}`,
    `"timestamp":"${goTime(nowNs)}"`,
    `"status":${record.status}`,
  ]
  if (record.description !== '') members.push(`"description":${goJsonString(record.description)}`)
  if (requestor !== undefined) members.push(`"requestor":${encodeClientInfo(requestor)}`)
  if (responder !== undefined) members.push(`"responder":${encodeClientInfo(responder)}`)
  if (trigger !== undefined && trigger.size > 0) members.push(`"header":${encodeTrigger(trigger)}`)
  members.push(
    `"start":"${goTime(record.startNs)}"`,
    `"service":${record.serviceNs}`,
    `"system":${record.systemNs}`,
    `"total":${record.totalNs}`,
  )
  return `{${members.join(',')}}`
}
