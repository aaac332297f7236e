/** Longest time a black-box test waits for something that should come at once. */
export const DEADLINE_MS = 10_000

export function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs))
}

/**
 * Asks `probe` again and again until it returns something other than undefined or false.
 *
 * A probe that throws counts as "not yet"; its last error is named when the time is up.
 *
 * @param what completes the sentence "waited for …"; a function is asked only when the wait fails
 */
export async function until<T>(
  what: string | (() => string),
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  deadlineMs: number = DEADLINE_MS,
  pauseMs = 20,
): Promise<T> {
  const endMs = Date.now() + deadlineMs
  let lastError: unknown
  for (;;) {
    try {
      const value = await probe()
      if (value !== undefined && value !== false) return value
      lastError = undefined
    } catch (error) {
      lastError = error
    }
    if (Date.now() >= endMs) break
    await sleep(pauseMs)
  }
  const text = typeof what === 'string' ? what : what()
  const reason = lastError === undefined ? '' : `; last error: ${String(lastError)}`
  throw new Error(`waited ${deadlineMs} ms for ${text}${reason}`)
}

/** Rejects when `promise` takes longer than `deadlineMs`; the text says what was waited for. */
export async function within<T>(
  what: string | (() => string),
  promise: Promise<T>,
  deadlineMs: number = DEADLINE_MS,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const text = typeof what === 'string' ? what : what()
      reject(new Error(`waited ${deadlineMs} ms for ${text}`))
    }, deadlineMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
