import {
  HOST_NO_ROOM,
  HOST_UNMAPPED,
  HOST_VOLATILE,
  type Kernel,
  type KernelHost,
} from '../../kernel/kernel.ts'
import { decodeMappings, type SubjectMappings } from '../../router/accounts/subject-mappings.ts'
import { BlockReader, mapper, type StreamBlock } from './account-blocks.ts'

/**
 * What the kernel asks TypeScript when it makes a plan: subjects of stream imports that rename, and
 * mappings. Plans are kept, so that this is not asked for each message.
 */
export function kernelHost(kernel: () => Kernel): KernelHost {
  let streams: BlockReader<(subject: string) => string | undefined> | undefined
  let mappings: BlockReader<SubjectMappings> | undefined
  return {
    transform(block, subjectAt, subjectBytes, outAt, outMax) {
      const { bytes } = kernel()
      streams ??= new BlockReader(kernel(), parseStream)
      const subject = bytes.toString('latin1', subjectAt, subjectAt + subjectBytes)
      const mapped = streams.read(block)(subject)
      if (mapped === undefined) return 0
      if (mapped.length > outMax) return HOST_NO_ROOM
      return bytes.write(mapped, outAt, 'latin1')
    },
    destinations(block, subjectAt, subjectBytes, outAt, outMax) {
      const { bytes, words } = kernel()
      mappings ??= new BlockReader(kernel(), decodeMappings)
      const subject = bytes.toString('latin1', subjectAt, subjectAt + subjectBytes)
      const found = mappings.read(block).destinationsOf(subject)
      if (found === undefined) return HOST_UNMAPPED
      let at = outAt
      let count = 0
      for (const { subject: to, cumulative } of found.destinations) {
        const length = 8 + ((to.length + 3) & ~3)
        if (at + length > outAt + outMax) return HOST_NO_ROOM
        words[at >> 2] = cumulative
        words[(at + 4) >> 2] = to.length
        bytes.write(to, at + 8, 'latin1')
        at += length
        count++
      }
      return found.isVolatile ? count | HOST_VOLATILE : count
    },
  }
}

function parseStream(text: string): (subject: string) => string | undefined {
  const { from, to, isFixed } = JSON.parse(text) as StreamBlock
  return isFixed ? () => to : mapper(from, to)
}
