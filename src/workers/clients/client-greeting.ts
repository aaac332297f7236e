import { randomBytes } from 'node:crypto'
import { GLOBAL_ACCOUNT } from '../../protocol/global-account.ts'
import { encodeInfo, type ServerInfo } from '../../protocol/info.ts'
import type { ClientSession } from './client-session.ts'

const NONCE_BYTES = 11

/** INFO as one client gets it: at first, behind its first PONG, and when the server is to end. */
export class ClientGreeting {
  /** To be signed; '' when nobody has to. */
  readonly nonce: string
  readonly #session: ClientSession
  #hasSentPong = false

  constructor(session: ClientSession) {
    this.#session = session
    const { showsNonce } = session.front
    this.nonce = showsNonce ? randomBytes(NONCE_BYTES).toString('base64url') : ''
  }

  send(more: Partial<ServerInfo>): void {
    const { connection, front, granted, login } = this.#session
    connection.write(
      encodeInfo({
        ...front.info,
        clientId: connection.cid,
        clientIp: connection.remoteAddress,
        maxPayload: granted?.grant.maxPayload ?? front.info.maxPayload,
        // Only the first INFO tells what is to be signed.
        nonce: login.standing === undefined ? this.nonce : '',
        ...more,
      }),
    )
  }

  /** A PONG went to a client that has sent CONNECT: behind the first one INFO tells where it is. */
  afterPong(): void {
    if (this.#hasSentPong) return
    this.#hasSentPong = true
    const { front, granted, options } = this.#session
    if (options.protocol < 1) return
    const { accountName: remoteAccount = GLOBAL_ACCOUNT, isSystemAccount } = granted?.grant ?? {}
    const authRequired = front.required
    this.send({ connectInfo: true, remoteAccount, isSystemAccount, authRequired })
  }

  /**
   * The server is about to end: clients that take INFO at any time look for another one.
   *
   * @returns whether this is such a client
   */
  tellLameDuck(): boolean {
    const isReady = this.#hasSentPong && this.#session.options.protocol >= 1
    if (isReady) this.send({ lameDuckMode: true })
    return isReady
  }
}
