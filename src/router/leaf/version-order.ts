const SEMVER = /^v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+].*)?$/

/**
 * Whether `version` is at least `minimum`; text that is no version is older than all. Pre-releases
 * count as released.
 */
export function isVersionAtLeast(version: string, minimum: string): boolean {
  const have = SEMVER.exec(version)
  const want = SEMVER.exec(minimum)
  if (want === null) throw new RangeError(`minimum version must be a semver: ${minimum}`)
  if (have === null) return false
  for (let part = 1; part <= 3; part++) {
    const difference = Number(have[part]) - Number(want[part])
    if (difference !== 0) return difference > 0
  }
  return true
}
