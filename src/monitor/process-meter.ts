import type { ProcessUsage } from './monitor-source.ts'

const US_PER_MS = 1000

/** Looks that follow each other faster get the same answer, so that many of them agree. */
const SPAN_MS_MIN = 1000

/** How much the process needs, since the look before. */
export class ProcessMeter {
  readonly #nowMs: () => number
  readonly #cpuUs: () => number
  #sinceMs: number
  #sinceUs: number
  #cpuPercent = 0

  constructor(nowMs: () => number = () => performance.now(), cpuUs: () => number = processUs) {
    this.#nowMs = nowMs
    this.#cpuUs = cpuUs
    this.#sinceMs = nowMs()
    this.#sinceUs = cpuUs()
  }

  usage(): ProcessUsage {
    const nowMs = this.#nowMs()
    const spanMs = nowMs - this.#sinceMs
    if (spanMs >= SPAN_MS_MIN) {
      const usedUs = this.#cpuUs()
      const share = (usedUs - this.#sinceUs) / US_PER_MS / spanMs
      // One decimal, as nats-server's.
      this.#cpuPercent = Math.round(share * 1000) / 10
      this.#sinceMs = nowMs
      this.#sinceUs = usedUs
    }
    return { rssBytes: process.memoryUsage.rss(), cpuPercent: this.#cpuPercent }
  }
}

/** All threads, in user and system mode. */
function processUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
