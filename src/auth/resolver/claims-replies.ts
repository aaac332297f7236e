import type { Logger } from '../../base/log-line.ts'
import { type GoJsonValue, goJsonObject } from '../../protocol/go-json.ts'
import type { ResolverServices } from './account-resolver.ts'
import type { SystemBus } from './system-bus.ts'

const STATUS_OK = 200
const STATUS_FAILED = 500

/** A subject in a JWT is any text; it must not look like a line of its own in the log. */
const LINE_BREAKERS = /\p{Cc}+/gu

type Answerer = Pick<ResolverServices, 'serverInfo'> & { readonly bus: SystemBus; log: Logger }

/** Tells the log and, when it waits for it, the sender what became of a request. */
export class ClaimsReplies {
  readonly #answerer: Answerer

  constructor(answerer: Answerer) {
    this.#answerer = answerer
  }

  /** @param account '' = none to be named */
  succeed(reply: string, account: string, message: string): void {
    this.#answerer.log.debug(account === '' ? message : `${message} - ${account}`)
    this.#answer(reply, 'data', {
      account: account === '' ? undefined : account,
      code: STATUS_OK,
      message,
    })
  }

  /** @param why what went wrong, after the message */
  fail(reply: string, account: string, message: string, why: string): void {
    const who = account === '' ? '' : ` - ${account}`
    this.#answerer.log.error(`${message}${who} - ${why}`.replace(LINE_BREAKERS, ' '))
    this.#answer(reply, 'error', {
      account: account === '' ? undefined : account,
      code: STATUS_FAILED,
      description: `${message} - ${why}`,
    })
  }

  /** The one answer that Go makes from a map: its members are sorted. */
  list(reply: string, accounts: readonly string[]): void {
    if (reply === '') return
    const server = this.#answerer.serverInfo()
    this.#publish(reply, [
      ['data', accounts],
      ['server', server],
    ])
  }

  /** @param payload '' = an empty message */
  text(reply: string, payload: string): void {
    this.#answerer.bus.publish(reply, '', Buffer.from(payload, 'latin1'))
  }

  #answer(reply: string, member: 'data' | 'error', value: GoJsonValue): void {
    if (reply === '') return
    this.#publish(reply, [
      ['server', this.#answerer.serverInfo()],
      [member, value],
    ])
  }

  #publish(reply: string, members: readonly (readonly [string, GoJsonValue])[]): void {
    this.#answerer.bus.publish(reply, '', Buffer.from(goJsonObject(members)))
  }
}
