/** Just enough of the WebAssembly binary format to list a module's sections. */

export const DATA_SECTION_ID = 11
const HEADER_BYTES = 8

/**
 * `[{ id, bytes }]` in file order; `bytes` is the size of the section's body. Throws on a truncated
 * module.
 */
export function listSections(module) {
  const sections = []
  let offset = HEADER_BYTES
  while (offset < module.length) {
    const id = module[offset]
    const size = readUint32(module, offset + 1)
    offset = size.end + size.value
    sections.push({ id, bytes: size.value })
  }
  if (offset !== module.length) {
    throw new RangeError(`section passes the end: end=${offset}, moduleBytes=${module.length}`)
  }
  return sections
}

/** An unsigned LEB128 number: seven bits a byte, lowest first, top bit set while more follow. */
function readUint32(bytes, start) {
  let value = 0
  for (let index = 0; index < 5; index++) {
    const byte = bytes[start + index]
    if (byte === undefined) break
    value += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return { value, end: start + index + 1 }
  }
  throw new RangeError(`no section size at byte ${start}`)
}
