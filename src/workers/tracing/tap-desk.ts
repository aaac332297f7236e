import { TAPS_MAX, type TapSample, type TapSpec } from '../../monitor/trace/tap-sample.ts'
import type { TapHub, TapWish } from '../../monitor/trace/tap-stream.ts'

/** Threads that have come back after a failure are told again within this time. Chosen. */
const REPEAT_MS = 2000

export interface TapDeskOptions {
  /** Tells all threads which taps are open. */
  readonly setTaps: (specs: readonly TapSpec[]) => void
  /** Negative: there is no such account. */
  readonly accountNumber: (name: string) => number
}

/** The taps that are open, on the main thread: tells the threads, and hands on what they send. */
export class TapDesk implements TapHub {
  readonly #options: TapDeskOptions
  readonly #taps = new Map<
    number,
    { readonly spec: TapSpec; readonly onSample: (sample: TapSample) => void }
  >()
  #lastId = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: TapDeskOptions) {
    this.#options = options
  }

  open({ subject, account, rate }: TapWish, onSample: (sample: TapSample) => void) {
    if (this.#taps.size >= TAPS_MAX) return 'too many' as const
    const number = account === '' ? undefined : this.#options.accountNumber(account)
    if (number !== undefined && number < 0) return 'no account' as const
    const id = ++this.#lastId
    const wire = Buffer.from(subject).toString('latin1')
    this.#taps.set(id, { spec: { id, subject: wire, account: number, rate }, onSample })
    this.#tell()
    return {
      close: () => {
        if (this.#taps.delete(id)) this.#tell()
      },
    }
  }

  #tell(): void {
    this.#options.setTaps([...this.#taps.values()].map(({ spec }) => spec))
    if (this.#taps.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    } else {
      this.#timer ??= setInterval(() => this.#tell(), REPEAT_MS).unref()
    }
  }

  onSample(taps: readonly number[], sample: TapSample): void {
    for (const id of taps) this.#taps.get(id)?.onSample(sample)
  }
}
