import { readdir, readFile } from 'node:fs/promises'

/**
 * Linux gives /proc/<pid>/stat times in units of 1/100 s (USER_HZ), on every architecture Node runs
 * on.
 */
const TICK_NS = 10_000_000

const KIB = 1024

/** A difference below this is mostly rounding, and is not given. */
const TICKS_MIN = 10

interface CpuMeter {
  /** Undefined where there is no /proc, no such process, or too little time to tell. */
  readNs(): Promise<number | undefined>
}

/**
 * Measures the processor time (user and system, all threads, ended ones too) that processes take
 * together from now on.
 */
export async function startCpuMeter(pids: readonly (number | undefined)[]): Promise<CpuMeter> {
  const start = await cpuTicks(pids)
  return {
    readNs: async () => {
      const end = await cpuTicks(pids)
      if (start === undefined || end === undefined) return undefined
      return end - start < TICKS_MIN ? undefined : (end - start) * TICK_NS
    },
  }
}

/**
 * The same for one process that does next to nothing: exact to the nanosecond, but blind to threads
 * that end meanwhile.
 */
export async function startIdleCpuMeter(pid: number | undefined): Promise<CpuMeter> {
  const start = await threadsNs(pid)
  return {
    readNs: async () => {
      const end = await threadsNs(pid)
      return start === undefined || end === undefined ? undefined : end - start
    },
  }
}

/** First number of a thread's schedstat: nanoseconds on a processor. */
async function threadsNs(pid: number | undefined): Promise<number | undefined> {
  if (pid === undefined) return undefined
  try {
    const threads = await readdir(`/proc/${pid}/task`)
    const stats = await Promise.all(threads.map((tid) => readProc(pid, `task/${tid}/schedstat`)))
    return stats.reduce((sum, stat) => sum + Number.parseInt(stat ?? '0', 10), 0)
  } catch {
    return undefined
  }
}

async function cpuTicks(pids: readonly (number | undefined)[]): Promise<number | undefined> {
  const ticks = await Promise.all(pids.map(cpuTicksOf))
  return ticks.reduce((sum, one) =>
    sum === undefined || one === undefined ? undefined : sum + one,
  )
}

async function cpuTicksOf(pid: number | undefined): Promise<number | undefined> {
  const stat = pid === undefined ? undefined : await readProc(pid, 'stat')
  if (stat === undefined) return undefined
  // The second field is the program's name in parentheses and may hold spaces: count from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

/** Resident memory of a process. Undefined where there is no /proc. */
export async function residentBytes(pid: number): Promise<number | undefined> {
  // smaps_rollup is exact; VmRSS lags by up to 64 pages for each thread.
  for (const [file, pattern] of RESIDENT_SOURCES) {
    const text = await readProc(pid, file)
    const kib = text?.match(pattern)?.[1]
    if (kib !== undefined) return Number(kib) * KIB
  }
  return undefined
}

const RESIDENT_SOURCES = [
  ['smaps_rollup', /^Rss:\s+(\d+) kB/m],
  ['status', /^VmRSS:\s+(\d+) kB/m],
] as const

async function readProc(pid: number, file: string): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    return undefined
  }
}
