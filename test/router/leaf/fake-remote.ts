import type { LeafEnd } from '../../../src/router/leaf/leaf-session-options.ts'
import { LeafRemote, type RemoteOptions } from '../../../src/router/leaf/remote.ts'
import { addressText } from '../../../src/router/leaf/remote-urls.ts'
import { fakeLog } from './fake-broker.ts'

export const url = (host: string, port = 7422) => ({ scheme: 'nats-leaf', host, port })

/** The end of a link, with nothing special about it. */
export function ended(members: Partial<LeafEnd> = {}): LeafEnd {
  return { reason: 'clientClosed', lastError: '', penaltyMs: 0, isRefused: false, ...members }
}

/** A remote whose dials succeed or fail as its test wants, with a clock of its own. */
export class Remote {
  nowMs = 0
  readonly log = fakeLog()
  readonly dialled: string[] = []
  readonly moves: [number, number][] = []
  /** What the next dials do: true connects. */
  succeeds = false
  signal: AbortSignal | undefined
  link = 0
  readonly remote: LeafRemote

  constructor(options: Partial<RemoteOptions> = {}) {
    this.remote = new LeafRemote({
      urls: [url('a')],
      noRandomize: true,
      ignoresDiscovered: false,
      reconnectMs: 1000,
      connectErrorReports: 3600,
      reconnectErrorReports: 1,
      dial: async (address, link, signal) => {
        this.link = link
        this.signal = signal
        this.dialled.push(addressText(address))
        if (!this.succeeds) throw new Error('dial tcp: connection refused')
      },
      onMoved: (from, to) => this.moves.push([from, to]),
      nowMs: () => this.nowMs,
      random: () => 0.5,
      log: this.log,
      ...options,
    })
    this.remote.start()
  }

  /** Lets time pass until the next attempt, and waits for its outcome. */
  async next(): Promise<number> {
    const dueMs = this.remote.nextDeadlineMs()
    const waitedMs = dueMs - this.nowMs
    this.nowMs = dueMs
    await this.remote.onTimer(dueMs)
    return waitedMs
  }

  errors(): string[] {
    return this.log.lines.filter((line) => line.startsWith('ERR'))
  }
}
