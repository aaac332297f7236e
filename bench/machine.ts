import os from 'node:os'

/** What a reader of the figures must know about where they are from. */
export interface Machine {
  readonly node: string
  readonly platform: string
  readonly processor: string
  readonly processors: number
  readonly memoryBytes: number
  /** Over the last minute, when the benchmark started. */
  readonly loadAverage: number
}

export function describeMachine(): Machine {
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch} ${os.release()}`,
    processor: os.cpus()[0]?.model ?? 'unknown',
    processors: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    loadAverage: os.loadavg()[0]!,
  }
}

/** From this load per processor on, other programs take what the servers are measured by. */
const LOAD_PER_PROCESSOR_MAX = 0.25

/** A word of warning when the machine is busy with something else; undefined when it is quiet. */
export function warnOfLoad(machine: Machine): string | undefined {
  const { loadAverage, processors } = machine
  if (loadAverage <= LOAD_PER_PROCESSOR_MAX * processors) return undefined
  const numbers = `loadAverage=${loadAverage.toFixed(2)} processors=${processors}`
  return `warning: the machine is busy, figures will vary: ${numbers}`
}
