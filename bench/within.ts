/** @throws Error with `reason` when the promise takes longer */
export async function within<T>(
  timeMs: number,
  promise: Promise<T>,
  reason: () => string,
): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(reason())), timeMs)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
