import type { Connection } from '../../io/connection.ts'
import { TRACE_KIND_CLIENT } from '../../monitor/trace/message-trace.ts'
import { GLOBAL_ACCOUNT } from '../../protocol/global-account.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import { errorLine, publishPermissionText } from '../../protocol/violations.ts'
import type { ClientSession } from '../clients/client-session.ts'
import type { ProtocolWorker } from '../protocol-worker-role.ts'
import type { ActiveTrace } from './active-trace.ts'
import type { PublishingSession } from './traced-publish.ts'
import type { TraceOrigin } from './tracer.ts'

/** A client, as traces of its messages see it. */
export class TracedClient implements PublishingSession {
  readonly connection: Connection
  readonly #worker: ProtocolWorker
  readonly #session: ClientSession

  constructor(worker: ProtocolWorker, session: ClientSession) {
    this.#worker = worker
    this.#session = session
    this.connection = session.connection
  }

  traceOrigin(): TraceOrigin {
    const { granted, options } = this.#session
    const {
      account: accountNumber = 0,
      accountName: account = GLOBAL_ACCOUNT,
      isSystemAccount = false,
      trace,
    } = granted?.grant ?? {}
    const who = { kind: TRACE_KIND_CLIENT, cid: this.connection.cid, name: options.name } as const
    return { ...who, accountNumber, account, isSystemAccount, trace }
  }

  mayTraceTo(dest: string): boolean {
    return this.#session.granted?.mayPublish(dest) ?? true
  }

  refuseTrace(dest: string): void {
    const name = Buffer.from(dest, 'latin1')
    this.logTrace(`Publish Violation - Subject ${goQuote(name)}`)
    this.connection.write(errorLine(publishPermissionText(name)))
  }

  logTrace(text: string): void {
    this.#worker.log.error(this.#session.prefix + text)
  }

  onImports(active?: ActiveTrace): void {
    this.#session.onImports(active)
  }

  onNoResponders(): void {
    this.#session.onNoResponders()
  }
}
