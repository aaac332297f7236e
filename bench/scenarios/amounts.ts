import type { LoadAmounts } from './types.ts'

/** A phase bounded by a count of messages still ends after this long. */
export const PHASE_MS_MAX = 60_000

/**
 * Frame bytes that may be published and not yet received: a quarter of the 64 MiB at which
 * nats-server closes a slow consumer, and below the three quarters from which it stalls publishers.
 */
export const WINDOW_BYTES = 16 * 1024 * 1024

/** Fixed counts, so that the hash of a smoke run is always the same. */
const SMOKE_LOAD = {
  warmup: { messages: 1_000, durationMs: PHASE_MS_MAX },
  measured: { messages: 10_000, durationMs: PHASE_MS_MAX },
} satisfies LoadAmounts

const FULL_LOAD: LoadAmounts = {
  warmup: { durationMs: 500 },
  measured: { durationMs: 2_000 },
}

const SMOKE_REQUESTS: LoadAmounts = {
  warmup: { messages: 20, durationMs: PHASE_MS_MAX },
  measured: { messages: 100, durationMs: PHASE_MS_MAX },
}

/** Of each of several clients. */
const SMOKE_EACH: LoadAmounts = {
  warmup: { messages: 2, durationMs: PHASE_MS_MAX },
  measured: { messages: 10, durationMs: PHASE_MS_MAX },
}

/** Of each of several clients with many requests under way. */
const SMOKE_PIPELINED: LoadAmounts = {
  warmup: { messages: 50, durationMs: PHASE_MS_MAX },
  measured: { messages: 500, durationMs: PHASE_MS_MAX },
}

/** Of messages. */
export const LOAD = { smoke: SMOKE_LOAD, full: FULL_LOAD }

/** Of requests that wait for each other. */
export const REQUESTS = { smoke: SMOKE_REQUESTS, full: FULL_LOAD }

/** Of requests of several clients, of which each waits for its own. */
export const CLIENT_REQUESTS = { smoke: SMOKE_EACH, full: FULL_LOAD }

/** Of requests that do not wait for each other. */
export const PIPELINED = { smoke: SMOKE_PIPELINED, full: FULL_LOAD }
