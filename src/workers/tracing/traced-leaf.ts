import type { Connection } from '../../io/connection.ts'
import { TRACE_KIND_LEAF } from '../../monitor/trace/message-trace.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import { errorLine, publishPermissionText } from '../../protocol/violations.ts'
import type { LeafConnection } from '../leaf/leaf-connection.ts'
import type { LeafLinks } from '../leaf/leaf-links.ts'
import type { ActiveTrace } from './active-trace.ts'
import type { PublishingSession } from './traced-publish.ts'
import type { TraceOrigin } from './tracer.ts'

/** A leaf link, as traces of the messages it brings see it. */
export class TracedLeaf implements PublishingSession {
  readonly connection: Connection
  readonly #links: LeafLinks
  readonly #link: LeafConnection

  constructor(links: LeafLinks, link: LeafConnection) {
    this.#links = links
    this.#link = link
    this.connection = link.connection
  }

  traceOrigin(): TraceOrigin {
    const { account: accountNumber, accountName: account, session } = this.#link
    const { directory } = this.#links.security
    const bound = directory.at(accountNumber)
    return {
      kind: TRACE_KIND_LEAF,
      cid: this.connection.cid,
      name: session.peerFacts.name,
      accountNumber,
      account,
      isSystemAccount: bound !== undefined && directory.isSystem(bound),
      trace: bound?.options.trace,
    }
  }

  /** What may not come by the link, its messages are not traced to. */
  mayTraceTo(dest: string): boolean {
    return this.#link.session.mayAnnounce(dest)
  }

  refuseTrace(dest: string): void {
    const name = Buffer.from(dest, 'latin1')
    this.logTrace(`Publish Violation - Subject ${goQuote(name)}`)
    this.connection.write(errorLine(publishPermissionText(name)))
  }

  logTrace(text: string): void {
    this.#links.thread.log.error(this.#link.prefix + text)
  }

  onImports(active?: ActiveTrace): void {
    this.#link.onImports(active)
  }

  onNoResponders(): void {}
}
