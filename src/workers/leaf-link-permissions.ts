import type { Kernel } from '../kernel/kernel.ts'
import type { SubjectPermission } from '../router/leaf/leaf-types.ts'

/**
 * Entries like `subject queue` bind one queue group; they are no rule for the subject as a whole.
 */
function isPlain(pattern: string): boolean {
  return !pattern.includes(' ')
}

/**
 * Writes permissions where the kernel reads them when it makes plans.
 *
 * @returns their address, 0 = everything is permitted; undefined without memory
 */
export function storePermissions(
  { exports, layout, bytes, words }: Kernel,
  permission: SubjectPermission,
): number | undefined {
  const allowed = permission.allow?.filter(isPlain).map(latin1)
  const denied = (permission.deny ?? []).filter(isPlain).map(latin1)
  if (allowed === undefined && denied.length === 0) return 0
  const patterns = [...(allowed ?? []), ...denied]
  const total = patterns.reduce(
    (sum, { length }) => sum + layout.PERMISSION_TEXT + padded(length),
    layout.PERMISSIONS_PATTERNS,
  )
  const address = exports.createPermissions(total)
  if (address === 0) return undefined
  words[(address + layout.PERMISSIONS_HAS_ALLOW) >> 2] = allowed === undefined ? 0 : 1
  words[(address + layout.PERMISSIONS_ALLOWED) >> 2] = allowed?.length ?? 0
  words[(address + layout.PERMISSIONS_DENIED) >> 2] = denied.length
  let at = address + layout.PERMISSIONS_PATTERNS
  for (const pattern of patterns) {
    words[(at + layout.PERMISSION_BYTES) >> 2] = pattern.length
    bytes.set(pattern, at + layout.PERMISSION_TEXT)
    at += layout.PERMISSION_TEXT + padded(pattern.length)
  }
  return address
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

function padded(length: number): number {
  return (length + 3) & ~3
}
