import { BrokerError } from '../../base/errors.ts'
import type { TlsOptions } from '../../config/option-types.ts'
import type { Options } from '../../config/options.ts'

interface TlsBlock {
  /** Where it stands in the configuration. */
  readonly path: string
  readonly options: TlsOptions
  /** Whether certificates of peers are verified. */
  readonly isVerifying: boolean
}

/** All `tls` blocks whose files are in use. */
export function tlsBlocks({ tls, leafnodes, websocket }: Options): readonly TlsBlock[] {
  const accepting: readonly (readonly [string, TlsOptions | undefined])[] = [
    ['tls', tls],
    ['leafnodes.tls', leafnodes.port === 0 ? undefined : leafnodes.tls],
    ['websocket.tls', websocket.port === 0 ? undefined : websocket.tls],
  ]
  const dialling = leafnodes.remotes.map((remote, index) => {
    return [`leafnodes.remotes[${index}].tls`, remote.tls] as const
  })
  return [
    ...accepting.flatMap(([path, options]) =>
      options === undefined
        ? []
        : [{ path, options, isVerifying: options.verify || options.verifyAndMap }],
    ),
    ...dialling.flatMap(([path, options]) =>
      options === undefined ? [] : [{ path, options, isVerifying: !options.insecure }],
    ),
  ]
}

/**
 * Reads the files of all blocks, to know before any thread does whether they can be used.
 *
 * @throws BrokerError with code BRK_TLS_FILES; its message names block and file
 */
export async function checkTlsFiles(blocks: readonly TlsBlock[]): Promise<void> {
  // The main thread has no other use for TLS, which takes a while to load.
  const { SecureContexts } = await import('../../io/tls/secure-contexts.ts')
  for (const { path, options, isVerifying } of blocks) {
    const fault = faultOf(() => new SecureContexts(options, isVerifying))
    if (fault === undefined) continue
    throw new BrokerError('BRK_TLS_FILES', `${path}: ${fault.text}`, { cause: fault.cause })
  }
}

/** What the supervisor gives for it. */
export interface TlsReloadOptions {
  /** Those in force. */
  options(): Options
  /** Has the threads read the files; what is wrong with one for each of them, '' = nothing. */
  ask(): Promise<readonly (string | undefined)[]>
}

/** Has the threads read the files of TLS again, one time after the other. */
export class TlsReload {
  readonly #options: TlsReloadOptions
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: TlsReloadOptions) {
    this.#options = options
  }

  /**
   * Handshakes from now on use what is in the files; connections stay.
   *
   * @returns false when there are none
   * @throws BrokerError when a file cannot be used; the certificates in use stay then
   */
  run(): Promise<boolean> {
    const run = this.#last.then(() => this.#run())
    this.#last = run.catch(() => {})
    return run
  }

  async #run(): Promise<boolean> {
    const blocks = tlsBlocks(this.#options.options())
    if (blocks.length === 0) return false
    await checkTlsFiles(blocks)
    // A file may have changed since it was checked.
    const fault = (await this.#options.ask()).find(Boolean)
    if (fault !== undefined) throw new BrokerError('BRK_TLS_FILES', fault)
    return true
  }
}

export interface TlsFault {
  /** Names the file. */
  readonly text: string
  readonly cause: unknown
}

/** What is wrong with the files that `read` reads; undefined: nothing. */
export function faultOf(read: () => void): TlsFault | undefined {
  try {
    read()
    return undefined
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    const file = cause instanceof BrokerError ? cause.context['file'] : undefined
    const isNamed = file === undefined || message.includes(String(file))
    return { text: isNamed ? message : `${message} (${file})`, cause }
  }
}
