import type { Kernel } from '../../kernel/kernel.ts'

/** Who a connection is, for those who see it from another thread. Text is UTF-8. */
export interface Label {
  /** As CONNECT says; of a leaf link the name of the server at the other end. */
  readonly name: string
  readonly user: string
}

const NO_LABEL: Label = { name: '', user: '' }
/** Longer texts are cut; nobody looks at more. Chosen. */
const TEXT_BYTES_MAX = 1024

/** Writes it beside the connection's record. Without memory the connection stays without. */
export function writeLabel({ exports, layout, words, bytes }: Kernel, record: number, who: Label) {
  const name = Buffer.from(who.name).subarray(0, TEXT_BYTES_MAX)
  const user = Buffer.from(who.user).subarray(0, TEXT_BYTES_MAX)
  if (name.length + user.length === 0) {
    exports.setLabel(record, 0)
    return
  }
  const label = exports.allocate(layout.LABEL_TEXT + name.length + user.length)
  if (label !== 0) {
    words[(label + layout.LABEL_NAME_BYTES) >> 2] = name.length
    words[(label + layout.LABEL_USER_BYTES) >> 2] = user.length
    bytes.set(name, label + layout.LABEL_TEXT)
    bytes.set(user, label + layout.LABEL_TEXT + name.length)
  }
  exports.setLabel(record, label)
}

/** Of a connection of any thread; nobody, if it ends meanwhile. */
export function readLabel({ layout, words, bytes }: Kernel, record: number): Label {
  const word = (record + layout.CONNECTION_LABEL) >> 2
  const label = Atomics.load(words, word)
  if (label === 0) return NO_LABEL
  const nameBytes = words[(label + layout.LABEL_NAME_BYTES) >> 2]!
  const userBytes = words[(label + layout.LABEL_USER_BYTES) >> 2]!
  if (nameBytes >>> 0 > TEXT_BYTES_MAX || userBytes >>> 0 > TEXT_BYTES_MAX) return NO_LABEL
  const from = label + layout.LABEL_TEXT
  const name = bytes.toString('utf8', from, from + nameBytes)
  const user = bytes.toString('utf8', from + nameBytes, from + nameBytes + userBytes)
  return Atomics.load(words, word) === label ? { name, user } : NO_LABEL
}
