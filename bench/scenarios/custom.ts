import { LOAD } from './amounts.ts'
import { sizeWords } from './messages.ts'
import type { ThroughputScenario } from './types.ts'

/** A load of one's own, as nats-bench takes it: everybody is on one subject. */
export interface CustomLoad {
  readonly publishers: number
  /** 0: nobody listens. */
  readonly subscribers: number
  readonly payloadBytes: number
  readonly subject: string
  /** Publish to so many, below the subject. */
  readonly subjects: number | undefined
  /** Name of the group that all subscribers are; none: each gets every message. */
  readonly queue: string | undefined
}

export const CUSTOM = 'custom'

export function customScenario(load: CustomLoad): ThroughputScenario {
  const { publishers, subscribers, payloadBytes, subject, subjects, queue } = load
  const who = `${publishers} publishers, ${subscribers} subscribers`
  const where = `${subjects === undefined ? '' : `${subjects} subjects below `}${subject}`
  const group = queue === undefined ? '' : `, queue ${queue}`
  return {
    kind: 'throughput',
    name: CUSTOM,
    workload: `${who}${group}, ${sizeWords(payloadBytes)}, ${where}`,
    publishers,
    subscribers: { smoke: subscribers, full: subscribers },
    audience: queue === undefined ? 'all' : 'queue',
    subject,
    payloadBytes,
    ...(queue === undefined ? {} : { queue }),
    ...(subjects === undefined ? {} : { subjects: { count: subjects, pick: 'in-turn' } }),
    amounts: LOAD,
  }
}
