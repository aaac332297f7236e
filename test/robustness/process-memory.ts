import { readFileSync } from 'node:fs'

const KIB = 1024

/** Resident memory of a process, in bytes. */
export function rssOf(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
  if (line === null) throw new Error(`process ${pid} has no VmRSS`)
  return Number(line[1]) * KIB
}

export function inMib(bytes: number): string {
  return `${(bytes / KIB / KIB).toFixed(1)} MiB`
}

/** Runs `body` for 0 … count - 1, at most `atOnce` at a time. */
export async function forEachOf(
  count: number,
  atOnce: number,
  body: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await body(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}
