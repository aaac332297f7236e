import { availableParallelism } from 'node:os'

/**
 * Protocol workers when the option `workers` is 0: half the cores, at least one. The other half is
 * for the routing worker, the main thread, the kernel's network stack, and whatever else runs on
 * the machine; measured on two cores, see README, "Measured".
 */
export function defaultWorkerCount(cores = availableParallelism()): number {
  return Math.max(1, Math.min(WORKER_COUNT_MAX, Math.floor(cores / 2)))
}

/** More than this has not been measured; the option allows up to the kernel's limit of threads. */
const WORKER_COUNT_MAX = 16
