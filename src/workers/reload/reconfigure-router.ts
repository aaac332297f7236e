import { setImmediate as nextTurn } from 'node:timers/promises'
import type { AcceptedTls } from '../leaf/leaf-acceptor.ts'
import type { RoutingWorker } from '../routing-worker-role.ts'
import { NO_COUNTS, type ReloadCounts, type ReloadOrder } from './reload-types.ts'
import { faultOf } from './tls-reload.ts'

interface Prepared {
  readonly id: number
  /** Of links that others dial. */
  readonly tls: AcceptedTls | undefined
}

/**
 * A reload of the configuration, on the routing worker: accounts and who may be in them, then leaf
 * links. Reloads are done one after the other, however long one takes.
 */
export class RouterReload {
  readonly #worker: RoutingWorker
  #prepared: Prepared | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(worker: RoutingWorker) {
    this.#worker = worker
  }

  /** @returns what cannot be put in force; '' = nothing */
  async prepare({ id, settings }: ReloadOrder): Promise<string> {
    const { security, leafs } = this.#worker
    let tls: AcceptedTls | undefined
    const makeTls = await leafs.acceptor.loadTls(settings.options.leafnodes.tls)
    const fault = faultOf(() => {
      tls = makeTls()
      security.prepareReload(settings)
    })
    this.#prepared = fault === undefined ? { id, tls } : undefined
    return fault?.text ?? ''
  }

  drop(id: number): undefined {
    if (this.#prepared?.id === id) this.#prepared = undefined
  }

  /** Also what was not prepared: what is wrong with a file then leaves the certificates in use. */
  apply(order: ReloadOrder): Promise<ReloadCounts> {
    const applied = this.#last.then(() => this.#apply(order))
    this.#last = applied.catch(() => {})
    return applied
  }

  async #apply(order: ReloadOrder): Promise<ReloadCounts> {
    const { thread, security, leafs } = this.#worker
    if (this.#prepared?.id !== order.id) {
      const fault = await this.prepare(order)
      if (fault !== '') thread.log.error(`Reloaded in part: ${fault}`)
    }
    const tls = this.#prepared?.id === order.id ? this.#prepared.tls : leafs.acceptor.tls
    this.#prepared = undefined
    // An order with thousands of users takes a while to arrive: others have their turn first.
    await nextTurn()
    const { settings, changes } = order
    thread.useOptions(settings.options)
    const links = thread.inTurn(() => leafs.useSettings(settings, tls, changes.leaf))
    await nextTurn()
    const logins = await security.reload(settings, changes.isAuthChanged)
    return { ...NO_COUNTS, ...links, ...logins }
  }
}
