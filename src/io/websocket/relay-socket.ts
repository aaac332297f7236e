import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { MessagePort } from 'node:worker_threads'

/** What may be under way to the other thread at a time; it may be overrun by one write. */
export const RELAY_WINDOW_BYTES = 512 * 1024

/** A peer may take this long to take what was written before the end. As in connection.ts. */
const LINGER_MS = 2000

/** What the thread with the socket knows of its peer. Structured-cloneable. */
export interface RelayFacts {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly compress: boolean
  readonly noMasking: boolean
  readonly isTls: boolean
  /** Address of the peer as a proxy told it; absent when none did. */
  readonly forwardedFor?: string
}

/** What goes over the port, both ways. */
type RelayMessage =
  | Uint8Array
  /** The receiver has taken that many bytes. */
  | number
  /** No more bytes will come. */
  | 'end'
  | { readonly error: string }

/** One direction: how much the other thread has not taken yet. */
class RelayWindow {
  readonly #port: MessagePort
  #underWay = 0

  constructor(port: MessagePort) {
    this.#port = port
  }

  get isOpen(): boolean {
    return this.#underWay < RELAY_WINDOW_BYTES
  }

  /** @param chunk its memory is given away when nothing else is in it, else copied */
  send(chunk: Uint8Array): void {
    this.#underWay += chunk.length
    const isAlone = chunk.buffer instanceof ArrayBuffer && chunk.length === chunk.buffer.byteLength
    const own = isAlone ? chunk : new Uint8Array(chunk)
    // A plain array: a Buffer would arrive as one anyway, and small ones lie in Node's pool.
    const bytes = new Uint8Array(own.buffer as ArrayBuffer, own.byteOffset, own.length)
    this.#port.postMessage(bytes, [bytes.buffer])
  }

  onTaken(bytes: number): void {
    this.#underWay -= bytes
  }
}

/**
 * Passes on the bytes of a socket to another thread and back, for a socket that was read from and
 * cannot be handed over any more. Either side's end, or failure, is the other's.
 *
 * @param head bytes already read
 * @param onClosed the socket is gone
 */
export function relaySocket(
  socket: Socket,
  head: Uint8Array,
  port: MessagePort,
  onClosed: () => void = () => {},
): void {
  const window = new RelayWindow(port)
  const post = (message: RelayMessage) => port.postMessage(message)
  const forward = (chunk: Uint8Array) => {
    window.send(chunk)
    if (!window.isOpen) socket.pause()
  }
  let hasEnded = false
  port.on('message', (message: RelayMessage) => {
    if (typeof message === 'number') {
      window.onTaken(message)
      if (window.isOpen) socket.resume()
    } else if (message === 'end') {
      hasEnded = true
      socket.end()
    } else if (message instanceof Uint8Array) {
      socket.write(message, (error) => {
        if (!error) post(message.length)
      })
    }
  })
  // The other side is done with it, or its thread has died.
  port.on('close', () => {
    if (!hasEnded) {
      socket.destroy()
      return
    }
    socket.destroySoon()
    setTimeout(() => socket.destroy(), LINGER_MS).unref()
  })
  if (head.length > 0) forward(head)
  socket.on('data', forward)
  socket.on('end', () => post('end'))
  socket.on('error', (error) => post({ error: error.message }))
  socket.on('close', () => {
    port.close()
    onClosed()
  })
}

/** The socket's stand-in on the thread that works with its bytes. */
export class RelaySocket extends Duplex {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly #port: MessagePort
  readonly #window: RelayWindow
  /** Taken from the port since the other side was last told. */
  #untoldBytes = 0
  #hasEnd = false
  #onWindowOpen: (() => void) | undefined

  constructor(port: MessagePort, facts: Pick<RelayFacts, 'remoteAddress' | 'remotePort'>) {
    super({ highWaterMark: RELAY_WINDOW_BYTES / 2, decodeStrings: true })
    this.remoteAddress = facts.remoteAddress
    this.remotePort = facts.remotePort
    this.#port = port
    this.#window = new RelayWindow(port)
    port.on('message', (message: RelayMessage) => this.#onMessage(message))
    port.on('close', () => this.#onPortClose())
  }

  /** What came before the end is still read. */
  #onPortClose(): void {
    if (this.#hasEnd && !this.readableEnded) this.once('end', () => this.destroy())
    else this.destroy()
  }

  /** As net.Socket has it: sends what was written, then ends both ways. */
  destroySoon(): void {
    if (this.writableFinished) this.destroy()
    else this.end(() => this.destroy())
  }

  #onMessage(message: RelayMessage): void {
    if (typeof message === 'number') {
      this.#window.onTaken(message)
      if (!this.#window.isOpen) return
      const goOn = this.#onWindowOpen
      this.#onWindowOpen = undefined
      goOn?.()
    } else if (message === 'end') {
      this.#hasEnd = true
      this.push(null)
    } else if (message instanceof Uint8Array) {
      this.#untoldBytes += message.length
      if (this.push(message)) this.#tell()
    } else {
      this.destroy(new Error(message.error))
    }
  }

  #tell(): void {
    if (this.#untoldBytes > 0) this.#port.postMessage(this.#untoldBytes)
    this.#untoldBytes = 0
  }

  override _read(): void {
    this.#tell()
  }

  override _write(chunk: Uint8Array, _encoding: string, callback: () => void): void {
    this.#send(new Uint8Array(chunk), callback)
  }

  override _writev(writes: { readonly chunk: Uint8Array }[], callback: () => void): void {
    const all = new Uint8Array(writes.reduce((sum, { chunk }) => sum + chunk.length, 0))
    let at = 0
    for (const { chunk } of writes) {
      all.set(chunk, at)
      at += chunk.length
    }
    this.#send(all, callback)
  }

  #send(bytes: Uint8Array, callback: () => void): void {
    this.#window.send(bytes)
    if (this.#window.isOpen) callback()
    else this.#onWindowOpen = callback
  }

  override _final(callback: () => void): void {
    this.#port.postMessage('end')
    callback()
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#onWindowOpen = undefined
    this.#port.close()
    callback(error)
  }
}
