import type { IncomingMessage, ServerResponse } from 'node:http'
import { normaliseBasePath } from '../../config/monitoring-checks.ts'
import { type Endpoint, EndpointError, type HttpAnswer, TEXT_TYPE } from '../endpoints/endpoint.ts'
import { HTTP_ENDPOINTS } from '../endpoints/endpoint-list.ts'
import { type IndexLink, indexPage } from '../endpoints/index-page.ts'
import { ParameterError, Query } from '../endpoints/query.ts'
import type { MonitorContext } from '../monitor-context.ts'
import { AnswerGate } from './answer-gate.ts'
import { AnswerWriter } from './answer-writer.ts'
import { parseRequestTarget, type RequestTarget } from './request-target.ts'
import { bringsToken } from './token.ts'

/** What a handler gets besides the request itself. */
export interface MonitorRequest {
  readonly message: IncomingMessage
  /** Without the base path; `/` is the index. */
  readonly path: string
  readonly query: Query
  readonly context: MonitorContext
  /** For finished answers: a deadline for slow readers, bounded memory for all of them. */
  send(answer: HttpAnswer, headers?: Readonly<Record<string, string>>): void
}

/** Owns the response: it may stream. What it throws is answered with 500 and logged. */
export type MonitorHandler = (
  request: MonitorRequest,
  response: ServerResponse,
) => void | Promise<void>

export interface AddedRoute {
  /** Without the base path. With a slash at its end: everything below. */
  readonly path: string
  readonly handler: MonitorHandler
  /** Title on the index page; '' = not there. */
  readonly title: string
  /** No token is asked for. */
  readonly isOpen?: boolean
}

/** As Go words them. */
const REDIRECTIONS = { 301: 'Moved Permanently', 307: 'Temporary Redirect' } as const

const CORS = { 'Access-Control-Allow-Origin': '*' }
const NO_SNIFFING = { 'X-Content-Type-Options': 'nosniff' }

const HTML_TYPE = 'text/html; charset=utf-8'

/** Asked by supervisors of processes, which know no token; says nothing but whether all is well. */
const OPEN_PATH = '/healthz'

const NOT_FOUND: HttpAnswer = {
  status: 404,
  contentType: TEXT_TYPE,
  body: '404 page not found\n',
}
const BAD_REQUEST: HttpAnswer = { status: 400, contentType: TEXT_TYPE, body: '400 Bad Request' }
const UNAUTHORIZED: HttpAnswer = { status: 401, contentType: TEXT_TYPE, body: 'unauthorized\n' }
const FAILED: HttpAnswer = { status: 500, contentType: TEXT_TYPE, body: 'internal error\n' }
const BUSY: HttpAnswer = { status: 503, contentType: TEXT_TYPE, body: 'too many requests\n' }

/** Finds who answers a request, and answers for nats-server's endpoints. */
export class MonitorRouter {
  readonly #context: MonitorContext
  readonly #basePath: string
  readonly #gate = new AnswerGate()
  readonly #writer = new AnswerWriter()
  readonly #added = new Map<string, AddedRoute>()

  constructor(context: MonitorContext, basePath: string) {
    this.#context = context
    this.#basePath = normaliseBasePath(basePath)
  }

  add(route: AddedRoute): void {
    this.#added.set(route.path, route)
  }

  async handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = parseRequestTarget(message.url ?? '/')
    if (target === undefined) return this.#writer.send(response, BAD_REQUEST)
    if (target.cleanPath !== target.path) return this.#redirect(response, 307, target)
    const path = this.#pathBelowBase(target.path)
    const query = new Query(target.rawQuery)
    const request: MonitorRequest = {
      message,
      path,
      query,
      context: this.#context,
      send: (answer, headers) => this.#writer.send(response, answer, headers),
    }
    try {
      await this.#answer(request, response, target)
    } catch (error) {
      if (error instanceof ParameterError || error instanceof EndpointError) {
        const { message: body } = error
        return request.send({ status: 400, contentType: TEXT_TYPE, body })
      }
      this.#context.warn(`Error answering monitoring request to ${path}: ${String(error)}`)
      if (response.headersSent) response.destroy()
      else request.send(FAILED)
    }
  }

  async #answer(
    request: MonitorRequest,
    response: ServerResponse,
    target: RequestTarget,
  ): Promise<void> {
    const { path, query, message } = request
    const endpoint = HTTP_ENDPOINTS.get(path)
    const route = endpoint === undefined ? this.#routeFor(path) : undefined
    const { monitorToken } = this.#context.source.server().options
    const isOpen = path === OPEN_PATH || route?.isOpen === true
    if (!isOpen && monitorToken !== '') {
      if (!bringsToken(message.headers.authorization, query, monitorToken)) {
        return request.send(UNAUTHORIZED, { 'WWW-Authenticate': 'Bearer' })
      }
    }
    if (endpoint !== undefined) return this.#answerEndpoint(endpoint, request, response)
    if (route !== undefined) return route.handler(request, response)
    if (path === '/') return this.#answerIndex(request)
    if (this.#added.has(`${path}/`)) {
      const below = { ...target, cleanPath: `${target.path}/` }
      return this.#redirect(response, 301, below)
    }
    request.send(NOT_FOUND, NO_SNIFFING)
  }

  async #answerEndpoint(
    endpoint: Endpoint,
    { query, context, send }: MonitorRequest,
    response: ServerResponse,
  ): Promise<void> {
    if (endpoint.counted === 'all') this.#count(endpoint.path)
    const onValid = () => {
      if (endpoint.counted === 'valid') this.#count(endpoint.path)
    }
    const make = () => endpoint.overHttp(query, context, onValid)
    const answer = await (endpoint.path === OPEN_PATH ? make() : this.#gate.run(make))
    if (!response.destroyed) send(answer ?? BUSY, answer?.status === 404 ? {} : CORS)
  }

  #answerIndex({ query, send }: MonitorRequest): void {
    this.#count('/')
    const token = query.text('token')
    const body = indexPage({
      serverName: this.#context.source.server().name,
      basePath: this.#basePath,
      extra: this.#extraLinks(),
      suffix: token === '' ? '' : `?token=${encodeURIComponent(token)}`,
    })
    send({ status: 200, contentType: HTML_TYPE, body })
  }

  #extraLinks(): readonly IndexLink[] {
    return [...this.#added.values()].filter(({ title }) => title !== '')
  }

  #count(path: string): void {
    const { httpRequests } = this.#context
    httpRequests.set(path, (httpRequests.get(path) ?? 0) + 1)
  }

  /** Itself, or the deepest folder that has it. */
  #routeFor(path: string): AddedRoute | undefined {
    const route = this.#added.get(path)
    if (route !== undefined) return route
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const folder = this.#added.get(path.slice(0, slash + 1))
      if (folder !== undefined) return folder
    }
    return undefined
  }

  /** '' for what is not below the base path. */
  #pathBelowBase(path: string): string {
    if (this.#basePath === '/') return path
    if (path === this.#basePath) return '/'
    const below = path.startsWith(`${this.#basePath}/`) ? path.slice(this.#basePath.length) : ''
    return below === '/' ? '' : below
  }

  #redirect(
    response: ServerResponse,
    status: 301 | 307,
    { cleanPath, rawQuery }: RequestTarget,
  ): void {
    const query = rawQuery === '' ? '' : `?${rawQuery}`
    const location = encodeURI(cleanPath) + query
    const shown = location.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
    const body = `<a href="${shown}">${REDIRECTIONS[status]}</a>.\n\n`
    this.#writer.send(response, { status, contentType: HTML_TYPE, body }, { Location: location })
  }
}
