import { type DistinctSubjects, PAYLOAD_BYTES_CHECKED } from '../publish-block.ts'
import { LOAD } from './amounts.ts'
import type { ThroughputScenario } from './types.ts'

/** From nothing to the most that servers take by default, in bytes. */
const PAYLOADS = [0, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576]

/** Frame bytes of a smoke run, of one kind. */
const SMOKE_BYTES = 16 * 1024 * 1024

/** Publishers at full speed on one server. */
export const MESSAGES: readonly ThroughputScenario[] = [
  throughput('pub', 'one publisher, nobody listens, 16 B', 1, 0, PAYLOAD_BYTES_CHECKED),
  ...[16, 128, 1024, 8192].map((bytes) =>
    throughput(`1:1-${bytes}`, `one publisher, one subscriber, ${sizeWords(bytes)}`, 1, 1, bytes),
  ),
  throughput('fan-out', 'one publisher, ten subscribers, 16 B', 1, 10, 16),
  {
    ...throughput('fan-out-1000', 'one publisher, 1000 subscribers, 128 B', 1, 1000, 128),
    subscribers: { smoke: 50, full: 1000 },
  },
  subjects('subjects-1k', '1000 subjects in turn', { count: 1_000, pick: 'in-turn' }),
  subjects('subjects-100k', '100,000 subjects in turn', { count: 100_000, pick: 'in-turn' }),
  subjects('subjects-zipf', '100,000 subjects by Zipf, s=1', { count: 100_000, pick: 'zipf' }),
  {
    ...throughput('queue-8', 'one publisher, a queue group of eight, 16 B', 1, 8, 16),
    audience: 'queue',
  },
  throughput('4:4', 'four publishers, each to its own subscriber, 16 B', 4, 1, 16),
  {
    ...throughput(
      'fan-in',
      'eight publishers, one subscriber of all by a wildcard, 16 B',
      8,
      1,
      16,
    ),
    audience: 'all',
  },
  {
    ...throughput('wildcards', 'four publishers, four subscribers of all, 16 B', 4, 4, 16),
    audience: 'all',
  },
  headers('headers-32', 'as 1:1-16, with a header block of 32 B', 32),
  headers('headers-512', 'as 1:1-16, with a header block of 512 B', 512),
  { ...throughput('tls-16', 'over TLS, one publisher, one subscriber, 16 B', 1, 1, 16), tls: true },
  {
    ...throughput('tls-1024', 'over TLS, one publisher, one subscriber, 1 KiB', 1, 1, 1024),
    tls: true,
  },
  {
    ...throughput('ws-16', 'over WebSocket, one publisher, one subscriber, 16 B', 1, 1, 16),
    websocket: true,
  },
  {
    ...throughput('ws-1024', 'over WebSocket, one publisher, one subscriber, 1 KiB', 1, 1, 1024),
    websocket: true,
  },
  ...PAYLOADS.map(payload),
]

function payload(bytes: number): ThroughputScenario {
  const messages = Math.min(LOAD.smoke.measured.messages, Math.ceil(SMOKE_BYTES / (bytes + 1)))
  const { warmup, measured } = LOAD.smoke
  const smoke = { warmup: { ...warmup, messages }, measured: { ...measured, messages } }
  const scenario = throughput(`payload-${bytes}`, `as 1:1, ${sizeWords(bytes)}`, 1, 1, bytes)
  return bytes > 1024 ? { ...scenario, amounts: { ...LOAD, smoke } } : scenario
}

function subjects(name: string, words: string, subjects: DistinctSubjects): ThroughputScenario {
  const workload = `one publisher to ${words}, one subscriber of all by a wildcard, 16 B`
  return { ...throughput(name, workload, 1, 1, 16), subjects }
}

function headers(name: string, workload: string, headerBytes: number): ThroughputScenario {
  return { ...throughput(name, workload, 1, 1, 16), headerBytes }
}

/** `128 B`, `64 KiB`. */
export function sizeWords(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  return bytes < 1024 ** 2 ? `${bytes / 1024} KiB` : `${bytes / 1024 ** 2} MiB`
}

export function throughput(
  name: string,
  workload: string,
  publishers: number,
  subscribers: number,
  payloadBytes: number,
): ThroughputScenario {
  return {
    kind: 'throughput',
    name,
    workload,
    publishers,
    subscribers: { smoke: subscribers, full: subscribers },
    payloadBytes,
    amounts: LOAD,
  }
}
