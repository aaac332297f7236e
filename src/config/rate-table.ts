import type { RateOptions } from './account-types.ts'
import { NOT_NEGATIVE, type OptionEntry } from './option-entry.ts'

export const NO_RATE: RateOptions = { maxMsgsPerSecond: 0, maxBytesPerSecond: 0 }

/** The rows that limit what is received, in every block that has them. */
export function rateRows<T extends RateOptions>(whose: string): readonly OptionEntry<T>[] {
  const common = { kind: 'integer', default: 0, range: NOT_NEGATIVE, reloadable: true } as const
  const rows: readonly OptionEntry<RateOptions>[] = [
    {
      ...common,
      key: 'max_msgs_per_second',
      option: 'maxMsgsPerSecond',
      unit: 'count',
      isOwn: true,
      doc: `Messages a second that are read from ${whose}; 0: no limit.`,
    },
    {
      ...common,
      key: 'max_bytes_per_second',
      option: 'maxBytesPerSecond',
      unit: 'bytes',
      isOwn: true,
      doc: `Bytes of messages a second that are read from ${whose}; 0: no limit.`,
    },
  ]
  return rows as unknown as readonly OptionEntry<T>[]
}
