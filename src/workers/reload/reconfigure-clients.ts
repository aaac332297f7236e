import { setImmediate as nextTurn } from 'node:timers/promises'
import type { TlsFacts } from '../../auth/login.ts'
import type { ServerTls } from '../../io/tls/server-tls.ts'
import type { ClientSession } from '../clients/client-session.ts'
import type { ClientTlsAcceptor } from '../clients/client-tls.ts'
import { inSlicesOf } from '../io-thread/slices.ts'
import type { ProtocolWorker } from '../protocol-worker-role.ts'
import { NO_COUNTS, type ReloadCounts, type ReloadOrder } from './reload-types.ts'
import { faultOf } from './tls-reload.ts'

/** What was made of the files of TLS that other settings name. */
export interface PreparedTls {
  readonly clients: ClientTlsAcceptor | undefined
  readonly websocket: ServerTls | undefined
}

interface Prepared {
  readonly id: number
  readonly tls: PreparedTls
}

/**
 * A reload of the configuration, on a protocol worker: other settings for clients that come from
 * now on, and for those that are here, a few at a time.
 *
 * Who may stay, and what for, the routing worker has decided by then, for all who have logged in.
 */
export class ClientReload {
  readonly #worker: ProtocolWorker
  readonly #sessions: () => readonly ClientSession[]
  #prepared: Prepared | undefined

  constructor(worker: ProtocolWorker, sessions: () => readonly ClientSession[]) {
    this.#worker = worker
    this.#sessions = sessions
  }

  /** Reads the files that the settings name. @returns what is wrong with one; '' = nothing */
  async prepare({ id, settings }: ReloadOrder): Promise<string> {
    let tls: PreparedTls | undefined
    const make = await this.#worker.loadTls(settings)
    const fault = faultOf(() => {
      tls = make()
    })
    this.#prepared = tls && { id, tls }
    return fault?.text ?? ''
  }

  drop(id: number): undefined {
    if (this.#prepared?.id === id) this.#prepared = undefined
  }

  /** Also what was not prepared: what is wrong with a file then leaves the certificates in use. */
  async apply(order: ReloadOrder): Promise<ReloadCounts> {
    if (this.#prepared?.id !== order.id) {
      const fault = await this.prepare(order)
      if (fault !== '') this.#worker.log.error(`TLS stays as it was: ${fault}`)
    }
    const tls = this.#prepared?.id === order.id ? this.#prepared.tls : undefined
    this.#prepared = undefined
    // An order with thousands of users takes a while to arrive: others have their turn first.
    await nextTurn()
    const counts = { ...NO_COUNTS }
    this.#worker.useSettings(order.settings, tls)
    if (order.changes.isPinnedCertsChanged) counts.disconnected += await this.#closeUnpinned()
    await this.#each(async (session) => {
      if (!session.useFront()) return
      // Everybody was let in so far; now who is here has to be somebody.
      const stays = await session.login.logInAgain()
      if (stays) counts.reauthenticated++
      else counts.disconnected++
    })
    counts.subscriptionsRemoved = this.#worker.takeRemovedSubscriptions()
    return counts
  }

  async #each(work: (session: ClientSession) => Promise<void> | void): Promise<void> {
    await inSlicesOf(this.#sessions(), (session) => {
      if (session.connection.isOpen) return this.#worker.thread.inTurn(() => work(session))
    })
  }

  /** Clients of the TCP listener whose certificate is none of those that are pinned now. */
  async #closeUnpinned(): Promise<number> {
    const pins = this.#worker.options.tls?.pinnedCerts ?? []
    if (pins.length === 0) return 0
    // Where there are pins there is TLS, so that this has been loaded.
    const { pinOf } = await import('../../io/tls/pins.ts')
    const isPinned = ({ certificates }: TlsFacts): boolean =>
      certificates[0] !== undefined && pins.includes(pinOf(certificates[0]))
    const unpinned = this.#sessions().filter(({ front, tls }) => {
      return front.kind === 'client' && (tls === undefined || !isPinned(tls))
    })
    if (unpinned.length === 0) return 0
    const what = `Disconnect ${unpinned.length} clients due to pinned certs reload`
    this.#worker.log.info(what)
    await inSlicesOf(unpinned, ({ connection }) => {
      this.#worker.thread.inTurn(() => connection.close('tlsHandshakeFailure'))
    })
    return unpinned.length
  }

  /** There may be fewer clients than there are: the newest go. @returns how many were closed */
  async closeExcess(count: number): Promise<number> {
    const sessions = [...this.#sessions()].sort((a, b) => b.connection.cid - a.connection.cid)
    const going = sessions.slice(0, count)
    await inSlicesOf(going, (session) => session.evict('maxConnections'))
    return going.length
  }
}
