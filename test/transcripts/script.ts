/**
 * A transcript: raw bytes sent over named connections, and the moments at which the answers are
 * looked at.
 *
 * The answers themselves are in `answers.json`, recorded from a real nats-server by `record.ts`.
 */
export interface Transcript {
  /** States the behaviour; unique, because it is the key of the recorded answers. */
  readonly name: string
  /** Configuration file; scripts with the same text share one server, one after the other. */
  readonly config: string
  readonly steps: readonly Step[]
  /** Replaces what may differ from run to run in each frame. */
  readonly mask?: (frame: string) => string
  /**
   * Frames of these connections are compared as one sorted heap: the server may choose who gets
   * what.
   */
  readonly pool?: readonly string[]
  /** Compare the frames of each take sorted: the server may choose their order. */
  readonly anyOrder?: boolean
  /** Frames left out altogether, because how many come is the server's choice. */
  readonly drops?: (frame: string) => boolean
  /** Keep the server's own PINGs, which are dropped otherwise because their time is random. */
  readonly keepsPings?: boolean
  /** Run once for every position in the bytes of the first send, cut in two there. */
  readonly splitsEverywhere?: boolean
}

export type Step =
  /** Connects; the INFO line is checked to be one, and is an answer only when `keepsInfo`. */
  | {
      readonly kind: 'open'
      readonly on: string
      readonly keepsInfo: boolean
      readonly to: 'client' | 'leaf'
    }
  /** Waits for the server to dial the hub that the runner plays; see HUB_ADDRESS. */
  | { readonly kind: 'accept'; readonly on: string }
  /** `cuts`: send in pieces that end at these offsets; 'bytes': one byte at a time. */
  | {
      readonly kind: 'send'
      readonly on: string
      readonly bytes: string
      readonly cuts: readonly number[] | 'bytes'
      readonly pauseMs: number
    }
  /** Sends what is made of bytes received so far, such as a nonce or a reply subject. */
  | { readonly kind: 'sendMade'; readonly on: string; readonly make: Make }
  /**
   * Looks at all frames since the last take. While recording, waits for `settleMs` of silence
   * first.
   */
  | { readonly kind: 'take'; readonly on: string; readonly settleMs: number }
  | { readonly kind: 'close'; readonly on: string }
  | { readonly kind: 'pause'; readonly durationMs: number }

/** @param heard everything a connection has received since it was opened, as latin1 */
export type Make = (heard: (on: string) => string) => string

/** Stands in a configuration for the address of the hub that the scripts play. */
export const HUB_ADDRESS = '<hub>'

/** Silence after which the real server is taken to have nothing more to say. */
const SETTLE_MS = 250

export function open(...names: readonly string[]): Step[] {
  return names.map((on) => ({ kind: 'open', on, keepsInfo: false, to: 'client' }))
}

export function openKeepingInfo(on: string, to: 'client' | 'leaf' = 'client'): Step {
  return { kind: 'open', on, keepsInfo: true, to }
}

/** Connects to the leaf port. */
export function openLeaf(...names: readonly string[]): Step[] {
  return names.map((on) => ({ kind: 'open', on, keepsInfo: false, to: 'leaf' }))
}

export function accept(on: string): Step {
  return { kind: 'accept', on }
}

export function send(on: string, bytes: string): Step {
  return { kind: 'send', on, bytes, cuts: [], pauseMs: 0 }
}

/** Sends in pieces, with a pause between them. */
export function sendCut(
  on: string,
  bytes: string,
  cuts: readonly number[] | 'bytes',
  pauseMs = 1,
): Step {
  return { kind: 'send', on, bytes, cuts, pauseMs }
}

/** Sends what depends on what was received. */
export function sendMade(on: string, make: Make): Step {
  return { kind: 'sendMade', on, make }
}

export function take(on: string, settleMs = SETTLE_MS): Step {
  return { kind: 'take', on, settleMs }
}

export function takeAll(...names: readonly string[]): Step[] {
  return names.map((on) => take(on))
}

export function close(on: string): Step {
  return { kind: 'close', on }
}

export function pause(durationMs: number): Step {
  return { kind: 'pause', durationMs }
}

/** Sends and looks at the answers of the same connection. */
export function ask(on: string, bytes: string): Step[] {
  return [send(on, bytes), take(on)]
}

/** Lines with their CRLF. */
export function lines(...texts: readonly string[]): string {
  return texts.map((text) => `${text}\r\n`).join('')
}

type Extras = Partial<Omit<Transcript, 'name' | 'config' | 'steps'>>

/** One connection A that sends each of `sends` and takes the answer to it. */
export function single(
  name: string,
  sends: string | readonly string[],
  config = '',
  extras: Extras = {},
): Transcript {
  const texts = typeof sends === 'string' ? [sends] : sends
  const steps = [...open('A'), ...texts.flatMap((text) => ask('A', text))]
  return { name, config, steps, ...extras }
}

export function script(
  name: string,
  steps: readonly (Step | readonly Step[])[],
  config = '',
  extras: Extras = {},
): Transcript {
  return { name, config, steps: steps.flat(), ...extras }
}

/** CONNECT with verbose and pedantic off, and further JSON members. */
export function connect(members: Readonly<Record<string, unknown>> = {}): string {
  return `CONNECT ${JSON.stringify({ verbose: false, pedantic: false, ...members })}\r\n`
}

export function pub(subject: string, payload: string, reply = ''): string {
  const words = ['PUB', subject, reply, String(payload.length)].filter((word) => word !== '')
  return `${words.join(' ')}\r\n${payload}\r\n`
}

export function hpub(subject: string, header: string, payload: string, reply = ''): string {
  const sizes = [String(header.length), String(header.length + payload.length)]
  const words = ['HPUB', subject, reply, ...sizes].filter((word) => word !== '')
  return `${words.join(' ')}\r\n${header}${payload}\r\n`
}

/** A header block with the given lines. */
export function headerBlock(...headerLines: readonly string[]): string {
  return `NATS/1.0\r\n${lines(...headerLines)}\r\n`
}
