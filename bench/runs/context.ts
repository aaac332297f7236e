import type { Piscina } from 'piscina'
import type { Amount, LoadAmounts, Size } from '../scenarios/types.ts'
import type { Site } from '../site.ts'

/** What every run of a scenario is given. */
export interface RunContext {
  readonly pool: Piscina
  readonly kernel: WebAssembly.Module
  readonly size: Size
  readonly drivers: number
  /** From the command line; replaces the scenario's own measured amount. */
  readonly amount: Amount | undefined
  readonly rate: number | undefined
  /** Of idle, monitored, connz, and reload. */
  readonly connections: number | undefined
  /** Of leaf-fleet and leaf-interest. */
  readonly links: number | undefined
  readonly subscriptions: number | undefined
  /** Opens the server whose most is what shares of load are of. */
  openReference(): Promise<Site>
  /** What was measured of it, by the kind of load: once for all rounds and servers. */
  readonly maxima: Map<string, number>
}

export function amountsOf(
  context: RunContext,
  amounts: Readonly<Record<Size, LoadAmounts>>,
): LoadAmounts {
  const { warmup, measured } = amounts[context.size]
  return { warmup, measured: context.amount ?? measured }
}
