import { readFile } from 'node:fs/promises'
import { KERNEL_PATH } from '../paths.ts'

const WASM_PAGE_BYTES = 64 * 1024
/** As given to the compiler: a shared memory is accepted only with at most the declared maximum. */
const MEMORY_PAGES_MAX = 65536

/** Exports of `assembly/index.ts`. Addresses and sizes are bytes. */
interface KernelExports {
  readonly READ_BUFFER_OFFSET: WebAssembly.Global
  readonly READ_BUFFER_BYTES: WebAssembly.Global
  readonly CONNECTIONS_OFFSET: WebAssembly.Global
  readonly CONNECTION_STRIDE_BYTES: WebAssembly.Global
  readonly lastLineStart: WebAssembly.Global
  readonly lastLineEnd: WebAssembly.Global
  readonly lastPayloadStart: WebAssembly.Global
  reset(record: number): void
  expect(
    record: number,
    stream: number,
    sequenceCount: number,
    payloadBytes: number,
    headerBytes: number,
  ): void
  expectAnyOrder(record: number, payloadBytes: number, headerBytes: number): void
  consume(record: number, chunkBytes: number): number
  messages(record: number): number
  payloadBytes(record: number): number
  hash(record: number): bigint
  mismatches(record: number): number
  pings(record: number): number
  pongs(record: number): number
  infos(record: number): number
  errors(record: number): number
  errorTextStart(record: number): number
  errorTextBytes(record: number): number
  expectedHash(
    messages: number,
    stream: number,
    sequenceCount: number,
    payloadBytes: number,
  ): bigint
  expectedSum(messages: number, stream: number, sequenceCount: number, payloadBytes: number): bigint
}

/** Compiles the kernel once; the module can be posted to any thread. */
export async function loadKernelModule(): Promise<WebAssembly.Module> {
  let bytes: Uint8Array<ArrayBuffer>
  try {
    bytes = await readFile(KERNEL_PATH)
  } catch (cause) {
    throw new Error(`benchmark kernel missing, run the build first: path=${KERNEL_PATH}`, { cause })
  }
  return new WebAssembly.Module(bytes)
}

/**
 * One thread's receive kernel with its own memory: one read buffer, and one record for each
 * connection.
 *
 * A record is addressed by the number that `open` returns. All counters run from `open` on.
 */
export class ReceiveKernel {
  /** All sockets of the thread read here; the bytes must be consumed before the next read. */
  readonly readBuffer: Buffer<SharedArrayBuffer>
  readonly #exports: KernelExports
  readonly #memory: Buffer<SharedArrayBuffer>
  readonly #connectionsOffset: number
  readonly #strideBytes: number
  readonly #connectionsMax: number
  #connectionCount = 0

  constructor(module: WebAssembly.Module, connectionsMax: number) {
    const layout = readLayout(module)
    this.#connectionsOffset = layout.connectionsOffset
    this.#strideBytes = layout.strideBytes
    this.#connectionsMax = connectionsMax
    const memory = createMemory(layout.connectionsOffset + connectionsMax * layout.strideBytes)
    this.#exports = instantiate(module, memory)
    this.#memory = Buffer.from(memory.buffer)
    this.readBuffer = this.#memory.subarray(
      layout.readBufferOffset,
      layout.readBufferOffset + layout.readBufferBytes,
    )
  }

  /** A cleared record for a new connection. */
  open(): number {
    if (this.#connectionCount === this.#connectionsMax) {
      throw new RangeError(`no record left: connectionsMax=${this.#connectionsMax}`)
    }
    const record = this.#connectionsOffset + this.#connectionCount * this.#strideBytes
    this.#connectionCount += 1
    this.#exports.reset(record)
    return record
  }

  /**
   * Each message from now on must be the next of this stream; see `publish-block.ts` for the
   * payloads. Headers, if any, are `headerBytes` long, and are in a frame of less than 8 KiB.
   */
  expect(
    record: number,
    stream: number,
    sequenceCount: number,
    payloadBytes: number,
    headerBytes = 0,
  ): void {
    this.#exports.expect(record, stream, sequenceCount, payloadBytes, headerBytes)
  }

  /**
   * Each message from now on must be one of any stream, of this size: for one of the members of a
   * queue group, for what several publishers send, and for payloads too small to be numbered.
   */
  expectAnyOrder(record: number, payloadBytes: number, headerBytes = 0): void {
    this.#exports.expectAnyOrder(record, payloadBytes, headerBytes)
  }

  /** Reads `chunkBytes` bytes of the read buffer. False when they are not NATS protocol. */
  consume(record: number, chunkBytes: number): boolean {
    return this.#exports.consume(record, chunkBytes) === 0
  }

  messages(record: number): number {
    return this.#exports.messages(record)
  }

  /** Payload bytes of the counted messages, header blocks included. */
  payloadBytes(record: number): number {
    return this.#exports.payloadBytes(record)
  }

  /**
   * Hash of the messages since `expect`; equal to `expectedHash` when all came, in order. Since
   * `expectAnyOrder`: a sum, whose sum over all records is that of `expectedSum` over all streams.
   */
  hash(record: number): bigint {
    return BigInt.asUintN(64, this.#exports.hash(record))
  }

  mismatches(record: number): number {
    return this.#exports.mismatches(record)
  }

  pings(record: number): number {
    return this.#exports.pings(record)
  }

  pongs(record: number): number {
    return this.#exports.pongs(record)
  }

  infos(record: number): number {
    return this.#exports.infos(record)
  }

  /** Text of the last -ERR line, empty when none came. */
  errorText(record: number): string {
    if (this.#exports.errors(record) === 0) return ''
    const start = this.#exports.errorTextStart(record)
    return this.#memory.toString('latin1', start, start + this.#exports.errorTextBytes(record))
  }

  /** Control line of the chunk's last message. Only right after a `consume` that completed one. */
  lastControlLine(): string {
    return this.#memory.toString(
      'latin1',
      this.#exports.lastLineStart.value,
      this.#exports.lastLineEnd.value,
    )
  }

  /** Payload of that message; a view that dies with the next `consume`. */
  lastPayload(payloadBytes: number): Buffer<SharedArrayBuffer> {
    const start: number = this.#exports.lastPayloadStart.value
    return this.#memory.subarray(start, start + payloadBytes)
  }

  expectedHash(
    messages: number,
    stream: number,
    sequenceCount: number,
    payloadBytes: number,
  ): bigint {
    return BigInt.asUintN(
      64,
      this.#exports.expectedHash(messages, stream, sequenceCount, payloadBytes),
    )
  }

  /** A sum to be taken modulo 2^64 with others. */
  expectedSum(
    messages: number,
    stream: number,
    sequenceCount: number,
    payloadBytes: number,
  ): bigint {
    return BigInt.asUintN(
      64,
      this.#exports.expectedSum(messages, stream, sequenceCount, payloadBytes),
    )
  }
}

interface KernelLayout {
  readonly readBufferOffset: number
  readonly readBufferBytes: number
  readonly connectionsOffset: number
  readonly strideBytes: number
}

/** Asks the kernel where its regions are, so that the offsets are written down only once. */
function readLayout(module: WebAssembly.Module): KernelLayout {
  const probe = instantiate(module, createMemory(WASM_PAGE_BYTES))
  return {
    readBufferOffset: probe.READ_BUFFER_OFFSET.value,
    readBufferBytes: probe.READ_BUFFER_BYTES.value,
    connectionsOffset: probe.CONNECTIONS_OFFSET.value,
    strideBytes: probe.CONNECTION_STRIDE_BYTES.value,
  }
}

function createMemory(byteCount: number): WebAssembly.Memory {
  const pages = Math.ceil(byteCount / WASM_PAGE_BYTES)
  if (pages > MEMORY_PAGES_MAX) {
    throw new RangeError(`kernel memory too large: pages=${pages}, max=${MEMORY_PAGES_MAX}`)
  }
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
}

function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): KernelExports {
  const env = {
    memory,
    abort: () => {
      throw new Error('benchmark kernel aborted')
    },
  }
  return new WebAssembly.Instance(module, { env }).exports as unknown as KernelExports
}
