import type { Scenario } from './scenarios/types.ts'

/**
 * What a server is spoken to in: NATS; the relay's, which is NATS but for the frames of publishers,
 * see `relay/relay.ts`; or that of Redis, RESP 2.
 */
export type Wire = 'nats' | 'relay' | 'redis'

/** Name of the relay among the servers compared. */
export const FLOOR = 'floor'

/**
 * Everything of a published message that stands before its headers and payload; CRLF follows the
 * payload. Headers are of NATS alone.
 */
export type FrameHead = (subject: string, payloadBytes: number, headerBytes?: number) => string

const pubHead: FrameHead = (subject, payloadBytes, headerBytes) =>
  headerBytes === undefined
    ? `PUB ${subject} ${payloadBytes}\r\n`
    : `HPUB ${subject} ${headerBytes} ${headerBytes + payloadBytes}\r\n`

/** What a subscriber is to get: a relay changes nothing. */
const msgHead: FrameHead = (subject, payloadBytes) => `MSG ${subject} 1 ${payloadBytes}\r\n`

const redisHead: FrameHead = (subject, payloadBytes) =>
  `*3\r\n$7\r\nPUBLISH\r\n$${subject.length}\r\n${subject}\r\n$${payloadBytes}\r\n`

const PUBLISH_HEADS: Readonly<Record<Wire, FrameHead>> = {
  nats: pubHead,
  relay: msgHead,
  redis: redisHead,
}

/** Frames of publishers. */
export function publishHead(wire: Wire = 'nats'): FrameHead {
  return PUBLISH_HEADS[wire]
}

/**
 * Whether a scenario means the same to a server of that wire: one publisher, everybody on one
 * subject, and no more asked of the server than to pass it on.
 */
export function canRun(wire: Wire | undefined, scenario: Scenario): boolean {
  if (wire === undefined || wire === 'nats') return true
  return scenario.kind === 'throughput' && PLAIN_NAMES.test(scenario.name)
}

const PLAIN_NAMES = /^(pub|fan-out(-1000)?|(1:1|payload)-\d+)$/
