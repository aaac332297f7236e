import type { ServiceLatency } from '../../config/account-types.ts'
import { nextNuid } from '../../protocol/nuid.ts'
import {
  type ClientInfo,
  decodeClientInfo,
  encodeClientInfo,
} from '../../router/accounts/client-info.ts'
import {
  answeredRecord,
  encodeLatency,
  failedRecord,
  type LatencyFailure,
  type LatencyRecord,
  type Sample,
} from '../../router/accounts/service-latency.ts'

/** A reply that is none: it tells the requester's thread who has answered. */
const RESPONDER_PREFIX = '_R_.RESPONDER.'

const START_NS = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint()

/** Nanoseconds since 1970. */
export function nowNs(): bigint {
  return START_NS + process.hrtime.bigint()
}

/** A forwarded request whose latency is measured, from now on. */
export class Measurement {
  readonly latency: ServiceLatency
  /** It was measured, or cannot be any more. */
  isOver = false
  readonly #sample: Sample
  readonly #requestor: ClientInfo
  readonly #forwardedNs = nowNs()

  /** @param requestor as much as is to be shown of it */
  constructor(latency: ServiceLatency, sample: Sample, requestor: ClientInfo) {
    this.latency = latency
    this.#sample = sample
    this.#requestor = requestor
  }

  /** Payload of what is published of a request that was answered. Its answer was just handed on. */
  ofAnswer(responder: ClientInfo | undefined, answeredNs: bigint): Buffer {
    const times = { answeredNs, deliveredNs: nowNs() }
    return this.#end(answeredRecord({ ...this.#facts(), ...times, responder }))
  }

  ofFailure(failure: LatencyFailure): Buffer {
    return this.#end(failedRecord(failure, this.#facts()))
  }

  #facts() {
    const { trigger } = this.#sample
    return { forwardedNs: this.#forwardedNs, requestor: this.#requestor, trigger }
  }

  #end(record: LatencyRecord): Buffer {
    this.isOver = true
    return Buffer.from(encodeLatency(record, nextNuid(), nowNs()))
  }
}

/** Whether an answer on this subject is measured: who answers is to be told. */
export function isTrackedReply(subject: string): boolean {
  return subject.startsWith('_R_.') && subject.endsWith('.T')
}

/** Reply of a measured answer, which has none of its own. */
export function responderReply(info: ClientInfo): string {
  return RESPONDER_PREFIX + Buffer.from(encodeClientInfo(info)).toString('base64url')
}

/** Who has answered, by such a reply; undefined for any other. */
export function responderOf(reply: string): ClientInfo | undefined {
  if (!reply.startsWith(RESPONDER_PREFIX)) return undefined
  const text = Buffer.from(reply.slice(RESPONDER_PREFIX.length), 'base64url')
  return decodeClientInfo(text)
}
