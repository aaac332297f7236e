import type { SystemMessage } from '../../auth/resolver/system-bus.ts'
import type { Logger } from '../../base/log-line.ts'
import type { OptionValues } from '../../monitor/requests/go-unmarshal.ts'
import {
  acceptedEncoding,
  encodeReply,
  type ReplyEncoding,
} from '../../monitor/requests/reply-encoding.ts'
import { isMeant, readRequestOptions } from '../../monitor/requests/request-options.ts'
import { type GoJsonObject, goJson } from '../../protocol/go-json.ts'
import { encodeHeaders } from '../../protocol/headers.ts'
import type { ThreadSettings } from '../threads/thread-settings.ts'
import { clusterNameOf } from './server-info.ts'
import type { SystemClient } from './system-client.ts'

const BAD_REQUEST = 400
const INTERNAL_ERROR = 500

/** What a service answers; undefined: nothing, as if it had not been asked. */
export type Outcome =
  | { readonly ok: true /** JSON, '' = there is nothing to say. */; readonly json: string }
  | {
      readonly ok: false
      readonly text: string
      /** The answer has its member `data` all the same, which is null then. */
      readonly hasData: boolean
    }
  | undefined

export type Answerer = (request: SystemMessage, options: OptionValues) => Promise<Outcome> | Outcome

export interface RepliesOptions {
  readonly client: SystemClient
  readonly settings: () => ThreadSettings
  readonly serverInfo: () => GoJsonObject
  readonly log: Logger
}

/** Requests to the system account, and the envelope of their answers. On the routing worker. */
export class Replies {
  readonly #options: RepliesOptions

  constructor(options: RepliesOptions) {
    this.#options = options
  }

  /**
   * Answers a request whose body has options, if they mean this server.
   *
   * @param name of the request, see request-options.ts
   */
  answer(name: string, request: SystemMessage, answerer: Answerer): void {
    this.watch(name, this.#answer(name, request, answerer))
  }

  /** What goes wrong with an answer is for the log, not the end of the thread. */
  watch(name: string, answering: Promise<void>): void {
    answering.catch((error) => {
      this.#options.log.error(`Request ${name} of the system account failed: ${String(error)}`)
    })
  }

  async #answer(name: string, request: SystemMessage, answerer: Answerer): Promise<void> {
    const { reply, headers, payload } = request
    if (reply === '') return
    const read = readRequestOptions(name, payload)
    if (!read.ok) {
      const error = { code: BAD_REQUEST, description: read.error }
      await this.#send(reply, `,"error":${goJson(error)}`, 'none')
      return
    }
    if (!this.isMeant(read.values)) return
    const outcome = await answerer(request, read.values)
    if (outcome === undefined) return
    if (outcome.ok) {
      const data = outcome.json === '' ? '' : `,"data":${outcome.json}`
      await this.#send(reply, data, acceptedEncoding(headers))
      return
    }
    const error = goJson({ code: INTERNAL_ERROR, description: outcome.text })
    const data = outcome.hasData ? ',"data":null' : ''
    await this.#send(reply, `${data},"error":${error}`, 'none')
  }

  /** Whether options have a filter that leaves out this server. */
  isMeant(options: OptionValues): boolean {
    const { serverName, options: config } = this.#options.settings()
    const { host, serverTags: tags } = config
    const cluster = clusterNameOf(config)
    return isMeant(options, { name: serverName, host, cluster, domain: '', tags })
  }

  /** A bad request whose envelope nats-server writes without looking at the encoding. */
  refuse(reply: string, description: string): void {
    const error = goJson({ code: BAD_REQUEST, description })
    this.watch('STATSZ', this.#send(reply, `,"error":${error}`, 'none'))
  }

  /** @param members behind `server`, with their comma */
  async #send(reply: string, members: string, encoding: ReplyEncoding): Promise<void> {
    const { client, serverInfo } = this.#options
    const text = Buffer.from(`{"server":${goJson(serverInfo())}${members}}`)
    if (encoding === 'none') {
      client.publish(reply, '', text)
      return
    }
    const payload = await encodeReply(text, encoding)
    const headers = encodeHeaders([['Content-Encoding', encoding]])
    client.send({ subject: reply, headers, payload })
  }
}
