import type { Socket } from 'node:net'
import type { Transferable } from 'node:worker_threads'
import type { ListenerKind, ToThread } from './thread-messages.ts'
import type { ThreadWords } from './thread-words.ts'

/** A socket that no thread can take at the moment. */
interface WaitingSocket {
  readonly socket: Socket
  readonly listener: ListenerKind
  readonly isRefused: boolean
}

/** What the supervisor gives for it. */
export interface HandoverOptions {
  readonly words: ThreadWords
  /** Number of the routing worker, which takes the leafs. */
  readonly router: number
  post(thread: number, message: ToThread, transfer: Transferable[]): void
  debug(text: string): void
}

/**
 * Gives accepted sockets to the threads that will own them. Sockets that come while no thread can
 * take them wait.
 */
export class ConnectionHandover {
  readonly #options: HandoverOptions
  #waiting: WaitingSocket[] = []
  #lastConnectionId = 0
  #clientTotal = 0

  constructor(options: HandoverOptions) {
    this.#options = options
  }

  takeConnectionId(): number {
    return ++this.#lastConnectionId
  }

  /** Connections of clients, those that are being handed over included. */
  get clientCount(): number {
    return this.#options.words.clientConnections()
  }

  /** Clients that were ever handed over. */
  get clientTotal(): number {
    return this.#clientTotal
  }

  /** Gives an accepted socket, of which nothing was read yet, to the thread that will own it. */
  handOver(socket: Socket, listener: ListenerKind, isRefused: boolean): void {
    const { words, post, debug } = this.#options
    const thread = this.#takerOf(listener)
    if (thread === undefined) {
      this.#waiting.push({ socket, listener, isRefused })
      return
    }
    words.countConnection(thread, 1)
    const cid = this.takeConnectionId()
    if (listener !== 'leaf') this.#clientTotal += 1
    const message = { type: 'connection', listener, socket, cid, isRefused } as const
    try {
      // Sockets are transferable since Node 24.20; @types/node of that line does not say so.
      post(thread, message, [socket as unknown as Transferable])
    } catch (error) {
      // The peer was gone before its socket could be handed over.
      words.countConnection(thread, -1)
      socket.destroy()
      debug(`connection ${cid} was not handed over: ${String(error)}`)
    }
  }

  /** Thread that takes a connection now; undefined while those that could are being replaced. */
  #takerOf(listener: ListenerKind): number | undefined {
    const { words, router } = this.#options
    if (listener !== 'leaf') return words.leastLoaded()
    return words.isRunning(router) ? router : undefined
  }

  /** A thread was replaced: it may take those that wait. */
  handOverWaiting(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { socket, listener, isRefused } of waiting) {
      this.handOver(socket, listener, isRefused)
    }
  }

  /** The broker ends. */
  close(): void {
    for (const { socket } of this.#waiting) socket.destroy()
  }
}
