import type { Socket } from 'node:net'
import { TLSSocket, type TLSSocketOptions } from 'node:tls'
import type { TlsOptions } from '../../config/option-types.ts'
import { shakeHands } from './handshake.ts'
import { peerCertificate } from './peer-certificate.ts'
import { isPinned } from './pins.ts'
import { SecureContexts } from './secure-contexts.ts'
import { TlsError, verificationError } from './tls-error.ts'

/** The part of Node's TLS handle that is needed; not public, so it is tested for before use. */
interface TlsHandle {
  verifyError?: () => (Error & { readonly code?: string }) | null
}

/** The accepting side of TLS, for as many connections as there are. */
export class ServerTls {
  readonly #options: TlsOptions
  #contexts: SecureContexts
  readonly #timeoutMs: number
  readonly #pins: readonly string[]
  readonly #isVerifying: boolean

  /** @throws TlsFilesError */
  constructor(options: TlsOptions) {
    this.#options = options
    this.#isVerifying = options.verify || options.verifyAndMap
    this.#contexts = new SecureContexts(options, this.#isVerifying)
    this.#timeoutMs = options.timeoutMs
    this.#pins = options.pinnedCerts
  }

  /** Whether clients must show a certificate: `tls_verify` of INFO. */
  get isVerifying(): boolean {
    return this.#isVerifying
  }

  /**
   * Reads the files again, for handshakes from now on.
   *
   * @throws TlsFilesError; everything stays as it was
   */
  reload(): void {
    this.#contexts = new SecureContexts(this.#options, this.#isVerifying)
  }

  /**
   * Shakes hands with a client. What was written to the socket before goes out in clear first.
   *
   * @param raw nobody else reads from it any more; what it has buffered counts as read by us
   * @param alreadyRead first bytes of the client that somebody took from the socket
   * @param farewell sent in clear to a client that has not shaken hands in time
   * @returns paused, without listeners of ours; it owns `raw`
   * @throws TlsError, and `raw` is destroyed
   */
  async secure(raw: Socket, alreadyRead?: Uint8Array, farewell?: string): Promise<TLSSocket> {
    if (raw.destroyed) throw new TlsError('handshake', 'EOF')
    if (alreadyRead !== undefined && alreadyRead.length > 0) raw.unshift(Buffer.from(alreadyRead))
    const socket = new TLSSocket(raw, {
      isServer: true,
      secureContext: this.#contexts.default,
      requestCert: this.#isVerifying,
      rejectUnauthorized: this.#isVerifying,
      // Without it the handshake needs one turn of the event loop less.
      ...(this.#contexts.hasChoice ? { SNICallback: this.#onServerName } : {}),
    })
    const check = () => this.#check(socket)
    await shakeHands(raw, socket, 'secure', this.#timeoutMs, check, farewell)
    // Without a tls.Server around it, a socket tells of broken records in this way only.
    socket.on('_tlsError', (error: Error) => socket.destroy(error))
    return socket
  }

  readonly #onServerName: Required<TLSSocketOptions>['SNICallback'] = (name, done) =>
    done(null, this.#contexts.forName(name))

  /** With TLS 1.3 the client may believe by now that all is well: it learns the truth as an end. */
  #check(socket: TLSSocket): void {
    if (this.#isVerifying) {
      const handle = (socket as unknown as { readonly ssl: TlsHandle | null }).ssl
      // Whatever we cannot ask is refused.
      const error = handle?.verifyError?.call(handle)
      if (error !== null) {
        throw verificationError(error?.code ?? 'not verified', peerCertificate(socket))
      }
    }
    if (!isPinned(socket, this.#pins)) throw new TlsError('pinned', 'certificate not pinned')
  }
}

/** @throws TlsFilesError */
export function createServerTls(options: TlsOptions): ServerTls {
  return new ServerTls(options)
}
