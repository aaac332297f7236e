import fc from 'fast-check'
import { compileKernel, instantiateKernel, type Kernel } from '../../src/kernel/kernel.ts'
import { createSharedMemory, SHARED_MEMORY_BYTES_MIN } from '../../src/kernel/shared-memory.ts'

const WORKER_THREAD = 1
const BLOCK_BYTES_LARGE = 1024 * 1024
const BLOCK_BYTES_SMALL = 2048

/** One thread's kernel, as a codec needs it. */
export function openKernel(module = compileKernel(true)): Kernel {
  const totalBytes = SHARED_MEMORY_BYTES_MIN
  const { memory } = createSharedMemory(module, { workerCount: 1, totalBytes })
  const kernel = instantiateKernel(module, memory)
  if (kernel.exports.attach(WORKER_THREAD, 1) === 0) throw new RangeError('the arena is too small')
  return kernel
}

export function arenaOf({ layout, words }: Kernel): number {
  return words[layout.HEADER_ARENAS >> 2]! + words[layout.HEADER_ROUTER_ARENA_BYTES >> 2]!
}

export function freePages(kernel: Kernel): number {
  return kernel.words[(arenaOf(kernel) + kernel.layout.ARENA_FREE_PAGES) >> 2]!
}

/** Takes all pages there are, and returns what gives them back. */
export function exhaust({ exports }: Kernel): () => void {
  const taken: { address: number; bytes: number }[] = []
  for (const bytes of [BLOCK_BYTES_LARGE, BLOCK_BYTES_SMALL]) {
    for (;;) {
      const address = exports.allocate(bytes)
      if (address === 0) break
      taken.push({ address, bytes })
    }
  }
  return () => {
    for (const { address, bytes } of taken) exports.release(address, bytes)
  }
}

/** An allocated block with the bytes in it. */
export function place({ exports, bytes }: Kernel, text: Uint8Array): number {
  const address = exports.allocate(text.length)
  if (address === 0) throw new RangeError('no memory for a text')
  bytes.set(text, address)
  return address
}

type Piece =
  | { readonly kind: 'text' | 'noise'; readonly text: Uint8Array }
  | { readonly kind: 'again'; readonly distance: number; readonly bytes: number }

/** Texts in which earlier parts come again, near and far, also over each other. */
export function repetitiveTexts(bytesMax: number): fc.Arbitrary<Buffer> {
  const piece: fc.Arbitrary<Piece> = fc.oneof(
    fc.record({
      kind: fc.constant('text' as const),
      text: fc.uint8Array({ max: 3, maxLength: 60 }),
    }),
    fc.record({ kind: fc.constant('noise' as const), text: fc.uint8Array({ maxLength: 300 }) }),
    fc.record({
      kind: fc.constant('again' as const),
      distance: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 100_000 })),
      bytes: fc.oneof(
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 1, max: 2000 }),
        fc.integer({ min: 1, max: bytesMax }),
      ),
    }),
  )
  return fc.array(piece, { maxLength: 40 }).map((pieces) => {
    const text = Buffer.alloc(bytesMax)
    let end = 0
    for (const piece of pieces) {
      if (piece.kind === 'again') {
        const stop = Math.min(bytesMax, end + piece.bytes)
        const distance = Math.min(piece.distance, end)
        if (distance === 0) continue
        for (; end < stop; end++) text[end] = text[end - distance]!
      } else {
        const part = piece.text.subarray(0, bytesMax - end)
        text.set(part, end)
        end += part.length
      }
    }
    return text.subarray(0, end)
  })
}
