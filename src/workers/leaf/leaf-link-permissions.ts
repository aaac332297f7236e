import type { Kernel } from '../../kernel/kernel.ts'
import type { SubjectPermission } from '../../router/leaf/leaf-types.ts'

/** The blanks that nats-server splits entries at. */
const BLANKS = /[\t\n\v\f\r ]+/

/** One word is a rule for a subject, two are for one queue group of it; others are no rule. */
function wordsOf(entry: string): string[] {
  return entry.split(BLANKS).filter((word) => word !== '')
}

/**
 * Writes permissions where the kernel reads them when it makes plans. Text has one character per
 * byte.
 *
 * A deny of `subject group` keeps messages of that subject from that group; both words may have
 * wildcards. It counts only for what is sent. An allow of that form opens nothing.
 *
 * @returns their address, 0 = everything is permitted; undefined without memory
 */
export function storePermissions(
  { exports, layout, bytes, words }: Kernel,
  permission: SubjectPermission,
): number | undefined {
  const allowed = permission.allow?.map(wordsOf).filter(({ length }) => length === 1)
  const denies = (permission.deny ?? []).map(wordsOf)
  const denied = denies.filter(({ length }) => length === 1)
  const deniedGroups = denies.filter(({ length }) => length === 2)
  if (allowed === undefined && denied.length === 0 && deniedGroups.length === 0) return 0
  const patterns = [...(allowed ?? []), ...denied, ...deniedGroups].flat().map(latin1)
  const total = patterns.reduce(
    (sum, { length }) => sum + layout.PERMISSION_TEXT + padded(length),
    layout.PERMISSIONS_PATTERNS,
  )
  const address = exports.createBlock(total)
  if (address === 0) return undefined
  words[(address + layout.PERMISSIONS_HAS_ALLOW) >> 2] = allowed === undefined ? 0 : 1
  words[(address + layout.PERMISSIONS_ALLOWED) >> 2] = allowed?.length ?? 0
  words[(address + layout.PERMISSIONS_DENIED) >> 2] = denied.length
  words[(address + layout.PERMISSIONS_GROUPS) >> 2] = deniedGroups.length
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
