import * as transport from '@nats-io/transport-node'
import * as nats from 'nats'

/*
 * The part of the two official clients the tests use. Methods, not function members, because both
 * clients ask for more of their arguments than is named here.
 */

export interface TestHeaders {
  set(key: string, value: string): void
  append(key: string, value: string): void
  get(key: string): string
  values(key: string): string[]
  has(key: string): boolean
}

export interface TestMessage {
  readonly subject: string
  readonly data: Uint8Array
  readonly reply?: string | undefined
  readonly headers?: TestHeaders | undefined
  respond(payload?: Uint8Array | string, options?: { headers?: TestHeaders }): boolean
}

export interface TestSubscription extends AsyncIterable<TestMessage> {
  readonly closed: Promise<unknown>
  unsubscribe(max?: number): void
  drain(): Promise<unknown>
  isClosed(): boolean
  getReceived(): number
  getSubject(): string
}

export interface SubscribeOptions {
  queue?: string
  max?: number
  callback?: (error: Error | null, message: TestMessage) => void
}

export interface RequestOptions {
  timeout: number
  noMux?: boolean
  headers?: TestHeaders
}

export interface TestConnection {
  readonly info?:
    | { readonly max_payload: number; readonly version: string; readonly headers?: boolean }
    | undefined
  publish(
    subject: string,
    payload?: Uint8Array | string,
    options?: { reply?: string; headers?: TestHeaders },
  ): void
  subscribe(subject: string, options?: SubscribeOptions): TestSubscription
  request(
    subject: string,
    payload?: Uint8Array | string,
    options?: RequestOptions,
  ): Promise<TestMessage>
  /**
   * Options are { strategy, maxWait, maxMessages }; the two clients disagree on the type of
   * strategy.
   */
  requestMany(
    subject: string,
    payload?: Uint8Array | string,
    options?: object,
  ): Promise<AsyncIterable<TestMessage>>
  flush(): Promise<void>
  rtt(): Promise<number>
  drain(): Promise<void>
  close(): Promise<void>
  closed(): Promise<unknown>
  isClosed(): boolean
  getServer(): string
  stats(): { inBytes: number; outBytes: number; inMsgs: number; outMsgs: number }
  status(): AsyncIterable<{ readonly type: string }>
}

export interface ConnectOptions {
  servers?: string
  name?: string
  token?: string
  user?: string
  pass?: string
  noEcho?: boolean
  verbose?: boolean
  pedantic?: boolean
  reconnect?: boolean
  reconnectTimeWait?: number
  maxReconnectAttempts?: number
  pingInterval?: number
  maxPingOut?: number
  timeout?: number
}

export interface ClientLibrary {
  readonly name: string
  connect(options: ConnectOptions): Promise<TestConnection>
  headers(): TestHeaders
  /** Sorts an error of the library. */
  kindOf(error: unknown): ErrorKind
}

export type ErrorKind = 'no responders' | 'timeout' | 'authorization' | 'payload' | 'other'

export const CLASSIC: ClientLibrary = {
  name: 'nats 2',
  connect: (options) => nats.connect(options),
  headers: () => nats.headers(),
  kindOf: (error) => {
    switch (error instanceof nats.NatsError ? error.code : '') {
      case nats.ErrorCode.NoResponders:
        return 'no responders'
      case nats.ErrorCode.Timeout:
        return 'timeout'
      case nats.ErrorCode.AuthorizationViolation:
        return 'authorization'
      case nats.ErrorCode.MaxPayloadExceeded:
        return 'payload'
      default:
        return 'other'
    }
  },
}

const CURRENT: ClientLibrary = {
  name: '@nats-io/transport-node 3',
  connect: (options) => transport.connect(options),
  headers: () => transport.headers(),
  kindOf: (error) => {
    if (error instanceof transport.RequestError && error.isNoResponders()) return 'no responders'
    if (error instanceof transport.NoRespondersError) return 'no responders'
    if (error instanceof transport.TimeoutError) return 'timeout'
    if (error instanceof transport.AuthorizationError) return 'authorization'
    if (error instanceof transport.InvalidArgumentError && /payload/.test(error.message)) {
      return 'payload'
    }
    return 'other'
  },
}

export const LIBRARIES: readonly ClientLibrary[] = [CLASSIC, CURRENT]
