import { isIP, type Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import type { TlsOptions } from '../../config/option-types.ts'
import { readCertificate } from './certificate-fields.ts'
import { shakeHands } from './handshake.ts'
import { hostMismatchText, isForHost } from './host-names.ts'
import { peerCertificate } from './peer-certificate.ts'
import { isPinned } from './pins.ts'
import { SecureContexts } from './secure-contexts.ts'
import { TlsError, verificationError, verificationText } from './tls-error.ts'

/** nats-server's TLS_TIMEOUT. */
const TIMEOUT_MS = 2000

/** What is told of the peer for one connection. */
export interface PeerName {
  /** Name or address that its certificate must be for; IPv6 without brackets. */
  readonly serverName: string
}

/** The dialling side of TLS, for as many connections as there are. */
export class ClientTls {
  readonly #options: TlsOptions | undefined
  #contexts: SecureContexts
  readonly #timeoutMs: number
  readonly #pins: readonly string[]
  readonly #isInsecure: boolean

  /** @throws TlsFilesError */
  constructor(options: TlsOptions | undefined, pins: readonly string[]) {
    this.#options = options
    this.#isInsecure = options?.insecure ?? false
    this.#contexts = new SecureContexts(options, !this.#isInsecure)
    this.#timeoutMs = options?.timeoutMs || TIMEOUT_MS
    this.#pins = pins
  }

  /**
   * Reads the files again, for handshakes from now on.
   *
   * @throws TlsFilesError; everything stays as it was
   */
  reload(): void {
    this.#contexts = new SecureContexts(this.#options, !this.#isInsecure)
  }

  /**
   * Shakes hands with a server.
   *
   * @param raw a connected socket from which nobody else reads any more; what it has buffered
   *   counts as read by us
   * @param alreadyRead first TLS bytes of the server that somebody took from the socket
   * @returns paused, without listeners of ours; it owns `raw`. A server that speaks TLS 1.3 refuses
   *   our certificate only later, with an 'error' event
   * @throws TlsError, and `raw` is destroyed
   */
  async secure(raw: Socket, peer: PeerName, alreadyRead?: Uint8Array): Promise<TLSSocket> {
    if (raw.destroyed) throw new TlsError('handshake', 'EOF')
    if (alreadyRead !== undefined && alreadyRead.length > 0) raw.unshift(Buffer.from(alreadyRead))
    const { serverName } = peer
    const socket = connect({
      socket: raw,
      secureContext: this.#contexts.default,
      // RFC 6066, section 3: addresses are not told.
      ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
      // We verify after the handshake, as Node does, but by Go's rules and with Go's words.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    })
    const check = () => this.#check(socket, serverName)
    await shakeHands(raw, socket, 'secureConnect', this.#timeoutMs, check)
    return socket
  }

  #check(socket: TLSSocket, serverName: string): void {
    if (!this.#isInsecure) this.#verify(socket, serverName)
    if (!isPinned(socket, this.#pins)) throw new TlsError('pinned', 'certificate not pinned')
  }

  #verify(socket: TLSSocket, serverName: string): void {
    const certificate = peerCertificate(socket)
    if (!socket.authorized || certificate === undefined) {
      throw verificationError(String(socket.authorizationError), certificate)
    }
    const fields = readCertificate(certificate)
    if (isForHost(fields, serverName)) return
    const text = verificationText(hostMismatchText(fields, serverName), certificate)
    throw new TlsError('hostname', text)
  }
}

/**
 * @param options of the remote; undefined: the roots of the system, no certificate of ours
 * @param pins `pinned_certs` of the leafnodes block
 * @throws TlsFilesError
 */
export function createClientTls(
  options: TlsOptions | undefined,
  pins: readonly string[] = [],
): ClientTls {
  return new ClientTls(options, pins)
}
